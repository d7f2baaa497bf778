"""The two truncated normals, which are never aliases of each other.

``trunc_normal`` is torch's: its bounds are absolute, and cutting shrinks its
spread. ``truncated_normal`` is that of JAX and Keras: it is cut at a number of
standard deviations, and the spread that is left is the one asked for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Self

import numpy as np

from weightbank.distributions import Truncated
from weightbank.errors import InvalidArgumentError
from weightbank.forms.base import Form, Placement, check_scale
from weightbank.numbers.exact import nearest_float32
from weightbank.numbers.normal import LARGEST
from weightbank.numbers.probability import rank, truncated_parameters
from weightbank.numbers.truncated import FEWEST_RANKS, RANKS
from weightbank.scale import Scale


def _check_ranks(first: int, stop: int, argument: str) -> None:
    if stop - first < FEWEST_RANKS:
        raise InvalidArgumentError(
            argument,
            max(stop - first, 0),
            "of 2**32 ranks lie between the bounds, too few to draw from",
            "bounds that hold 2**16 ranks and more",
        )


@dataclass(frozen=True, slots=True)
class TruncatedForm(Form):
    """N(mean, std**2) between absolute bounds; None is no bound on that side."""

    mean: float
    std: Scale
    low: float | None
    high: float | None

    type = "trunc_normal"
    splittable = True

    def document(self) -> dict[str, Any]:
        """See ``Form.document``."""
        std = self.std.document("std", "variance")
        return {"type": self.type, "mean": self.mean, **std, "a": self.low, "b": self.high}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """See ``Form.from_document``."""
        low, high = document["a"], document["b"]
        return cls(
            float(document["mean"]),
            Scale.from_document(document, "std", "variance"),
            None if low is None else float(low),
            None if high is None else float(high),
        )

    def ranks(self) -> tuple[int, int]:
        """Return the first rank and the one beyond the last, of 2**32."""
        return (
            0 if self.low is None else self._rank(self.low),
            RANKS if self.high is None else self._rank(self.high),
        )

    def _rank(self, bound: float) -> int:
        deviation = Fraction(bound) - Fraction(self.mean)
        if self.std.moment is None:
            return rank(deviation, self.std.square)
        return rank(deviation, self.std.square / Fraction(self.std.moment_digits()))

    def bounds(self) -> tuple[float, float]:
        """See ``Form.bounds``: clamping comes last, after what it clamps was made."""
        reach = LARGEST * float(self.std.float32())
        low, high = self.mean - reach, self.mean + reach
        return (
            low if self.low is None else min(low, self.low),
            high if self.high is None else max(high, self.high),
        )

    def extremes(self) -> tuple[float, float]:
        """See ``Form.extremes``."""
        reach = LARGEST * float(self.std.float32())
        low, high = self.mean - reach, self.mean + reach
        return (
            low if self.low is None else max(low, self.low),
            high if self.high is None else min(high, self.high),
        )

    def check(self, argument: str) -> None:
        """See ``Form.check``."""
        check_scale(float(self.std.float32()), f"{argument}: std")
        _check_ranks(*self.ranks(), argument)

    def scaled(self, factor: Fraction, argument: str) -> "TruncatedForm":
        """See ``Form.scaled``; the bounds are absolute, and stay."""
        del argument
        return TruncatedForm(self.mean, self.std.times(factor), self.low, self.high)

    def distribution(self, placement: Placement) -> Truncated:
        """See ``Form.distribution``."""
        first, stop = self.ranks()
        infinite = np.float32(np.inf)
        return Truncated(
            placement.stream(),
            first,
            stop,
            self.std.float32(),
            nearest_float32(Fraction(self.mean)),
            -infinite if self.low is None else nearest_float32(Fraction(self.low)),
            infinite if self.high is None else nearest_float32(Fraction(self.high)),
        )


@dataclass(frozen=True, slots=True)
class KeptVarianceForm(Form):
    """A normal cut at ``cutoff_sigma``, drawn wider so that its std is ``std``."""

    std: Scale
    cutoff_sigma: float

    type = "truncated_normal"
    splittable = True

    def document(self) -> dict[str, Any]:
        """See ``Form.document``."""
        std = self.std.document("std", "variance")
        return {"type": self.type, **std, "cutoff_sigma": self.cutoff_sigma}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """See ``Form.from_document``."""
        std = Scale.from_document(document, "std", "variance")
        return cls(std, float(document["cutoff_sigma"]))

    def _parameters(self) -> tuple[np.float32, np.float32]:
        return truncated_parameters(
            self.std.square, self.std.moment_digits(), Fraction(self.cutoff_sigma)
        )

    def _ranks(self) -> tuple[int, int]:
        cutoff = Fraction(self.cutoff_sigma)
        return rank(-cutoff), rank(cutoff)

    def bounds(self) -> tuple[float, float]:
        """See ``Form.bounds``."""
        reach = LARGEST * float(self._parameters()[0])
        return -reach, reach

    def extremes(self) -> tuple[float, float]:
        """See ``Form.extremes``."""
        sigma, bound = self._parameters()
        reach = min(float(bound), LARGEST * float(sigma))
        return -reach, reach

    def check(self, argument: str) -> None:
        """See ``Form.check``."""
        _check_ranks(*self._ranks(), argument)
        check_scale(float(self._parameters()[0]), f"{argument}: std")

    def scaled(self, factor: Fraction, argument: str) -> "KeptVarianceForm":
        """See ``Form.scaled``."""
        del argument
        return KeptVarianceForm(self.std.times(factor), self.cutoff_sigma)

    def distribution(self, placement: Placement) -> Truncated:
        """See ``Form.distribution``."""
        sigma, bound = self._parameters()
        first, stop = self._ranks()
        return Truncated(placement.stream(), first, stop, sigma, np.float32(0), -bound, bound)
