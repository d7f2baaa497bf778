"""A standard deviation or half-width, exact until the one step to float32."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from weightbank.nonlinearities import second_moment_digits
from weightbank.numbers.exact import exact_double, exact_sqrt, nearest_float32_sqrt
from weightbank.numbers.probability import irrational_std

_SECOND_MOMENT_KEY = "second_moment_of"


@dataclass(frozen=True, slots=True)
class Scale:
    """The root of ``square``, or of ``square`` over an irrational second moment.

    Attributes:
        square: Exact, >= 0.
        moment: Name of the nonlinearity whose E[phi(z)**2] divides, or None.

    Examples:
        >>> Scale(Fraction(2, 4096)).document("std", "variance")
        {'variance': '1/2048'}
        >>> Scale.of_double(0.02).document("std", "variance")
        {'std': 0.02}
    """

    square: Fraction
    moment: str | None = None

    @classmethod
    def of_double(cls, value: float | Fraction) -> "Scale":
        """Return the scale whose root is the given number."""
        return cls(Fraction(value) ** 2)

    @property
    def is_zero(self) -> bool:
        """Whether nothing is left of it."""
        return self.square == 0

    def times(self, factor: Fraction) -> "Scale":
        """Return it with its square multiplied by an exact factor."""
        return Scale(self.square * factor, self.moment)

    def float32(self) -> np.float32:
        """Return the root, rounded once."""
        if self.moment is None:
            return nearest_float32_sqrt(self.square)
        return irrational_std(self.square, second_moment_digits(self.moment))

    def moment_digits(self) -> str:
        """Return the decimal digits of the divisor of the square; "1" for none."""
        return "1" if self.moment is None else second_moment_digits(self.moment)

    def document(self, root_key: str, square_key: str) -> dict[str, Any]:
        """Write it exactly: as a double where the root is one, else as its square."""
        if self.moment is not None:
            return {square_key: str(self.square), _SECOND_MOMENT_KEY: self.moment}
        root = exact_sqrt(self.square)
        double = None if root is None else exact_double(root)
        return {square_key: str(self.square)} if double is None else {root_key: double}

    @classmethod
    def from_document(cls, document: Mapping[str, Any], root_key: str, square_key: str) -> "Scale":
        """Read what ``document`` wrote."""
        if root_key in document:
            return cls.of_double(float(document[root_key]))
        return cls(Fraction(document[square_key]), document.get(_SECOND_MOMENT_KEY))
