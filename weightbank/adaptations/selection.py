"""A smaller tensor out of a larger one's elements: weight selection.

Theory of operation: along each axis some indices are chosen, and what lies at all
chosen ones is taken as it is. Evenly spread indices keep the structure of a tensor
whose neighbours are related; the first ones are the simplest choice.
Source: Xu et al. 2023, "Initializing Models with Larger Ones", section 3,
https://arxiv.org/abs/2311.18823, and its reference implementation.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray

from weightbank.adaptations.base import Adaptation, check_count, shape_error
from weightbank.errors import InvalidArgumentError

SelectionRule = Literal["uniform", "first"]
"""Which indices are chosen along an axis."""

_LARGEST_COUNT = 2**31


@dataclass(frozen=True, slots=True)
class Selection(Adaptation):
    """Choose elements of a stored tensor.

    Attributes:
        sizes: Of the result, each size 1 or more.
        rule: ``uniform``: s of W indices are every (W/s)th, or where W is no multiple of
            s round(i * (W-1) / (s-1)), ties to even; ``first``: the first s.
        parts: Axis 0 of both is cut into so many equal parts, as of fused projections,
            and each is selected from by itself.

    Examples:
        >>> Selection((2, 3), "uniform").shape((4, 5))
        (2, 3)
        >>> Selection((2, 3), "uniform").indices(1, 5).tolist()
        [0, 2, 4]
        >>> Selection((4,), "first", parts=2).indices(0, 6).tolist()
        [0, 1, 3, 4]
    """

    sizes: tuple[int, ...]
    rule: SelectionRule
    parts: int = 1

    type = "selection"

    def __post_init__(self) -> None:
        for size in self.sizes:
            check_count("shape", size)
        check_count("parts", self.parts)
        if self.rule not in get_args(SelectionRule):
            raise InvalidArgumentError(
                "rule", self.rule, "is not a rule", " or ".join(get_args(SelectionRule))
            )

    def document(self) -> dict[str, Any]:
        """See ``Adaptation.document``."""
        return {
            "type": self.type,
            "shape": list(self.sizes),
            "rule": self.rule,
            "parts": self.parts,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """See ``Adaptation.from_document``."""
        sizes = tuple(int(size) for size in document["shape"])
        return cls(sizes, document["rule"], int(document["parts"]))

    def shape(
        self, source_shape: tuple[int, ...], *, argument: str = "the stored tensor"
    ) -> tuple[int, ...]:
        """See ``Adaptation.shape``."""
        wanted = list(self.sizes)
        if len(source_shape) != len(self.sizes) or any(
            size > stored for size, stored in zip(self.sizes, source_shape, strict=True)
        ):
            accepted = f"{len(wanted)} dimensions, none smaller than of {wanted}"
            raise shape_error(argument, source_shape, f"does not hold {wanted}", accepted)
        if self.parts > 1 and (
            not self.sizes or self.sizes[0] % self.parts or source_shape[0] % self.parts
        ):
            problem = f"and the wanted {wanted} cannot both be cut into {self.parts} equal parts"
            accepted = f"a first size that is a multiple of {self.parts} in both"
            raise shape_error(argument, source_shape, problem, accepted)
        return self.sizes

    def indices(self, axis: int, source_size: int) -> NDArray[np.int64]:
        """Return the indices that are chosen along an axis, ascending.

        Args:
            axis: Of the tensor.
            source_size: Of the stored tensor along that axis.

        Returns:
            int64, shape (size wanted,).
        """
        parts = self.parts if axis == 0 else 1
        stored, wanted = source_size // parts, self.sizes[axis] // parts
        of_part = _uniform(wanted, stored) if self.rule == "uniform" else np.arange(wanted)
        starts = stored * np.arange(parts, dtype=np.int64)
        return (starts[:, None] + of_part[None, :]).reshape(-1)


def _uniform(wanted: int, stored: int) -> NDArray[np.int64]:
    """Return evenly spread indices, in integers throughout."""
    assert wanted <= min(stored, _LARGEST_COUNT), "shape() refuses it; the products fit int64"
    at = np.arange(wanted, dtype=np.int64)
    if stored % wanted == 0:
        return at * (stored // wanted)
    if wanted == 1:
        return at
    whole, rest = divmod(stored - 1, wanted - 1)
    below, remainder = np.divmod(at * rest, wanted - 1)
    below += at * whole
    twice = 2 * remainder
    is_up = (twice > wanted - 1) | ((twice == wanted - 1) & (below % 2 == 1))
    rounded: NDArray[np.int64] = below + is_up
    return rounded
