"""Who is let in: the caller of a request, found before anything else is done.

Theory of operation: the key is looked for first, then whether it counts, then how often
it has asked, then what it opens. No body was read and no name was looked up by then. What
the answer sends is taken from the key's bytes when the answer begins.
"""

import functools

from starlette.requests import Request
from starlette.responses import Response

from app.metered_response import MeteredResponse, Reserve, is_metered
from app.record import record_of
from app.wiring import wiring_of
from services.keys.caller import ANYBODY, Caller
from services.keys.scopes import Scope

_CALLER = "weightbank.caller"
_RESERVE = "weightbank.reserve"


async def admit(request: Request, scope: Scope) -> None:
    """Let a caller in to whom a scope is open.

    Raises:
        WeightbankError: If there is no key where one is needed, or it does not open this.
    """
    access = wiring_of(request).access
    if access is None:
        admit_anybody(request)
        return
    key = await access.identify(request.headers.getlist("authorization"))
    record_of(request.scope).key = key.id
    access.enter(key)
    caller = key.caller
    caller.require(scope)
    request.scope[_CALLER] = caller
    request.scope[_RESERVE] = functools.partial(access.reserve, key)


def admit_anybody(request: Request) -> None:
    """Let a caller in without a key."""
    request.scope[_CALLER] = ANYBODY


def caller_of(request: Request) -> Caller:
    """Return who asks; only of requests that were admitted."""
    caller: Caller = request.scope[_CALLER]
    return caller


def metered(request: Request, response: Response) -> Response:
    """Return an answer whose bytes are taken from what the caller's key may have."""
    reserve: Reserve | None = request.scope.get(_RESERVE)
    if reserve is None or not is_metered(response, method=request.method):
        return response
    return MeteredResponse(response, reserve)
