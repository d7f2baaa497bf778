"""Lists of what there is."""

from typing import Any

from pydantic import Field

from schemas.base import WireModel


class Initializers(WireModel):
    """All initializers."""

    initializers: list[dict[str, Any]] = Field(
        description="Each with its name, arguments, formula and sources."
    )


class Presets(WireModel):
    """All presets."""

    presets: list[dict[str, Any]] = Field(
        description="Each with its name, and what it chooses for which tensors and why."
    )


class Nonlinearities(WireModel):
    """All nonlinearities."""

    nonlinearities: list[dict[str, Any]] = Field(
        description="Each with its name, formula and gains."
    )


class Layers(WireModel):
    """All types of layers."""

    layers: list[dict[str, Any]] = Field(
        description="Each with its name, summary, source and arguments."
    )
