"""The body of an answer with weights: spans of the file, and what stands around them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from services.engine import Span

OCTETS = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Body:
    """Spans of a file, each after some bytes of its own.

    Attributes:
        spans: Of the file, in order, not empty.
        prefixes: What stands before each span.
        suffix: What stands after the last.
        media_type: Of the whole.
    """

    spans: tuple[Span, ...]
    prefixes: tuple[bytes, ...]
    suffix: bytes
    media_type: str

    @property
    def content_length(self) -> int:
        """Bytes of the whole body."""
        spans = sum(stop - start for start, stop in self.spans)
        return spans + sum(map(len, self.prefixes)) + len(self.suffix)


def single_body(span: Span) -> Body:
    """Return a body that is one span and nothing else.

    Examples:
        >>> single_body((10, 15)).content_length
        5
    """
    return Body((span,), (b"",), b"", OCTETS)


def multipart_body(spans: Sequence[Span], *, size: int, etag: str) -> Body:
    """Return a multipart/byteranges body (RFC 9110, section 14.6).

    Args:
        spans: Two or more, in the order they were asked for.
        size: Bytes of the file.
        etag: Of the file; the boundary depends on it, so that equal requests get
            equal bytes.

    Examples:
        >>> body = multipart_body([(0, 2), (5, 9)], size=9, etag='"tag"')
        >>> body.media_type.partition("=")[0], len(body.prefixes)
        ('multipart/byteranges; boundary', 2)
        >>> body.prefixes[1].decode().splitlines()[3]
        'Content-Range: bytes 5-8/9'
    """
    # A hash cannot occur in a file by chance, nor be put there: it covers the file's name.
    boundary = hashlib.sha256(f"{etag} {spans}".encode()).hexdigest()[:32]
    prefixes = []
    for index, (start, stop) in enumerate(spans):
        line_break = "" if index == 0 else "\r\n"
        prefixes.append(
            f"{line_break}--{boundary}\r\nContent-Type: {OCTETS}\r\n"
            f"Content-Range: {content_range((start, stop), size=size)}\r\n\r\n".encode()
        )
    return Body(
        tuple(spans),
        tuple(prefixes),
        f"\r\n--{boundary}--\r\n".encode(),
        f"multipart/byteranges; boundary={boundary}",
    )


def content_range(span: Span, *, size: int) -> str:
    """Return the value of a Content-Range header.

    Examples:
        >>> content_range((0, 10), size=100)
        'bytes 0-9/100'
    """
    return f"bytes {span[0]}-{span[1] - 1}/{size}"
