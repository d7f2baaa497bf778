"""Independent uniforms."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Self

from weightbank.distributions import Uniform
from weightbank.forms.base import Form, Placement, check_scale
from weightbank.numbers.exact import exact_double, nearest_float32
from weightbank.scale import Scale


@dataclass(frozen=True, slots=True)
class UniformForm(Form):
    """U(middle - half_width, middle + half_width), half_width > 0.

    ``middle`` is rational: the middle of two doubles need not be a double.
    """

    middle: Fraction
    half_width: Scale

    type = "uniform"
    splittable = True

    def document(self) -> dict[str, Any]:
        """See ``Form.document``."""
        middle = exact_double(self.middle)
        return {
            "type": self.type,
            "middle": str(self.middle) if middle is None else middle,
            **self.half_width.document("half_width", "half_width_squared"),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """See ``Form.from_document``."""
        half_width = Scale.from_document(document, "half_width", "half_width_squared")
        return cls(Fraction(document["middle"]), half_width)

    def bounds(self) -> tuple[float, float]:
        """See ``Form.bounds``."""
        half_width = float(self.half_width.float32())
        return float(self.middle) - half_width, float(self.middle) + half_width

    def check(self, argument: str) -> None:
        """See ``Form.check``."""
        check_scale(float(self.half_width.float32()), f"{argument}: half of b - a")

    def scaled(self, factor: Fraction, argument: str) -> "UniformForm":
        """See ``Form.scaled``."""
        del argument
        return UniformForm(self.middle, self.half_width.times(factor))

    def distribution(self, placement: Placement) -> Uniform:
        """See ``Form.distribution``."""
        return Uniform(placement.stream(), self.half_width.float32(), nearest_float32(self.middle))
