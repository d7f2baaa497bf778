"""Position embeddings of a grid of patches, resampled for another grid.

Source: timm 1.0.31, ``timm.layers.resample_abs_pos_embed``, and torch's
``interpolate(mode="bicubic", antialias=True, align_corners=False)``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from weightbank.adaptations.base import Adaptation, canonical, check_count, shape_error
from weightbank.adaptations.bicubic import LARGEST_SIZE, bicubic_taps, resample

_DIMENSIONS = (2, 3)


@dataclass(frozen=True, slots=True)
class PositionGrid(Adaptation):
    """Resample the embeddings of a grid: ``(tokens, width)``, or 1 before it.

    The tokens are ``prefix_tokens`` that stand for no patch, and stay as they are, and
    then the grid row by row.

    Attributes:
        source_grid: Height and width of the stored grid, each 1 to 4096.
        grid: Height and width of what is wanted, each 1 to 4096.
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
                check_count(argument, size, maximum=LARGEST_SIZE)
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


def resample_positions(
    values: NDArray[np.float64], adaptation: PositionGrid
) -> NDArray[np.float64]:
    """Return the position embeddings of another grid.

    Columns do not meet: some of each embedding's elements can be resampled alone.

    Args:
        values: float64, shape (..., tokens, columns).
        adaptation: That fits such a shape.

    Returns:
        float64, shape (..., tokens wanted, columns).

    Examples:
        >>> tokens = np.array([[9.0], [1.0], [2.0]])
        >>> resample_positions(tokens, PositionGrid((1, 2), (1, 4), 1)).ravel().round(3).tolist()
        [9.0, 0.912, 1.207, 1.793, 2.088]
    """
    *outer, _, columns = values.shape
    tokens = values.reshape(-1, columns)
    with np.errstate(all="ignore"):  # what is stored may be infinite, or no number
        resampled = _resampled(tokens[adaptation.prefix_tokens :], adaptation)
    adapted = np.concatenate([tokens[: adaptation.prefix_tokens], resampled])
    return canonical(adapted).reshape(*outer, -1, columns)


def _resampled(tokens: NDArray[np.float64], adaptation: PositionGrid) -> NDArray[np.float64]:
    """Resample each row of the grid, and then each column of what that gives."""
    (stored_height, stored_width), (height, width) = adaptation.source_grid, adaptation.grid
    columns = tokens.shape[-1]
    by_column = tokens.reshape(stored_height, stored_width, columns).swapaxes(0, 1)
    rows = np.empty((stored_height, width, columns))
    for at in range(width):
        rows[:, at] = resample(by_column, bicubic_taps(stored_width, width, at))
    resampled = np.empty((height, width, columns))
    for at in range(height):
        resampled[at] = resample(rows, bicubic_taps(stored_height, height, at))
    return resampled.reshape(-1, columns)
