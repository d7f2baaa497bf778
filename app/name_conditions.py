"""If-Match and If-None-Match of what changes a name: its tag is its newest version."""

from collections.abc import Callable

from starlette.requests import Request

from app.conditions import parse_etags
from app.errors import RequestError

_ANY = "*"


class OtherVersionError(RequestError):
    """The name's newest version is not the one that the caller knows."""

    code = "precondition_failed"


def name_etag(version: int) -> str:
    """Return the entity tag of a name.

    Examples:
        >>> name_etag(3)
        '"3"'
    """
    return f'"{version}"'


def newest_as_expected(request: Request) -> Callable[[int | None], None]:
    """Return what refuses a newest version that the conditions of a request do not allow.

    It is told the newest version, or None if there is none, and raises an
    ``OtherVersionError``.

    Raises:
        OtherVersionError: If a condition cannot be read.
    """
    if_match = _condition(request, "If-Match")
    if_none_match = _condition(request, "If-None-Match")

    def agree(newest: int | None) -> None:
        if if_match and not _matches(if_match, newest, weakly=False):
            raise _other("If-Match", if_match, newest)
        if if_none_match and _matches(if_none_match, newest, weakly=True):
            raise _other("If-None-Match", if_none_match, newest)

    return agree


def _condition(request: Request, header: str) -> str | None:
    """Return what a header says, None if it is not there.

    Raises:
        OtherVersionError: If it cannot be read: a change must not be made then.
    """
    values = request.headers.getlist(header)
    if not values:
        return None
    value = ", ".join(values)
    if not _is_any(value) and not parse_etags(values):
        accepted = '"3", several between commas, or *'
        raise OtherVersionError(header, value, "names no versions in quotes", accepted)
    return value


def _matches(value: str, newest: int | None, *, weakly: bool) -> bool:
    """Return whether a condition names the newest version; none of a name without versions."""
    if newest is None:
        return False
    if _is_any(value):
        return True
    tags = parse_etags([value]) or []
    return any(tag == name_etag(newest) and (weakly or not is_weak) for tag, is_weak in tags)


def _is_any(value: str) -> bool:
    return value.strip() == _ANY


def _other(header: str, value: str, newest: int | None) -> OtherVersionError:
    if newest is None:
        return OtherVersionError(header, value, "does not hold: there is no version", "no If-Match")
    accepted = "If-Match: " + name_etag(newest)
    return OtherVersionError(
        header, value, f"does not hold: the newest version is {newest}", accepted
    )
