"""A file of weights, of which any bytes can be made alone.

The file is never there: it is a pure function of its layout and a seed, and
``read_into`` computes the bytes that are asked for.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from weightbank.backends.protocol import Backend
from weightbank.distributions import Distribution
from weightbank.errors import InvalidRangeError, UnknownTensorError
from weightbank.flight import Flight
from weightbank.forms import Placement, TieForm
from weightbank.generation import Generator
from weightbank.layout import Layout
from weightbank.numbers.streams import check_seed
from weightbank.pieces import Piece, fill_pieces
from weightbank.prepared import PreparedTensors
from weightbank.resolved import ResolvedTensor
from weightbank.stored import TensorReader
from weightbank.stored_ranges import StoredRange, stored_range
from weightbank.whole import Whole, whole_parts


class WeightsFile:
    """The bytes of one safetensors file.

    Thread-safe; reading from several threads is how it is made fast.

    Args:
        layout: Where everything is.
        seed: The caller's, in [0, 2**64).
        backend: Makes the numbers.
        prepared: Keeps what has to be made whole; may be shared by many files.
        reader: Reads stored tensors; needed where the layout has sources.

    Raises:
        InvalidSeedError: If the seed is out of range.

    Examples:
        >>> from weightbank import ReferenceBackend, Spec, resolve
        >>> spec = Spec.from_document({"layers": [
        ...     {"name": "fc", "type": "Linear", "in_features": 2, "out_features": 3}]})
        >>> file = WeightsFile(
        ...     Layout.of(resolve(spec).resolved), seed=42, backend=ReferenceBackend())
        >>> file.size_bytes == len(file.header) + 4 * (3 * 2 + 3)
        True
        >>> file.read(0, 20) + file.read(20, file.size_bytes) == file.read(0, file.size_bytes)
        True
    """

    def __init__(
        self,
        layout: Layout,
        *,
        seed: int,
        backend: Backend,
        prepared: PreparedTensors | None = None,
        reader: TensorReader | None = None,
    ) -> None:
        self.layout = layout
        self.seed = check_seed(seed)
        self._prepared = PreparedTensors() if prepared is None else prepared
        self._reader = reader
        self._generator = Generator(backend, self._prepared, reader)
        self._distributions: dict[int, Distribution] = {}
        self._by_name: dict[str, int] | None = None

    @property
    def size_bytes(self) -> int:
        """Size of the file."""
        return self.layout.size_bytes

    @property
    def header(self) -> bytes:
        """The file's first bytes: the header with its length field."""
        return self.layout.header

    def read(self, start: int, stop: int) -> bytearray:
        """Return the bytes ``start`` to ``stop``.

        Raises:
            InvalidRangeError: If they are not within the file.
        """
        buffer = bytearray(max(0, min(stop, self.size_bytes) - max(start, 0)))
        if len(buffer) != stop - start:
            self._refuse(start, stop)
        self.read_into(start, buffer)
        return buffer

    def chunks(self, *, chunk_bytes: int = 2**22) -> Iterator[bytearray]:
        """Yield the whole file in order, a chunk at a time.

        Args:
            chunk_bytes: Of every chunk but the last.
        """
        for start in range(0, self.size_bytes, chunk_bytes):
            yield self.read(start, min(start + chunk_bytes, self.size_bytes))

    def read_into(self, start: int, buffer: bytearray | memoryview) -> None:
        """Write the bytes from ``start`` on into a buffer, and fill it.

        Args:
            start: Offset in the file.
            buffer: Writable and contiguous; its size says how many bytes.

        Raises:
            InvalidRangeError: If they are not within the file.
        """
        stop = start + memoryview(buffer).nbytes
        fill_pieces(self.pieces(start, stop), buffer, self._generator)
        for flight in self._verifications(start, stop):
            with flight:
                flight.complete()

    def pieces(self, start: int, stop: int) -> Iterator[Piece | bytes]:
        """Yield what the bytes ``start`` to ``stop`` are made of, in order.

        Bytes of the header stand for themselves.

        Raises:
            InvalidRangeError: If they are not within the file.
        """
        if not 0 <= start <= stop <= self.size_bytes:
            self._refuse(start, stop)
        at, header_bytes = start, len(self.header)
        if at < min(stop, header_bytes):
            yield self.header[at:stop]
            at = min(stop, header_bytes)
        starts, tensors = self.layout.starts, self.layout.tensors
        index = self.layout.index_at(at)
        while at < stop:
            end = min(stop, starts[index] + tensors[index].size_bytes)
            if end > at:
                values, dtype = self._distribution(index), tensors[index].dtype
                yield Piece(values, dtype, at - starts[index], end - at)
            at, index = end, index + 1

    def wholes(self, start: int, stop: int) -> list[Flight]:
        """Join what must have arrived, or be there whole, before these bytes are read.

        Where stored bytes have not arrived, it is their arrival alone, as nothing can be
        made of them before: once that is done, this has to be called again.

        Returns:
            A place in each such flight, done or not, to be left by the caller. If all
            are done, reading waits for nothing while they are held.
        """
        if not self.layout.has_wholes:
            return []
        parts: dict[Whole, None] = {}
        ranges: dict[StoredRange, None] = {}
        for piece in self.pieces(start, stop):
            if isinstance(piece, Piece):
                parts.update(dict.fromkeys(whole_parts(piece.values, *piece.elements)))
                needed = stored_range(piece.values, *piece.elements)
                ranges.update({} if needed is None else {needed: None})
        arrivals = _join_all(self._arrivals(ranges, start, stop))
        missing = [flight for flight in arrivals if flight.failed]
        missing = missing or [flight for flight in arrivals if not flight.done]
        if missing:
            for flight in arrivals:
                if flight not in missing:
                    flight.leave()
            return missing
        return [*arrivals, *(self._generator.join(part) for part in parts)]

    def _arrivals(self, ranges: Iterable[StoredRange], start: int, stop: int) -> Iterator[Flight]:
        for needed in ranges:
            assert self._reader is not None, "what is stored has to be read"
            yield self._reader.arrival(needed.tensor, needed.start, needed.stop)
        yield from self._verifications(start, stop)

    def _verifications(self, start: int, stop: int) -> Iterator[Flight]:
        """Join the finding that hashes are right, if the file's last byte is asked for."""
        if start < stop == self.size_bytes:
            for file in self.layout.sources:
                assert self._reader is not None, "what is stored has to be read"
                yield self._reader.verification(file)

    def elements(self, name: str, start: int, stop: int) -> NDArray[Any]:
        """Return elements of one tensor, row-major.

        Args:
            name: Of the tensor.
            start: First element.
            stop: One beyond the last.

        Returns:
            Of the dtype's storage (bfloat16 as u16), shape (stop - start,).

        Raises:
            UnknownTensorError: If there is no such tensor.
            InvalidRangeError: If it has no such elements.
        """
        index = self._index(name)
        tensor = self.layout.tensors[index]
        if not 0 <= start <= stop <= tensor.elements:
            accepted = f"0 to {tensor.elements}"
            raise InvalidRangeError(name, [start, stop], "are no elements of it", accepted)
        out = np.empty(stop - start, tensor.dtype.storage)
        self._generator.fill(self._distribution(index), tensor.dtype, start, out)
        return out

    def _distribution(self, index: int) -> Distribution:
        values = self._distributions.get(index)
        if values is None:
            tensor = self._source(self.layout.tensors[index])
            values = tensor.form.distribution(Placement(self.seed, tensor.name, tensor.shape))
            self._distributions[index] = values
        return values

    def _source(self, tensor: ResolvedTensor) -> ResolvedTensor:
        """Follow a tie to the tensor whose bytes it has."""
        if isinstance(tensor.form, TieForm):
            return self.layout.tensors[self._index(tensor.form.to)]
        return tensor

    def _index(self, name: str) -> int:
        if self._by_name is None:
            self._by_name = {tensor.name: at for at, tensor in enumerate(self.layout.tensors)}
        index = self._by_name.get(name)
        if index is None:
            raise UnknownTensorError("tensor", name, "is not in this file", "a tensor's name")
        return index

    def _refuse(self, start: int, stop: int) -> None:
        accepted = f"offsets in [0, {self.size_bytes}]"
        raise InvalidRangeError("bytes", [start, stop], "are not within the file", accepted)


def _join_all(joining: Iterator[Flight]) -> list[Flight]:
    """Return all places, or leave those that were had if one cannot be."""
    flights: list[Flight] = []
    try:
        flights.extend(joining)
    except BaseException:
        for flight in flights:
            flight.leave()
        raise
    return flights
