"""Sparse matrices (Martens 2010): in each column some elements are zero."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Self

import numpy as np

from weightbank.distributions import Normal, Sparse
from weightbank.forms.base import Form, Placement, check_scale
from weightbank.numbers.normal import LARGEST
from weightbank.scale import Scale

MASK_TAG = "sparse"


@dataclass(frozen=True, slots=True)
class SparseForm(Form):
    """N(0, std**2) with ``zeros_per_column`` zeros in each column, std > 0."""

    std: Scale
    zeros_per_column: int

    type = "sparse"

    @property
    def is_whole(self) -> bool:
        """See ``Form.is_whole``."""
        return True

    def document(self) -> dict[str, Any]:
        """See ``Form.document``."""
        std = self.std.document("std", "variance")
        return {"type": self.type, **std, "zeros_per_column": self.zeros_per_column}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """See ``Form.from_document``."""
        std = Scale.from_document(document, "std", "variance")
        return cls(std, int(document["zeros_per_column"]))

    def bounds(self) -> tuple[float, float]:
        """See ``Form.bounds``."""
        reach = LARGEST * float(self.std.float32())
        return -reach, reach

    def check(self, argument: str) -> None:
        """See ``Form.check``."""
        check_scale(float(self.std.float32()), f"{argument}: std")

    def scaled(self, factor: Fraction, argument: str) -> "SparseForm":
        """See ``Form.scaled``."""
        del argument
        return SparseForm(self.std.times(factor), self.zeros_per_column)

    def distribution(self, placement: Placement) -> Sparse:
        """See ``Form.distribution``."""
        rows, columns = placement.shape
        values = Normal(placement.stream(), self.std.float32(), np.float32(0))
        mask = placement.tagged_stream(MASK_TAG)
        return Sparse(values, mask, rows, columns, self.zeros_per_column)
