"""A tensor whose bytes are another tensor's."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from weightbank.distributions import Distribution
from weightbank.forms.base import Form, Placement


@dataclass(frozen=True, slots=True)
class TieForm(Form):
    """The bytes of the tensor ``to``, written again under this tensor's name."""

    to: str

    type = "tie"

    def document(self) -> dict[str, Any]:
        """See ``Form.document``."""
        return {"type": self.type, "to": self.to}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """See ``Form.from_document``."""
        return cls(str(document["to"]))

    def bounds(self) -> tuple[float, float]:
        """See ``Form.bounds``; its target is checked instead."""
        return 0.0, 0.0

    def distribution(self, placement: Placement) -> Distribution:
        """Never asked: a file follows a tie to its target's form first."""
        raise AssertionError(placement)
