"""The spec as it comes in.

The model says what a spec looks like, to those who read the interface's
description. What a spec means is the library's business, and so is every message
about a mistake in it: there is one voice, with or without a server.
"""

from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, ValidationError, WithJsonSchema

from schemas.base import WireModel
from schemas.examples import MLP
from weightbank.dtypes import FLOATING_NAMES
from weightbank.limits import Limits
from weightbank.spec import Spec

_INITIALIZER: dict[str, Any] = {
    "description": "A name, or an object with `type` and arguments; see `GET /v1/initializers`.",
    "oneOf": [
        {"type": "string", "examples": ["zeros"]},
        {
            "type": "object",
            "properties": {"type": {"type": "string"}},
            "required": ["type"],
            "additionalProperties": True,
        },
    ],
    "examples": [{"type": "kaiming_normal", "nonlinearity": "relu"}],
}

_LAYER: dict[str, Any] = {
    "type": "object",
    "description": "A layer with torch's name and arguments; see `GET /v1/layers`.",
    "properties": {
        "name": {
            "type": "string",
            "description": "Module path, as in a state dict.",
            "examples": ["fc1"],
        },
        "type": {"type": "string", "examples": ["Linear"]},
        "init": _INITIALIZER,
    },
    "required": ["name", "type"],
    "additionalProperties": True,
}

_RULE: dict[str, Any] = {
    "type": "array",
    "description": "A regular expression (RE2) that the whole name of a tensor must match, "
    "and an initializer. The first rule that matches decides.",
    "prefixItems": [{"type": "string"}, _INITIALIZER],
    "minItems": 2,
    "maxItems": 2,
    "examples": [[r".*\.bias", "zeros"]],
}


def _documented(schema: dict[str, Any]) -> WithJsonSchema:
    return WithJsonSchema(schema)


def _optional(schema: dict[str, Any]) -> WithJsonSchema:
    """Return a schema that takes null, too, which means not given."""
    nullable = {**schema, "type": [schema["type"], "null"]}
    if "enum" in schema:
        nullable["enum"] = [*schema["enum"], None]
    return WithJsonSchema(nullable)


class SpecIn(WireModel):
    """A model's layers, and how each tensor starts."""

    model_config = ConfigDict(json_schema_extra={"examples": [MLP]})

    layers: Annotated[Any, _documented({"type": "array", "items": _LAYER, "minItems": 1})] = Field(
        description="In state-dict order."
    )
    rules: Annotated[Any, _optional({"type": "array", "items": _RULE})] = Field(
        default=None, description="Beaten by a layer's own `init`; they beat the preset."
    )
    preset: Annotated[Any, _optional({"type": "string", "examples": ["advised@1"]})] = Field(
        default=None,
        description="What a tensor gets that neither its layer nor a rule initializes; "
        "see `GET /v1/presets`. `advised@1` if not given.",
    )
    dtype: Annotated[Any, _optional({"type": "string", "enum": list(FLOATING_NAMES)})] = Field(
        default=None,
        description="Of every floating tensor that does not fix its own. `float32` if not given.",
    )
    seed: Annotated[Any, _optional({"type": "integer", "minimum": 0, "maximum": 2**64 - 1})] = (
        Field(default=None, description="Used by `POST /v1/weights`, remembered as a suggestion.")
    )
    allow: Annotated[Any, _optional({"type": "array", "items": {"type": "string"}})] = Field(
        default=None,
        description="What is to be let through though it is mostly a mistake.",
        examples=[["constant_weights"]],
    )

    @classmethod
    def from_document(cls, document: object, *, limits: Limits) -> Self:
        """Return the spec of a parsed document.

        Raises:
            WeightbankError: If it has not the structure of a spec.

        Examples:
            >>> from schemas.examples import MLP
            >>> SpecIn.from_document(MLP, limits=Limits()).to_spec(limits=Limits()).seed
            42
        """
        try:
            return cls.model_validate(document)
        except ValidationError:
            Spec.from_document(document, limits=limits)
            raise  # the library knows a key that this model lacks: our mistake

    def to_spec(self, *, limits: Limits) -> Spec:
        """Return the library's spec, validated.

        Raises:
            WeightbankError: If it cannot be what its author meant.
        """
        given = {name: getattr(self, name) for name in self.model_fields_set}
        return Spec.from_document(given, limits=limits)
