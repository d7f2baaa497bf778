"""The standard normal of words.

Theory of operation: every lane takes the central rational, without a branch, and
then the tail's polynomial, of which the coefficients are loaded only in the two
lanes in 256 that need them: the others stay masked and read no memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from weightbank.numbers.coefficients import P, Q, T
from weightbank.numbers.normal import TAIL_STOP
from weightbank.triton_kernels.compile import constant, inlined, tl

if TYPE_CHECKING:
    from numpy.typing import NDArray

P0, P1, P2, P3, P4, P5, P6 = (constant(float(coefficient)) for coefficient in P)
Q0, Q1, Q2, Q3, Q4, Q5 = (constant(float(coefficient)) for coefficient in Q)
TAIL_STOP_M = constant(TAIL_STOP)
UNIT = constant(2.0**-31)
LARGEST_M = constant(0x7FFFFFFF)
MANTISSA = constant(0x007FFFFF)
MANTISSA_BITS = constant(23)
BIAS = constant(127)
ONE_BITS = constant(0x3F800000)
ROW = constant(8)
"""Coefficients of one binade in the table of ``tail_table``; the last is unused."""


def tail_table() -> NDArray[np.float32]:
    """Return the coefficients of the tail, as kernels read them.

    Returns:
        float32, shape (24 * 8,): of binade e, the one of power k is at 8 * e + k.

    Examples:
        >>> table = tail_table()
        >>> table.size, bool(table[8 * 23 + 6] == T[23, 6])
        (192, True)
    """
    table = np.zeros((len(T), 8), np.float32)
    table[:, : T.shape[1]] = T
    return table.reshape(-1)


@inlined
def standard_normal(words: tl.tensor, tail: tl.tensor) -> tl.tensor:
    """Return the standard normal of each word.

    Args:
        words: u32, shape (n,).
        tail: Pointer to ``tail_table``.

    Returns:
        float32, shape (n,).
    """
    t = (words | 1).to(tl.int32, bitcast=True)
    # Flipping 31 bits takes |t| from 2**31 - 1; M is that from 2**31.
    m = (tl.where(t < 0, -t, t) ^ LARGEST_M) + 1
    exact_m = m.to(tl.float32)
    in_tail = m < TAIL_STOP_M
    r = _tail(exact_m, in_tail, tail)
    return tl.where(in_tail, tl.where(t < 0, -r, r), t.to(tl.float32) * _ratio(exact_m))


@inlined
def _ratio(m: tl.tensor) -> tl.tensor:
    """Return n / d of docs/numbers.md; ``m`` is M rounded to float32."""
    v = m * UNIT
    y = v * (2.0 - v)
    s = y * y
    n = (((s * P6 + P4) * s + P2) * s + P0) + y * ((s * P5 + P3) * s + P1)
    d = ((s * Q4 + Q2) * s + Q0) + y * ((s * Q5 + Q3) * s + Q1)
    return tl.div_rn(n, d)


@inlined
def _tail(m: tl.tensor, in_tail: tl.tensor, tail: tl.tensor) -> tl.tensor:
    """Return r of docs/numbers.md before its sign; ``m`` is exact in the tail."""
    bits = m.to(tl.uint32, bitcast=True)
    binade = (bits >> MANTISSA_BITS).to(tl.int32) - BIAS
    # The fraction of M as a number of [1, 2): its mantissa under the exponent of 1.
    g = ((bits & MANTISSA) | ONE_BITS).to(tl.float32, bitcast=True) - 1.5
    row = tail + binade * ROW
    r = tl.load(row + 6, mask=in_tail, other=0.0)
    for power in tl.static_range(5, -1, -1):
        r = r * g + tl.load(row + power, mask=in_tail, other=0.0)
    return r
