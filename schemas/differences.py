"""What differs between two specs."""

from typing import Any, Literal

from pydantic import Field

from schemas.base import WireModel


class ChangeOut(WireModel):
    """One key of a tensor's entry that differs."""

    key: Literal["shape", "dtype", "dtype_fixed", "initializer"] = Field(
        description="As in the canonical document."
    )
    before: Any = Field(description="In the first spec.", examples=[[64, 3, 7, 7]])
    after: Any = Field(description="In the second.", examples=[[64, 1, 7, 7]])


class TensorDifferenceOut(WireModel):
    """A tensor that is not the same in both specs."""

    name: str = Field(
        description="In the first spec, or in the second if it is only there.",
        examples=["conv1.weight"],
    )
    kind: Literal["removed", "added", "renamed", "changed"] = Field(
        description="`removed`: in the first alone; `added`: in the second alone; `renamed`: "
        "the only tensor of its shape, dtype and initializer, and of its name's ending, on either "
        "side; `changed`: in both, but not the same."
    )
    renamed_to: str | None = Field(description="Its name in the second spec, if it is renamed.")
    before: dict[str, Any] | None = Field(
        description="Its entry in the first spec's document; null if it is not there, or what "
        "differs stands in `changes`."
    )
    after: dict[str, Any] | None = Field(description="Likewise in the second.")
    changes: list[ChangeOut] = Field(description="What differs in its entry, where it changed.")
    same_bytes: bool = Field(
        description="Whether both specs give it the same bytes for the same seed, in their own "
        "dtypes. If false, they differ, or are only equal where rounding makes them so."
    )
    sentence: str = Field(
        description="What differs, in words.",
        examples=["std of normal 0.02 became 0.01; other bytes"],
    )


class DifferenceCounts(WireModel):
    """How many tensors there are of each kind."""

    equal: int = Field(description="The same in both, under the same name.", examples=[159])
    changed: int = Field(description="In both, but not the same.", examples=[1])
    renamed: int = Field(description="The same but for the name.", examples=[0])
    removed: int = Field(description="In the first alone.", examples=[0])
    added: int = Field(description="In the second alone.", examples=[1])


class SpecDifferenceOut(WireModel):
    """What differs between two specs, tensor by tensor."""

    before: str = Field(description="Id of the first spec.")
    after: str = Field(description="Id of the second spec.")
    counts: DifferenceCounts = Field(description="Of all tensors, not of this page alone.")
    same_order: bool = Field(
        description="Whether the tensors that are in both stand in the same order in both files."
    )
    differences: list[TensorDifferenceOut] = Field(
        description="In the order of names; those that were asked for."
    )
    next: str | None = Field(description="Path of the next page; null where nothing follows.")
