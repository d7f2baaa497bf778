"""Names of teams: what is put, and what they stand for."""

from datetime import datetime
from typing import Any, Self

from pydantic import ConfigDict, Field

from schemas.base import WireModel
from weightbank.errors import (
    NO_VALUE,
    InvalidArgumentError,
    InvalidSpecError,
    UnknownKeyError,
)
from weightbank.suggestions import accepted_names

_EXAMPLE: dict[str, Any] = {"spec": "vision/resnet50@3", "note": "the init of run 12"}


class NameIn(WireModel):
    """What a name is to stand for from now on."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    spec: str = Field(
        description="Id of a stored spec, or `team/name@version`, where the version is a number "
        "or `latest`.",
        examples=["vision/resnet50@3"],
    )
    note: str | None = Field(
        default=None,
        description="For people: at most 1,000 characters.",
        examples=["the init of run 12"],
    )

    @classmethod
    def from_document(cls, document: Any) -> Self:
        """Return what a parsed body says.

        Raises:
            InvalidSpecError: If it has another structure.

        Examples:
            >>> NameIn.from_document({"spec": "vision/resnet50@3"}).note is None
            True
            >>> NameIn.from_document({"spec": "vision/resnet50@3", "notes": "a"})
            Traceback (most recent call last):
            weightbank.errors.UnknownKeyError: key 'notes' is unknown; \
accepted: note (did you mean this?), spec
        """
        accepted = '{"spec": ID, "note": TEXT}'
        if not isinstance(document, dict):
            raise InvalidSpecError("body", document, "is not an object", accepted)
        for key in document:
            if key not in cls.model_fields:
                words = accepted_names(key, list(cls.model_fields))
                raise UnknownKeyError("key", key, "is unknown", words)
        if "spec" not in document:
            raise InvalidArgumentError("spec", NO_VALUE, "is missing", accepted)
        for key, value in document.items():
            if not isinstance(value, str) and not (key == "note" and value is None):
                raise InvalidArgumentError(key, value, "is not a text", accepted)
        return cls(**document)


class NameVersionOut(WireModel):
    """One version of a name. It never stands for anything else."""

    team: str = Field(description="Whose name it is.", examples=["vision"])
    name: str = Field(description="Among those of the team.", examples=["resnet50"])
    version: int = Field(description="Counted from 1.", examples=[3])
    reference: str = Field(
        description="As it stands in paths: `/v1/weights/` and this.",
        examples=["vision/resnet50@3"],
    )
    spec: str = Field(description="Id of the spec, as in `/v1/specs/{id}`.")
    note: str = Field(description="Of whoever made it; may be empty.")
    created_by: str | None = Field(description="Id of their key; null where keys are off.")
    created_at: datetime = Field(description="In UTC.")


class NamesOut(WireModel):
    """Names, each with its newest version, in the order of teams and names."""

    names: list[NameVersionOut] = Field(description="Those that were asked for.")
    next: str | None = Field(
        description="Path of the next page; null where nothing follows.",
        examples=["/v1/names?after=vision/resnet50"],
    )


class NameVersionsOut(WireModel):
    """The versions of a name, the newest first."""

    team: str = Field(description="Whose name it is.", examples=["vision"])
    name: str = Field(description="Among those of the team.", examples=["resnet50"])
    newest_version: int = Field(description="What `latest` stands for.", examples=[3])
    versions: list[NameVersionOut] = Field(description="Those that were asked for.")
    next: str | None = Field(
        description="Path of the next page; null where nothing follows.",
        examples=["/v1/names/vision/resnet50?after=2"],
    )


class RetiredNameOut(WireModel):
    """A name that stands for nothing any longer."""

    team: str = Field(description="Whose name it was.", examples=["vision"])
    name: str = Field(description="Among those of the team.", examples=["resnet50"])
    retired_versions: int = Field(description="How many were retired just now.", examples=[3])
    newest_version: int = Field(
        description="The newest of them. A new version would have the number behind it.",
        examples=[3],
    )
