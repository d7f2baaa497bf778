"""Entity tags, and conditional requests in the order of RFC 9110, section 13.2.2.

Nothing here has a date, so that conditions on dates are ignored, and If-Range with
a date never holds.
"""

import re
from collections.abc import Sequence
from typing import Literal

from starlette.requests import Request

from app.errors import RequestError
from weightbank.algorithm import VERSION
from weightbank.errors import NO_VALUE

Verdict = Literal["go_on", "not_modified"]

_TAGS = re.compile(r'[ \t]*(?:(W/)?"([\x21\x23-\x7e\x80-\xff]*)")?[ \t]*(?:,|$)')


class PreconditionFailedError(RequestError):
    """If-Match names another version of the file."""

    code = "precondition_failed"

    def __init__(self, etag: str) -> None:
        super().__init__(
            "If-Match", NO_VALUE, "names no version of this that we have", f"{etag} or *"
        )


def weights_etag(*, spec_id: str, seed: int, dtype: str) -> str:
    """Return the strong entity tag of a file: all that its bytes depend on.

    Examples:
        >>> weights_etag(spec_id="ab12", seed=42, dtype="float32")
        '"1-ab12-42-float32"'
    """
    return f'"{VERSION}-{spec_id}-{seed}-{dtype}"'


def fitted_etag(fitted_id: str, *, seed: int | None) -> str:
    """Return the strong entity tag of a checkpoint that was fitted to a model.

    Args:
        fitted_id: Hash of all that its bytes depend on besides the seed.
        seed: None if nothing in it is drawn.

    Examples:
        >>> fitted_etag("ab12", seed=None)
        '"1-ab12"'
    """
    return f'"{VERSION}-{fitted_id}"' if seed is None else f'"{VERSION}-{fitted_id}-{seed}"'


def parse_etags(values: Sequence[str]) -> list[tuple[str, bool]] | None:
    """Return the opaque tags of If-Match or If-None-Match, each with whether it is weak.

    Args:
        values: Of each header of this name.

    Returns:
        The tags; None if the value is no list of tags.

    Examples:
        >>> parse_etags(['"a", W/"b"', '"c"'])
        [('"a"', False), ('"b"', True), ('"c"', False)]
        >>> parse_etags(["a"]) is None
        True
    """
    text = ",".join(values)
    tags, position = [], 0
    while position < len(text):
        match = _TAGS.match(text, position)
        if match is None or match.end() == position:
            return None
        if match.group(2) is not None:
            tags.append((f'"{match.group(2)}"', match.group(1) is not None))
        position = match.end()
    return tags


def is_not_modified(request: Request, etag: str) -> bool:
    """Return whether a GET or HEAD is to be answered with 304.

    Args:
        request: With its conditions.
        etag: Of what there is; it may be weak.

    Raises:
        PreconditionFailedError: If If-Match does not hold.
    """
    verdict = evaluate(
        if_match=request.headers.getlist("if-match"),
        if_none_match=request.headers.getlist("if-none-match"),
        etag=etag,
    )
    return verdict == "not_modified"


def evaluate(*, if_match: Sequence[str], if_none_match: Sequence[str], etag: str) -> Verdict:
    """Return what conditions make of a GET or HEAD.

    Args:
        if_match: Values of the headers of this name.
        if_none_match: Likewise.
        etag: Of what there is; it may be weak.

    Raises:
        PreconditionFailedError: If If-Match does not hold.

    Examples:
        >>> evaluate(if_match=[], if_none_match=['W/"a"'], etag='"a"')
        'not_modified'
    """
    is_weak, opaque = etag.startswith("W/"), etag.removeprefix("W/")
    if if_match and not _is_star(if_match):
        tags = parse_etags(if_match) or []
        if is_weak or (opaque, False) not in tags:
            raise PreconditionFailedError(etag)
    if if_none_match:
        tags = parse_etags(if_none_match) or []
        if _is_star(if_none_match) or opaque in {tag for tag, _ in tags}:
            return "not_modified"
    return "go_on"


def range_applies(*, if_range: Sequence[str], etag: str) -> bool:
    """Return whether a Range header counts: without If-Range, or with our very tag.

    Examples:
        >>> range_applies(if_range=['W/"a"'], etag='"a"')
        False
    """
    return not if_range or (len(if_range) == 1 and if_range[0].strip() == etag)


def _is_star(values: Sequence[str]) -> bool:
    return [value.strip() for value in values] == ["*"]
