"""The outermost layer, as plain ASGI: ids, the log line, metrics, headers, last errors."""

import asyncio
import re
import time
import uuid
from typing import Any

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.connection import abort_connection
from app.metrics import Metrics
from app.origins import Origins
from app.problems import headers_of, make_problem, problem_of, problem_response
from app.record import RequestRecord, attach_record
from app.request_body import DisconnectedError
from app.security_headers import secured
from app.trace_context import CURRENT
from app.tracing import RequestSpan, Tracing, follow_stream
from services.errors import ShuttingDownError

_SANE_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_HEADER = b"x-request-id"


class RequestMiddleware:
    """Gives each request its ids, counts it, logs it, and answers for what went wrong.

    All answers get the headers that browsers are to heed, also those to its own errors.
    It lets no exception through, so that details of an error are
    in the log and nowhere else.
    """

    def __init__(
        self, app: ASGIApp, *, metrics: Metrics, logger: Any, tracing: Tracing, origins: Origins
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._logger = logger
        self._tracing = tracing
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        span = self._tracing.begin(scope, request_id)
        record = RequestRecord(request_id, name=span.ids.name, on_sent=self._metrics.sent)
        attach_record(scope, record)
        current = CURRENT.set(span)
        self._metrics.began()

        async def send_recorded(message: Message) -> None:
            if message["type"] == "http.response.start":
                record.status = message["status"]
                message["headers"] = [
                    *secured(list(message.get("headers", []))),
                    *self._origins.headers(_header(scope, b"origin")),
                    (_HEADER, record.request_id.encode()),
                ]
            elif size_bytes := len(message.get("body", b"")):
                record.sent(size_bytes)
            await send(message)

        try:
            await self._app(scope, receive, send_recorded)
        except DisconnectedError:
            record.outcome = "disconnected"
        except Exception as error:  # noqa: BLE001 - this is where errors end
            await self._fail(error, scope, receive, send_recorded, record)
        except asyncio.CancelledError:
            await self._cancelled(scope, receive, send_recorded, record)
        finally:
            self._end(scope, record, span)
            CURRENT.reset(current)

    async def _fail(
        self, error: Exception, scope: Scope, receive: Receive, send: Send, record: RequestRecord
    ) -> None:
        self._logger.error("internal error", request_id=record.request_id, exc_info=error)
        record.code = "internal"
        if record.status is not None:
            record.outcome = "failed"
        problem = make_problem(
            "internal",
            detail=f"the server made a mistake; the log has it under request id "
            f"{record.request_id}",
            instance=scope["path"],
        )
        await _answer_or_abort(problem_response(problem), scope, receive, send, record)

    async def _cancelled(
        self, scope: Scope, receive: Receive, send: Send, record: RequestRecord
    ) -> None:
        """End a request that the server's shutdown does not wait for any longer.

        The cancellation goes no further: the request's task ends here anyway.
        """
        error = ShuttingDownError()
        record.outcome = "cancelled"
        if record.status is None:
            record.code = error.code
        problem = problem_of(error, instance=scope["path"])
        response = problem_response(problem, headers=headers_of(error))
        await _answer_or_abort(response, scope, receive, send, record)

    def _end(self, scope: Scope, record: RequestRecord, span: RequestSpan) -> None:
        seconds = time.perf_counter() - record.started
        route = getattr(scope.get("route"), "path_format", "unknown")
        self._metrics.ended(record, route=route, method=scope["method"], seconds=seconds)
        follow_stream(span, record)
        span.end(record, route=route, method=scope["method"])
        client = scope.get("client")
        self._logger.info(
            "request",
            request_id=record.request_id,
            method=scope["method"],
            path=scope["path"],
            query=scope["query_string"].decode("latin-1"),
            route=route,
            status=record.status,
            code=record.code,
            spec_id=record.spec_id,
            key=record.key,
            outcome=record.outcome,
            sent_bytes=record.sent_bytes,
            milliseconds=round(seconds * 1000, 3),
            client=client[0] if client else None,
        )


async def _answer_or_abort(
    response: Response, scope: Scope, receive: Receive, send: Send, record: RequestRecord
) -> None:
    """Answer if no answer has begun; otherwise let the client see that it has no end."""
    if record.status is None:
        await response(scope, receive, send)
    elif abort_connection(scope):
        # One turn of the loop, in which the server notices.
        await asyncio.sleep(0)


def _request_id(scope: Scope) -> str:
    given = _header(scope, _HEADER)
    if given is not None and _SANE_ID.fullmatch(given):
        return given.decode()
    return uuid.uuid4().hex


def _header(scope: Scope, wanted: bytes) -> bytes | None:
    """Return the first header of a name."""
    found: bytes | None = next((value for name, value in scope["headers"] if name == wanted), None)
    return found
