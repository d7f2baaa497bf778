"""Every element the same double."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from weightbank.distributions import Constant
from weightbank.forms.base import Form, Placement


@dataclass(frozen=True, slots=True)
class ConstantForm(Form):
    """Every element is ``value``; never -0.0, which canonical JSON cannot say."""

    value: float

    type = "constant"
    splittable = True

    def document(self) -> dict[str, Any]:
        """See ``Form.document``."""
        return {"type": self.type, "value": self.value}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """See ``Form.from_document``."""
        return cls(float(document["value"]))

    def bounds(self) -> tuple[float, float]:
        """See ``Form.bounds``."""
        return self.value, self.value

    def distribution(self, placement: Placement) -> Constant:
        """See ``Form.distribution``."""
        del placement
        return Constant(self.value)
