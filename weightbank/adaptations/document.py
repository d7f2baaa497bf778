"""Reading an adaptation back from a resolved spec."""

from collections.abc import Mapping
from typing import Any

from weightbank.adaptations.base import Adaptation
from weightbank.adaptations.input_channels import InputChannels
from weightbank.adaptations.position_grid import PositionGrid
from weightbank.adaptations.selection import Selection

ADAPTATIONS: dict[str, type[Adaptation]] = {
    adaptation.type: adaptation for adaptation in (InputChannels, PositionGrid, Selection)
}
"""All adaptations by the name they have in a resolved spec."""


def adaptation_from_document(document: Mapping[str, Any]) -> Adaptation:
    """Return the adaptation that a resolved spec describes.

    Args:
        document: As ``Adaptation.document`` wrote it.

    Examples:
        >>> adaptation_from_document({"type": "input_channels", "channels": 1})
        InputChannels(channels=1)
    """
    return ADAPTATIONS[document["type"]].from_document(document)
