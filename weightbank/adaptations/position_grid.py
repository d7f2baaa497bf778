"""Position embeddings of a grid of patches, resampled for another grid.

Source: timm 1.0.31, ``timm.layers.resample_abs_pos_embed``, and torch's
``interpolate(mode="bicubic", antialias=True, align_corners=False)``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from weightbank.adaptations.base import Adaptation, check_count, shape_error

_DIMENSIONS = (2, 3)


@dataclass(frozen=True, slots=True)
class PositionGrid(Adaptation):
    """Resample the embeddings of a grid: ``(tokens, width)``, or 1 before it.

    The tokens are ``prefix_tokens`` that stand for no patch, and stay as they are, and
    then the grid row by row.

    Attributes:
        source_grid: Height and width of the stored grid, each 1 or more.
        grid: Height and width of what is wanted, each 1 or more.
        prefix_tokens: Before the grid, 0 or more.

    Examples:
        >>> PositionGrid((14, 14), (24, 24), 1).shape((1, 197, 768))
        (1, 577, 768)
        >>> PositionGrid((14, 14), (24, 24), 0).shape((1, 197, 768))
        Traceback (most recent call last):
        weightbank.errors.InvalidShapeError: the stored tensor: shape [1, 197, 768] is not that \
of 0 tokens and a grid of 14 x 14; accepted: (1, 196, width) or (196, width)
    """

    source_grid: tuple[int, int]
    grid: tuple[int, int]
    prefix_tokens: int

    type = "position_grid"

    def __post_init__(self) -> None:
        for argument, sizes in (("source_grid", self.source_grid), ("grid", self.grid)):
            for size in sizes:
                check_count(argument, size)
        check_count("prefix_tokens", self.prefix_tokens, minimum=0)

    def document(self) -> dict[str, Any]:
        """See ``Adaptation.document``."""
        return {
            "type": self.type,
            "source_grid": list(self.source_grid),
            "grid": list(self.grid),
            "prefix_tokens": self.prefix_tokens,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """See ``Adaptation.from_document``."""
        source_height, source_width = document["source_grid"]
        height, width = document["grid"]
        return cls(
            (int(source_height), int(source_width)),
            (int(height), int(width)),
            int(document["prefix_tokens"]),
        )

    def shape(
        self, source_shape: tuple[int, ...], *, argument: str = "the stored tensor"
    ) -> tuple[int, ...]:
        """See ``Adaptation.shape``."""
        height, width = self.source_grid
        tokens = self.prefix_tokens + height * width
        if (
            len(source_shape) not in _DIMENSIONS
            or source_shape[-2] != tokens
            or any(size != 1 for size in source_shape[:-2])
        ):
            problem = f"is not that of {self.prefix_tokens} tokens and a grid of {height} x {width}"
            accepted = f"(1, {tokens}, width) or ({tokens}, width)"
            raise shape_error(argument, source_shape, problem, accepted)
        wanted = self.prefix_tokens + self.grid[0] * self.grid[1]
        return (*source_shape[:-2], wanted, source_shape[-1])
