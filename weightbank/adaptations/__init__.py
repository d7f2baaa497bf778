"""How a stored tensor is fitted to another shape, exactly.

An adaptation is what stands in a resolved spec. The arithmetic is in float64 and in
a fixed order, so that it gives the same bytes on every machine: docs/numbers.md,
"Fitted tensors".
"""

from weightbank.adaptations.base import Adaptation
from weightbank.adaptations.document import adaptation_from_document
from weightbank.adaptations.input_channels import InputChannels, adapt_channels
from weightbank.adaptations.moments import Moments, MomentSums
from weightbank.adaptations.position_grid import PositionGrid, resample_positions
from weightbank.adaptations.selection import Selection, SelectionRule

__all__ = [
    "Adaptation",
    "InputChannels",
    "MomentSums",
    "Moments",
    "PositionGrid",
    "Selection",
    "SelectionRule",
    "adapt_channels",
    "adaptation_from_document",
    "resample_positions",
]
