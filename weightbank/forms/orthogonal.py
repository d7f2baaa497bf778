"""Orthogonal matrices, and convolutions that are one at the kernel's centre."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Self

from weightbank.distributions import CenterTap, Orthogonal
from weightbank.forms.base import Form, Placement, check_scale
from weightbank.scale import Scale

ORTHOGONAL_TAG = "orth"


@dataclass(frozen=True, slots=True)
class OrthogonalForm(Form):
    """Orthonormal rows or columns times gain, of the tensor flattened as torch does."""

    gain: Scale

    type = "orthogonal"
    splittable = True

    @property
    def is_whole(self) -> bool:
        """See ``Form.is_whole``."""
        return True

    def document(self) -> dict[str, Any]:
        """See ``Form.document``."""
        return {"type": self.type, **self.gain.document("gain", "gain_squared")}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """See ``Form.from_document``."""
        return cls(Scale.from_document(document, "gain", "gain_squared"))

    def bounds(self) -> tuple[float, float]:
        """See ``Form.bounds``; rounding may carry an entry an ulp beyond the gain."""
        reach = float(self.gain.float32()) * (1 + 2.0**-10)
        return -reach, reach

    def check(self, argument: str) -> None:
        """See ``Form.check``."""
        check_scale(float(self.gain.float32()), f"{argument}: gain")

    def scaled(self, factor: Fraction, argument: str) -> "OrthogonalForm":
        """See ``Form.scaled``."""
        del argument
        return type(self)(self.gain.times(factor))

    def distribution(self, placement: Placement) -> Orthogonal | CenterTap:
        """See ``Form.distribution``."""
        rows, *rest = placement.shape
        stream = placement.tagged_stream(ORTHOGONAL_TAG)
        return Orthogonal(stream, rows, math.prod(rest), self.gain.float32())


@dataclass(frozen=True, slots=True)
class DeltaOrthogonalForm(OrthogonalForm):
    """An orthogonal matrix (out, in) at the kernel's centre, zeros elsewhere."""

    type = "delta_orthogonal"
    splittable = False

    def distribution(self, placement: Placement) -> CenterTap:
        """See ``Form.distribution``."""
        rows, columns, *kernel = placement.shape
        stream = placement.tagged_stream(ORTHOGONAL_TAG)
        matrix = Orthogonal(stream, rows, columns, self.gain.float32())
        return CenterTap(matrix, math.prod(kernel))
