"""Another number of input channels for a first convolution, by timm's rule.

Theory of operation: a network for grey images sees the sum of what its colours would
have added; one for more channels sees them in turn, each weaker, so that a sum over
equal channels stays what it was.
Source: timm 1.0.31, ``timm.models.adapt_input_conv``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from weightbank.adaptations.base import Adaptation, canonical, check_count, shape_error

COLOURS = 3
"""Channels of the images that checkpoints are trained on."""

_LEAST_DIMENSIONS = 3


@dataclass(frozen=True, slots=True)
class InputChannels(Adaptation):
    """Fit axis 1 of ``(out, in, *kernel)`` to another number of channels.

    One channel is the sum of all that are stored; of a multiple of three, as
    space-to-depth stems have, it is the sum of each three that follow one another. Any
    other number is made of three: they are repeated, cut off, and times 3/channels.

    Attributes:
        channels: Of the images, 1 or more.

    Examples:
        >>> InputChannels(1).shape((64, 3, 7, 7)), InputChannels(1).shape((64, 12, 7, 7))
        ((64, 1, 7, 7), (64, 4, 7, 7))
        >>> InputChannels(5).shape((64, 4, 7, 7))
        Traceback (most recent call last):
        weightbank.errors.InvalidShapeError: the stored tensor: shape [64, 4, 7, 7] has 4 input \
channels; accepted: 3 input channels, to make 5 of them
    """

    channels: int

    type = "input_channels"

    def __post_init__(self) -> None:
        check_count("channels", self.channels)

    def document(self) -> dict[str, Any]:
        """See ``Adaptation.document``."""
        return {"type": self.type, "channels": self.channels}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """See ``Adaptation.from_document``."""
        return cls(int(document["channels"]))

    def shape(
        self, source_shape: tuple[int, ...], *, argument: str = "the stored tensor"
    ) -> tuple[int, ...]:
        """See ``Adaptation.shape``."""
        if len(source_shape) < _LEAST_DIMENSIONS:
            accepted = "(out, in, *kernel), the weight of a convolution"
            raise shape_error(argument, source_shape, "has no kernel", accepted)
        outputs, stored, *kernel = source_shape
        return (outputs, self._channels_of(stored, source_shape, argument), *kernel)

    def _channels_of(self, stored: int, source_shape: tuple[int, ...], argument: str) -> int:
        if stored == COLOURS:
            return self.channels
        problem = f"has {stored} input channels"
        if self.channels != 1:
            accepted = f"{COLOURS} input channels, to make {self.channels} of them"
            raise shape_error(argument, source_shape, problem, accepted)
        if stored == 0 or (stored > COLOURS and stored % COLOURS):
            accepted = f"1 to {COLOURS} input channels or a multiple of {COLOURS}, to add them up"
            raise shape_error(argument, source_shape, problem, accepted)
        return max(1, stored // COLOURS)


def adapt_channels(values: NDArray[np.float64], adaptation: InputChannels) -> NDArray[np.float64]:
    """Return the weight of a convolution for another number of input channels.

    Rows do not meet: those of some outputs can be made alone.

    Args:
        values: float64, shape (outputs, stored channels, *kernel).
        adaptation: That fits such a shape.

    Returns:
        float64, shape (outputs, channels, *kernel).

    Examples:
        >>> weight = np.array([[[0.1], [0.2], [0.3]]])
        >>> adapt_channels(weight, InputChannels(1)).ravel().tolist()
        [0.6000000000000001]
        >>> adapt_channels(weight, InputChannels(6)).ravel().tolist()
        [0.05, 0.1, 0.15, 0.05, 0.1, 0.15]
    """
    outputs, stored, *kernel = values.shape
    with np.errstate(all="ignore"):  # what is stored may be infinite, or no number
        if adaptation.channels == 1:
            adapted = _sums(values.reshape(outputs, -1, min(stored, COLOURS), *kernel))
        else:
            repeated = values[:, np.arange(adaptation.channels) % COLOURS]
            adapted = repeated * (COLOURS / adaptation.channels)
    return canonical(adapted)


def _sums(groups: NDArray[np.float64]) -> NDArray[np.float64]:
    """Add up axis 2, from its first index to its last."""
    total = groups[:, :, 0].copy()
    for channel in range(1, groups.shape[2]):
        total += groups[:, :, channel]
    return total
