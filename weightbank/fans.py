"""Fans: how many connections come into a unit, and how many leave it.

They belong to a layer's kind and its global shape, never to a shard's, and never
to an axis' position alone: a transposed convolution stores its axes the other
way round, and its fans are still what they mean.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from weightbank.errors import InvalidShapeError


@dataclass(frozen=True, slots=True)
class Fans:
    """Connections into and out of one unit; both >= 1.

    Attributes:
        fan_in: Inputs that one output sums.
        fan_out: Outputs that one input reaches.
    """

    fan_in: int
    fan_out: int


def shape_fans(shape: Sequence[int]) -> Fans:
    """Return fans as torch reads them from a shape.

    For embeddings and bare parameters, whose axes have no declared meaning:
    fan_in is size(1) and fan_out size(0), each times the rest.

    Args:
        shape: At least two dimensions, each >= 1.

    Raises:
        InvalidShapeError: If there are fewer than two dimensions.

    Examples:
        >>> shape_fans((64, 3, 7, 7))
        Fans(fan_in=147, fan_out=3136)

    References:
        torch.nn.init._calculate_fan_in_and_fan_out; He et al. 2015, section 2.2,
        https://arxiv.org/abs/1502.01852.
    """
    minimum = 2
    if len(shape) < minimum:
        raise InvalidShapeError(
            "shape", list(shape), "has no fans", "two or more dimensions, or fan_in and fan_out"
        )
    rest = math.prod(shape[2:])
    return Fans(fan_in=shape[1] * rest, fan_out=shape[0] * rest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Axes:
    """What the axes of a layer's weight mean; all others are the receptive field.

    Attributes:
        output: Axis of the outputs.
        input: Axis of the inputs.
        groups: Groups of a grouped convolution.
        grouped: The axis that holds all groups together (0 in torch, for plain
            and transposed convolutions alike); the other is stored per group.
    """

    output: int = 0
    input: int = 1
    groups: int = 1
    grouped: int = 0

    def fans(self, shape: Sequence[int], *, argument: str = "shape") -> Fans:
        """Return the fans of a weight, or of a part of it, of this layer.

        Args:
            shape: Of the weight or the part, each dimension >= 1.
            argument: Whose shape it is, for messages.

        Raises:
            InvalidShapeError: If the groups do not divide the grouped axis.

        Examples:
            A depthwise convolution has nine connections either way, and a
            transposed one counts what its axes mean:

            >>> Axes(groups=32).fans((32, 1, 3, 3))
            Fans(fan_in=9, fan_out=9)
            >>> Axes(output=1, input=0).fans((64, 512, 3, 3))
            Fans(fan_in=576, fan_out=4608)
        """
        sizes = list(shape)
        if sizes[self.grouped] % self.groups:
            raise InvalidShapeError(
                argument,
                list(shape),
                f"has {sizes[self.grouped]} on axis {self.grouped}, not divisible by its "
                f"{self.groups} groups",
                f"parts whose size is a multiple of {self.groups}",
            )
        sizes[self.grouped] //= self.groups
        field = math.prod(size for axis, size in enumerate(sizes) if axis not in self._channels)
        return Fans(fan_in=sizes[self.input] * field, fan_out=sizes[self.output] * field)

    @property
    def _channels(self) -> tuple[int, int]:
        return (self.output, self.input)
