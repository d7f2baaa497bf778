"""How a stored tensor is fitted to another shape, exactly.

An adaptation is what stands in a resolved spec. The arithmetic is in float64 and in
a fixed order, so that it gives the same bytes on every machine: docs/numbers.md,
"Fitted tensors".
"""

from weightbank.adaptations.base import Adaptation
from weightbank.adaptations.document import adaptation_from_document
from weightbank.adaptations.input_channels import InputChannels
from weightbank.adaptations.position_grid import PositionGrid
from weightbank.adaptations.selection import Selection, SelectionRule

__all__ = [
    "Adaptation",
    "InputChannels",
    "PositionGrid",
    "Selection",
    "SelectionRule",
    "adaptation_from_document",
]
