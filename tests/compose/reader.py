"""A client that reads a file piece by piece, and notices that it did not get all."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx


class Reader:
    """One answer, read as far as somebody says.

    Attributes:
        got: Bytes so far.
        broke_off: Whether the answer ended before its end.
    """

    def __init__(self, answer: httpx.Response) -> None:
        self.got = bytearray()
        self.broke_off = False
        self.etag = answer.headers["ETag"]
        self._chunks = answer.iter_raw(65536)

    def read(self, size_bytes: int) -> None:
        """Read on until so many bytes are there."""
        while len(self.got) < size_bytes:
            self.got += next(self._chunks)

    def read_to_the_end(self) -> None:
        """Read what comes, whole or not."""
        try:
            for chunk in self._chunks:
                self.got += chunk
        except httpx.TransportError:
            self.broke_off = True

    def resume(self, client: httpx.Client, path: str) -> None:
        """Fetch the rest, as ``curl -C -`` does."""
        headers = {"Range": f"bytes={len(self.got)}-", "If-Range": self.etag}
        answer = client.get(path, headers=headers)
        assert answer.status_code == httpx.codes.PARTIAL_CONTENT, answer.text
        self.got += answer.content


@contextmanager
def reading(client: httpx.Client, path: str) -> Iterator[Reader]:
    """Begin to read a file."""
    with client.stream("GET", path) as answer:
        assert answer.status_code == httpx.codes.OK
        yield Reader(answer)
