"""What is looked at before a request is: the name it came by, and the page that sent it.

Theory of operation: a browser sends what a page tells it to, also to somebody's loopback
and into networks that the page's owner cannot reach. It keeps the answers from the page,
but by then a removal or a fetch has been done. Browsers say where a request comes from, and
a page cannot change that: ``Sec-Fetch-Site``, and ``Origin`` from older ones and over plain
HTTP. A request with neither comes from no page. Reading changes nothing and is let through:
without CORS the page does not see the answer.

All of it comes before keys, as a browser sends none with the question whether it may ask.
"""

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.allowed_hosts import AllowedHosts
from app.errors import RequestError
from app.origins import PREFLIGHT, Origins
from app.problems import headers_of, problem_of, problem_response
from app.record import record_of
from weightbank.errors import NO_VALUE

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""They change nothing."""

_OF_OURSELVES = frozenset({b"same-origin", b"none"})
_READ = frozenset(
    {b"host", b"origin", b"sec-fetch-site", b"access-control-request-method"},
)


class UnknownHostError(RequestError):
    """The request came by a name that is not this server's."""

    code = "unknown_host"

    def __init__(self, host: bytes | None) -> None:
        value = NO_VALUE if host is None else host.decode("latin-1")
        super().__init__(
            "Host",
            value,
            "is not a name of this server" if host is not None else "is missing",
            "a name that WEIGHTBANK_ALLOWED_HOSTS lists, or an address",
        )


class UnknownPathError(RequestError):
    """The path ends with a line feed, which a route's regular expression lets follow."""

    code = "unknown_route"


class ForeignOriginError(RequestError):
    """A page of another origin may not do this."""

    code = "foreign_origin"

    def __init__(self, origin: bytes | None) -> None:
        value = NO_VALUE if origin is None else origin.decode("latin-1")
        super().__init__(
            "Origin",
            value,
            "is of another site than this server, whose pages may not do this",
            "requests from outside a browser, and pages that WEIGHTBANK_CORS_ORIGINS lists",
        )


class GateMiddleware:
    """Answers what browsers ask beforehand, and refuses what no page may do."""

    def __init__(self, app: ASGIApp, *, hosts: AllowedHosts, origins: Origins) -> None:
        self._app = app
        self._hosts = hosts
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request through, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            answer = self._early_answer(scope)
        except RequestError as error:
            record_of(scope).code = error.code
            problem = problem_of(error, instance=scope["path"])
            answer = problem_response(problem, headers=headers_of(error))
        if answer is None:
            await self._app(scope, receive, send)
        else:
            await answer(scope, receive, send)

    def _early_answer(self, scope: Scope) -> Response | None:
        """Return the answer of a preflight; None for what is to go on.

        Raises:
            RequestError: If it may not.
        """
        headers = _headers(scope)
        host, origin = headers.get(b"host"), headers.get(b"origin")
        if not self._hosts.allow(host):
            raise UnknownHostError(host)
        if scope["path"].endswith("\n"):
            raise UnknownPathError("path", scope["path"], "is not known", "what GET /docs lists")
        is_preflight = (
            scope["method"] == "OPTIONS"
            and origin is not None
            and b"access-control-request-method" in headers
        )
        if not is_preflight and scope["method"] in SAFE_METHODS:
            return None
        if self._origins.allows(origin):
            return _preflight() if is_preflight else None
        if is_preflight or _is_foreign(headers):
            raise ForeignOriginError(origin)
        return None


def _headers(scope: Scope) -> dict[bytes, bytes]:
    """Return what is read here; a header that came twice is joined, and matches nothing."""
    found: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name in _READ:
            found[name] = found[name] + b", " + value if name in found else value
    return found


def _is_foreign(headers: dict[bytes, bytes]) -> bool:
    site, origin = headers.get(b"sec-fetch-site"), headers.get(b"origin")
    if site is not None:
        return site not in _OF_OURSELVES
    # Of the same origin are those that name this very host: scheme://HOST.
    return (
        origin is not None
        and origin.lower().partition(b"://")[2] != headers.get(b"host", b"").lower()
    )


def _preflight() -> Response:
    response = Response(status_code=204, headers={"Cache-Control": "no-store"})
    response.raw_headers.extend(PREFLIGHT)
    return response
