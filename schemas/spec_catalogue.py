"""Specs as a whole: lists of them, and what an import did."""

from datetime import datetime

from pydantic import Field

from schemas.base import WireModel


class ListedSpecOut(WireModel):
    """A spec, as lists show it."""

    id: str = Field(description="As in `/v1/specs/{id}`.")
    created_at: datetime = Field(description="When it was stored first, in UTC.")
    tensors: int = Field(description="Tensors in its file.", examples=[4])
    elements: int = Field(description="Elements of all of them.", examples=[203530])
    bytes: int = Field(description="Size of its file.", examples=[814456])
    dtype: str | None = Field(
        description="Of the floating tensors that do not fix their own; null if all do.",
        examples=["float32"],
    )
    seed: int | None = Field(description="The seed the spec suggests.", examples=[42])
    initializers: list[str] = Field(
        description="Types of its initializers in exact form, as its document has them: "
        "`kaiming_normal` is a `normal` there.",
        examples=[["constant", "normal"]],
    )
    checkpoints: list[str] = Field(
        description="Repositories that it reads tensors from.", examples=[["timm/resnet50.a1_in1k"]]
    )
    names: list[str] = Field(
        description="Names that stand for it; the first 20.", examples=[["vision/mlp@3"]]
    )


class ListedSpecsOut(WireModel):
    """A page of specs, newest first."""

    specs: list[ListedSpecOut] = Field(
        description="May be fewer than `limit`, even none, while `next` is given."
    )
    next: str | None = Field(
        description="Path of the next page; null where nothing follows.",
        examples=["/v1/specs?after=649a3c55d8000-0123456789abcdef"],
    )


class ImportedOut(WireModel):
    """What an import did."""

    new_specs: int = Field(description="Stored.")
    known_specs: int = Field(description="That were stored here already.")
    new_names: int = Field(description="Made.")
    known_names: int = Field(description="That were here already.")
    new_versions: int = Field(description="Made.")
    known_versions: int = Field(description="That were here already, and stand for the same specs.")
    retired_versions: int = Field(description="That are retired here, and stay so.")
