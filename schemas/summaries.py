"""What is said about a spec when it is posted, and when it is fetched."""

from typing import Any

from pydantic import Field

from schemas.base import WireModel


class SpecWarning(WireModel):
    """Something that is served although it is unwise."""

    code: str = Field(description="Stable name.", examples=["unscaled_normal"])
    message: str = Field(description="What is unwise, and what to do instead.")
    source: str = Field(description="Where this is explained.")
    tensors: list[str] = Field(description="Names of the tensors concerned.")


class SpecChoice(WireModel):
    """An initializer, who decided on it, and for which tensors."""

    initializer: dict[str, Any] = Field(
        description="The initializer with all its arguments.",
        examples=[{"type": "kaiming_normal", "mode": "fan_in", "nonlinearity": "relu"}],
    )
    origin: str = Field(
        description="Who decided: the layer itself, a rule, or the preset.",
        examples=["preset advised@1"],
    )
    reason: str = Field(description="Why, in one sentence.")
    source: str = Field(description="Where this comes from.")
    tensors: list[str] = Field(description="Names of the tensors.")


class SpecSummary(WireModel):
    """A spec that was understood, and the size of its file."""

    id: str = Field(
        description="SHA-256 of the canonical resolved spec, 64 hexadecimal digits. "
        "Neither the seed nor the way the spec was written enters.",
    )
    algorithm: int = Field(description="Version that every byte depends on.", examples=[1])
    tensors: int = Field(description="Tensors in the file.", examples=[4])
    elements: int = Field(
        description="Elements of all tensors together, buffers included.", examples=[203530]
    )
    bytes: int = Field(description="Size of the file.", examples=[814456])
    header_bytes: int = Field(
        description="Of these, before the first tensor: the length field and the header.",
        examples=[336],
    )
    dtype: str | None = Field(
        description="Of the floating tensors that do not fix their own; null if all do.",
        examples=["float32"],
    )
    seed: int | None = Field(description="The seed the spec suggests.", examples=[42])


class PostedSpec(SpecSummary):
    """The answer to a spec that was posted."""

    warnings: list[SpecWarning] = Field(description="What is unwise; an empty list is good news.")
    choices: list[SpecChoice] = Field(description="Who decided what, and why.")


class StoredSpecOut(SpecSummary):
    """A stored spec."""

    document: dict[str, Any] = Field(
        description="The canonical resolved spec (RFC 8785): every tensor with its name, shape, "
        "dtype and initializer in exact form. Its SHA-256 is the id."
    )
