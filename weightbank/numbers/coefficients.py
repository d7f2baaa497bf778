"""The constants of the standard normal, read from ``normal_coefficients.json``.

The file is the normative table of docs/numbers.md: float32 bit patterns in
hexadecimal, an array's index being the coefficient's index.
"""

import json
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray


def _table(rows: Any) -> NDArray[np.float32]:
    """Decode nested lists of hexadecimal bit patterns.

    Returns:
        A read-only float32 array of the lists' shape.
    """
    bits = np.vectorize(lambda text: int(text, 16), otypes=[np.uint32])(np.array(rows))
    table = np.ascontiguousarray(bits).view(np.float32)
    table.setflags(write=False)
    return table


_FILE = json.loads(
    resources.files(__package__).joinpath("normal_coefficients.json").read_text("utf-8")
)

P: NDArray[np.float32] = _table(_FILE["central_numerator_P"])
"""Numerator of the central rational, shape (7,)."""

Q: NDArray[np.float32] = _table(_FILE["central_denominator_Q"])
"""Denominator of the central rational, shape (6,)."""

T: NDArray[np.float32] = _table(_FILE["tail_T"])
"""Tail polynomials, shape (24, 7): row is floor(log2 M), column the power."""
