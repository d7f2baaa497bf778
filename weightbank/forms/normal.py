"""Independent normals."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Self

from weightbank.distributions import Normal
from weightbank.forms.base import Form, Placement, check_scale
from weightbank.numbers.exact import nearest_float32
from weightbank.numbers.normal import LARGEST
from weightbank.scale import Scale


@dataclass(frozen=True, slots=True)
class NormalForm(Form):
    """N(mean, std**2), std > 0."""

    mean: float
    std: Scale

    type = "normal"
    splittable = True

    def document(self) -> dict[str, Any]:
        """See ``Form.document``."""
        return {"type": self.type, "mean": self.mean, **self.std.document("std", "variance")}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """See ``Form.from_document``."""
        std = Scale.from_document(document, "std", "variance")
        return cls(float(document["mean"]), std)

    def bounds(self) -> tuple[float, float]:
        """See ``Form.bounds``."""
        reach = LARGEST * float(self.std.float32())
        return self.mean - reach, self.mean + reach

    def check(self, argument: str) -> None:
        """See ``Form.check``."""
        check_scale(float(self.std.float32()), f"{argument}: std")

    def scaled(self, factor: Fraction, argument: str) -> "NormalForm":
        """See ``Form.scaled``."""
        del argument
        return NormalForm(self.mean, self.std.times(factor))

    def distribution(self, placement: Placement) -> Normal:
        """See ``Form.distribution``."""
        return Normal(placement.stream(), self.std.float32(), nearest_float32(Fraction(self.mean)))
