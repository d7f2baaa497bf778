"""Who is let in: the caller of a request, found before anything else is done."""

from starlette.requests import Request

from services.keys.caller import ANYBODY, Caller
from services.keys.scopes import Scope

_KEY = "weightbank.caller"


async def admit(request: Request, scope: Scope) -> None:
    """Let a caller in to whom a scope is open.

    Raises:
        WeightbankError: If there is no key where one is needed, or it does not open this.
    """
    caller = ANYBODY
    caller.require(scope)
    request.scope[_KEY] = caller


def caller_of(request: Request) -> Caller:
    """Return who asks; only of requests that were admitted."""
    caller: Caller = request.scope[_KEY]
    return caller
