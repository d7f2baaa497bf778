"""The spec in a request's body: its media type, its bytes within bounds, and its text."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Literal

from starlette.requests import Request

from app.errors import RequestError
from weightbank.documents import parse_json, parse_yaml
from weightbank.errors import NO_VALUE

BODY_CODES = (
    "unsupported_media_type",
    "unsupported_encoding",
    "body_too_large",
    "body_timeout",
)
"""What reading a body can lead to, whatever is in it."""

DOCUMENT_BODY_CODES = (
    *BODY_CODES,
    "invalid_syntax",
    "invalid_spec",
    "unknown_key",
    "invalid_argument",
)
"""And taking it for a document of ours."""

Format = Literal["json", "yaml"]

_FORMATS: dict[str, Format] = {
    "application/json": "json",
    "text/json": "json",
    "application/yaml": "yaml",
    "application/x-yaml": "yaml",
    "text/yaml": "yaml",
    "text/x-yaml": "yaml",
}
_PARSERS: dict[Format, Callable[[bytes], Any]] = {"json": parse_json, "yaml": parse_yaml}
_FORM = "application/x-www-form-urlencoded"
_MOST_DIGITS = 18
_ACCEPTED = (
    "application/yaml or application/json; with curl: "
    "-H 'Content-Type: application/yaml' --data-binary @spec.yaml"
)


class UnsupportedMediaTypeError(RequestError):
    """The body is said to be neither JSON nor YAML, or not in UTF-8."""

    code = "unsupported_media_type"


class UnsupportedEncodingError(RequestError):
    """The body is compressed."""

    code = "unsupported_encoding"


class BodyTooLargeError(RequestError):
    """The body has more bytes than the setting allows.

    The connection is closed after the answer: nobody reads what is left.
    """

    code = "body_too_large"
    headers = {"Connection": "close"}  # noqa: RUF012 - never changed


class BodyTimeoutError(RequestError):
    """The body did not arrive in time."""

    code = "body_timeout"
    headers = {"Connection": "close"}  # noqa: RUF012 - never changed


class DisconnectedError(Exception):
    """The client left before its body had arrived; there is nobody to answer."""


async def read_body(
    request: Request, *, limits_bytes: Mapping[Format, int], timeout_seconds: float
) -> tuple[bytes, Format]:
    """Return a request's body, and what it is written in.

    Args:
        request: One whose body nobody has read.
        limits_bytes: Most bytes, by what it is written in.
        timeout_seconds: How long the whole body may take.

    Raises:
        UnsupportedMediaTypeError: If it is neither JSON nor YAML.
        UnsupportedEncodingError: If it is compressed.
        BodyTooLargeError: If it has too many bytes, whatever Content-Length says.
        BodyTimeoutError: If it takes too long.
    """
    body_format = body_format_of(request.headers.get("content-type"))
    limit_bytes = limits_bytes[body_format]
    encoding = request.headers.get("content-encoding", "identity")
    if encoding.lower() != "identity":
        raise UnsupportedEncodingError(
            "Content-Encoding", encoding, "is not read here", "a body that is not compressed"
        )
    declared = request.headers.get("content-length", "")
    # The server has seen to it that this is a number, and not a long one.
    if declared.isdecimal() and int(declared[:_MOST_DIGITS]) > limit_bytes:
        raise _too_large(int(declared[:_MOST_DIGITS]), limits_bytes, body_format)
    try:
        async with asyncio.timeout(timeout_seconds):
            body = await _receive(request, limit_bytes)
    except TimeoutError:
        raise BodyTimeoutError(
            "body", NO_VALUE, f"did not arrive within {timeout_seconds:g} s", "a faster one"
        ) from None
    if len(body) > limit_bytes:
        raise _too_large(len(body), limits_bytes, body_format)
    return body, body_format


def parse_body(body: bytes, body_format: Format) -> Any:
    """Return the document that a body holds.

    Raises:
        SyntaxSpecError: If it is not what it is said to be.

    Examples:
        >>> parse_body(b"seed: 42", "yaml")
        {'seed': 42}
    """
    return _PARSERS[body_format](body)


def body_format_of(content_type: str | None) -> Format:
    """Return what a body of a media type is written in.

    Raises:
        UnsupportedMediaTypeError: If we do not read it.

    Examples:
        >>> body_format_of("application/vnd.team+json; charset=utf-8")
        'json'
    """
    if content_type is None:
        raise UnsupportedMediaTypeError("Content-Type", NO_VALUE, "is missing", _ACCEPTED)
    media_type, *parameters = (part.strip().lower() for part in content_type.split(";"))
    for parameter in parameters:
        name, _, charset = parameter.partition("=")
        if name.strip() == "charset" and charset.strip().strip('"') not in {"utf-8", "utf8"}:
            raise UnsupportedMediaTypeError(
                "Content-Type", content_type, "is not in UTF-8", "charset=utf-8, or none"
            )
    body_format = _FORMATS.get(media_type)
    if body_format is not None:
        return body_format
    if "/" in media_type and media_type.endswith("+json"):
        return "json"
    if "/" in media_type and media_type.endswith("+yaml"):
        return "yaml"
    problem = "is not read here"
    if media_type == _FORM:
        problem = "is not read here (curl -d sends it unless it is told otherwise)"
    raise UnsupportedMediaTypeError("Content-Type", content_type, problem, _ACCEPTED)


async def _receive(request: Request, limit_bytes: int) -> bytes:
    """Return the body, or a little more than the limit of it."""
    parts, size_bytes, more = [], 0, True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise DisconnectedError
        part = message.get("body", b"")
        size_bytes += len(part)
        parts.append(part)
        more = message.get("more_body", False) and size_bytes <= limit_bytes
    return b"".join(parts)


def _too_large(
    size_bytes: int, limits_bytes: Mapping[Format, int], body_format: Format
) -> BodyTooLargeError:
    accepted = f"at most {limits_bytes[body_format]:,} bytes of {body_format.upper()}"
    if body_format == "yaml" and limits_bytes["json"] > limits_bytes["yaml"]:
        accepted += f", or {limits_bytes['json']:,} bytes of JSON"
    return BodyTooLargeError("body", NO_VALUE, f"has {size_bytes:,} bytes or more", accepted)
