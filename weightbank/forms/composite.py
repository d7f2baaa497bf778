"""Forms made of forms: parts side by side, and a row that is zeroed last."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Self

from weightbank.distributions import Distribution, Split, ZeroedRow
from weightbank.forms.base import Form, Placement, part_shapes


@dataclass(frozen=True, slots=True)
class SplitForm(Form):
    """Parts along one axis, all of one type, each with its own scale."""

    axis: int
    sizes: tuple[int, ...]
    parts: tuple[Form, ...]

    type = "split"

    @property
    def is_whole(self) -> bool:
        """See ``Form.is_whole``."""
        return self.parts[0].is_whole

    def document(self) -> dict[str, Any]:
        """See ``Form.document``."""
        parts = [part.document() for part in self.parts]
        return {"type": self.type, "axis": self.axis, "sizes": list(self.sizes), "parts": parts}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """See ``Form.from_document``."""
        from weightbank.forms.document import form_from_document  # noqa: PLC0415 - recursive

        parts = tuple(form_from_document(part) for part in document["parts"])
        return cls(int(document["axis"]), tuple(int(size) for size in document["sizes"]), parts)

    def bounds(self) -> tuple[float, float]:
        """See ``Form.bounds``."""
        lows, highs = zip(*(part.bounds() for part in self.parts), strict=True)
        return min(lows), max(highs)

    def extremes(self) -> tuple[float, float]:
        """See ``Form.extremes``."""
        lows, highs = zip(*(part.extremes() for part in self.parts), strict=True)
        return min(lows), max(highs)

    def check(self, argument: str) -> None:
        """See ``Form.check``."""
        for part in self.parts:
            part.check(argument)

    def scaled(self, factor: Fraction, argument: str) -> "SplitForm":
        """See ``Form.scaled``."""
        parts = tuple(part.scaled(factor, argument) for part in self.parts)
        return SplitForm(self.axis, self.sizes, parts)

    def distribution(self, placement: Placement) -> Split:
        """See ``Form.distribution``."""
        shapes = part_shapes(placement.shape, self.axis, self.sizes)
        placements = (
            Placement(placement.seed, placement.name, shape, part)
            for part, shape in enumerate(shapes)
        )
        parts = tuple(
            part.distribution(of_part) for part, of_part in zip(self.parts, placements, strict=True)
        )
        return Split(parts, self.sizes, math.prod(placement.shape[self.axis + 1 :]))


@dataclass(frozen=True, slots=True)
class ZeroedRowForm(Form):
    """Another form, with row ``padding_idx`` put to zero last."""

    values: Form
    padding_idx: int

    type = "zeroed_row"

    @property
    def is_whole(self) -> bool:
        """See ``Form.is_whole``."""
        return self.values.is_whole

    def document(self) -> dict[str, Any]:
        """See ``Form.document``."""
        values = self.values.document()
        return {"type": self.type, "padding_idx": self.padding_idx, "values": values}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """See ``Form.from_document``."""
        from weightbank.forms.document import form_from_document  # noqa: PLC0415 - recursive

        return cls(form_from_document(document["values"]), int(document["padding_idx"]))

    def bounds(self) -> tuple[float, float]:
        """See ``Form.bounds``."""
        low, high = self.values.bounds()
        return min(low, 0.0), max(high, 0.0)

    def check(self, argument: str) -> None:
        """See ``Form.check``."""
        self.values.check(argument)

    def distribution(self, placement: Placement) -> Distribution:
        """See ``Form.distribution``."""
        row_elements = math.prod(placement.shape[1:])
        start = self.padding_idx * row_elements
        return ZeroedRow(self.values.distribution(placement), start, start + row_elements)
