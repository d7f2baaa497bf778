"""What a backend can do. Composition of these is the same for all backends."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from weightbank.distributions import Drawn
from weightbank.dtypes import Dtype
from weightbank.making import Making
from weightbank.numbers.streams import Stream


class Backend(Protocol):
    """Makes numbers on one kind of device.

    Every method is a pure function of its arguments and may be called from
    several threads at once.
    """

    def fill(self, values: Drawn, dtype: Dtype, start: int, out: NDArray[Any]) -> None:
        """Write elements ``start`` to ``start + out.size`` of a distribution.

        Args:
            values: What to draw.
            dtype: A floating dtype.
            start: First element, counted over the whole tensor.
            out: Contiguous, aligned, of ``dtype.storage``, shape (n,).
        """

    def words(self, stream: Stream, start: int, stop: int) -> NDArray[np.uint32]:
        """Return the random words of elements ``start`` to ``stop``, shape (n,)."""

    def begin_orthogonal(self, stream: Stream, rows: int, columns: int, gain: np.float32) -> Making:
        """Begin a float32 matrix of shape (rows, columns), orthonormal times gain.

        Nothing is made, and no memory asked for, before the first step. A step is a
        few tens of milliseconds of one thread, so that what else is to be made gets
        its turn; a backend that cannot stop half way takes a single one. One that
        has no way of its own hands on what another backend begins.
        """
