"""Forms that draw nothing: the identity of a matrix and of a convolution."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from weightbank.distributions import OnePerRow
from weightbank.forms.base import Form, Placement


@dataclass(frozen=True, slots=True)
class EyeForm(Form):
    """Ones on the diagonal of a matrix, zeros elsewhere."""

    type = "eye"

    def document(self) -> dict[str, Any]:
        """See ``Form.document``."""
        return {"type": self.type}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """See ``Form.from_document``."""
        del document
        return cls()

    def bounds(self) -> tuple[float, float]:
        """See ``Form.bounds``."""
        return 0.0, 1.0

    def distribution(self, placement: Placement) -> OnePerRow:
        """See ``Form.distribution``."""
        rows, columns = placement.shape
        return OnePerRow(row_elements=columns, group_rows=rows, columns=columns, stride=1, offset=0)


@dataclass(frozen=True, slots=True)
class DiracForm(Form):
    """The identity of a convolution, in each of ``groups`` groups of outputs."""

    groups: int

    type = "dirac"

    def document(self) -> dict[str, Any]:
        """See ``Form.document``."""
        return {"type": self.type, "groups": self.groups}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """See ``Form.from_document``."""
        return cls(int(document["groups"]))

    def bounds(self) -> tuple[float, float]:
        """See ``Form.bounds``."""
        return 0.0, 1.0

    def distribution(self, placement: Placement) -> OnePerRow:
        """See ``Form.distribution``."""
        outputs, inputs, *kernel = placement.shape
        kernel_elements = math.prod(kernel)
        return OnePerRow(
            row_elements=inputs * kernel_elements,
            group_rows=outputs // self.groups,
            columns=inputs,
            stride=kernel_elements,
            offset=kernel_center(kernel),
        )


def kernel_center(kernel: list[int]) -> int:
    """Return the flat index of a kernel's centre, k // 2 in each dimension.

    Examples:
        >>> kernel_center([3, 3]), kernel_center([2])
        (4, 1)
    """
    index = 0
    for size in kernel:
        index = index * size + size // 2
    return index
