"""How requests go out: with time-outs, with bounds, and only where they may.

Theory of operation
===================
huggingface_hub asks through one client of the whole process. We give it a factory
whose client has time-outs and a bounded pool, keeps no cookies (they would be of
whoever asked before), and has hooks that hold every request to the bounds of the
question that it belongs to. A question is known by a context variable: requests of
others in this process have none, and are left alone.

Files come through a client of our own, which follows no redirects: ``transfer.py``
looks at each of them.

httpx2 logs whole addresses, and a redirect's address is a secret for as long as its
signature is good. A filter takes the queries out.
"""

import logging
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache, partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx2
from huggingface_hub import get_session, set_client_factory

from services.hub.errors import UpstreamError
from services.hub.hosts import Hosts
from weightbank.errors import NO_VALUE

ANSWER_BYTES = 2**25
"""Most bytes of an answer that is no file; a listing of 100,000 files has fewer."""

_IDENTITY = "identity"
_DEFAULT_TIMEOUT_SECONDS = 10
_CONNECTIONS = 64
_LOGGERS = (
    "httpx2",
    "httpcore2.connection",
    "httpcore2.http11",
    "httpcore2.http2",
    "httpcore2.proxy",
    "huggingface_hub.utils._http",
)
Hooks = Sequence[Callable[..., Any]]

_QUERY = re.compile(r"\?[^\s'\"<>]+")


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait for whom.

    Attributes:
        connect_seconds: For a connection.
        read_seconds: For the next bytes of an answer.
        answer_seconds: For all of an answer that is no file, redirects included.
    """

    connect_seconds: float = 5.0
    read_seconds: float = 10.0
    answer_seconds: float = 20.0

    def of_client(self) -> httpx2.Timeout:
        """Return what a client is told."""
        return httpx2.Timeout(self.read_seconds, connect=self.connect_seconds)


@dataclass(frozen=True, slots=True)
class Question:
    """What every request is held to that is sent to answer it.

    Attributes:
        hosts: Where it may go.
        timeouts: Of each request, and of all together.
        deadline: When there has to be an answer, on the monotonic clock.
    """

    hosts: Hosts
    timeouts: Timeouts
    deadline: float


_question: ContextVar[Question | None] = ContextVar("weightbank_hub_question", default=None)
_install_lock = threading.Lock()


@contextmanager
def asking(hosts: Hosts, timeouts: Timeouts) -> Iterator[None]:
    """Hold all that huggingface_hub asks in this thread, within, to these bounds."""
    install()  # again, if somebody brought another client meanwhile
    deadline = time.monotonic() + timeouts.answer_seconds
    reset = _question.set(Question(hosts, timeouts, deadline))
    try:
        yield
    finally:
        _question.reset(reset)


def install() -> None:
    """Have huggingface_hub ask through a client of ours; does nothing if it does already."""
    if _is_installed():
        return
    with _install_lock:
        if not _is_installed():
            hide_queries()
            # The library's own hooks block requests in its offline mode, and name them.
            hooks = get_session().event_hooks
            set_client_factory(partial(_session, hooks["request"], hooks["response"]))


def transfer_client(timeouts: Timeouts, *, connections: int) -> httpx2.Client:
    """Return a client for files: it follows no redirects, and is to be closed.

    Args:
        timeouts: Of its requests.
        connections: Most at one time.
    """
    return httpx2.Client(
        event_hooks=get_session().event_hooks,
        verify=_certificates(),
        follow_redirects=False,
        timeout=timeouts.of_client(),
        limits=httpx2.Limits(max_connections=connections),
        cookies=_no_cookies(),
    )


def bound_answer(response: httpx2.Response, deadline: float) -> None:
    """Let an answer end in an error once it is too long, or too late.

    Args:
        response: Of which nothing was read.
        deadline: On the monotonic clock.
    """
    assert isinstance(response.stream, httpx2.SyncByteStream), "read by a thread"
    encoding = response.headers.get("Content-Encoding", _IDENTITY).lower()
    response.stream = _BoundedStream(response.stream, deadline, is_encoded=encoding != _IDENTITY)


def hide_queries() -> None:
    """Let no log of the libraries we ask through show a query: it may be a signature."""
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(known, _QueryFilter) for known in logger.filters):
            logger.addFilter(_QueryFilter())


def _is_installed() -> bool:
    return _hold_request in get_session().event_hooks["request"]


def _session(on_request: Hooks, on_response: Hooks) -> httpx2.Client:
    return httpx2.Client(
        event_hooks={
            "request": [*on_request, _hold_request],
            "response": [*on_response, _hold_answer],
        },
        verify=_certificates(),
        # A few bytes can be gigabytes once they are decoded: all are counted as they come.
        headers={"Accept-Encoding": _IDENTITY},
        follow_redirects=True,
        max_redirects=5,
        timeout=_DEFAULT_TIMEOUT_SECONDS,
        limits=httpx2.Limits(max_connections=_CONNECTIONS),
        cookies=_no_cookies(),
    )


@cache
def _certificates() -> ssl.SSLContext:
    """Return what is trusted; reading it takes longer than a question."""
    return httpx2.create_ssl_context()


def _no_cookies() -> CookieJar:
    return CookieJar(DefaultCookiePolicy(allowed_domains=[]))


def _hold_request(request: httpx2.Request) -> None:
    """Check where a request goes; it is called again for each redirect."""
    question = _question.get()
    if question is None:
        return
    question.hosts.check(request.url)
    if not question.hosts.is_endpoint(request.url):
        request.headers.pop("Authorization", None)
    left_seconds = question.deadline - time.monotonic()
    if left_seconds <= 0:
        raise httpx2.ReadTimeout("redirects took too long", request=request)
    timeouts = question.timeouts
    request.extensions["timeout"] = httpx2.Timeout(
        min(timeouts.read_seconds, left_seconds),
        connect=min(timeouts.connect_seconds, left_seconds),
    ).as_dict()


def _hold_answer(response: httpx2.Response) -> None:
    question = _question.get()
    if question is not None:
        bound_answer(response, question.deadline)


class _BoundedStream(httpx2.SyncByteStream):
    """A stream that has to end in time, and before it is too long."""

    def __init__(self, stream: httpx2.SyncByteStream, deadline: float, *, is_encoded: bool) -> None:
        self._stream = stream
        self._deadline = deadline
        self._is_encoded = is_encoded

    def __iter__(self) -> Iterator[bytes]:
        if self._is_encoded:
            raise UpstreamError(
                "answer", NO_VALUE, "of the Hub is compressed, and nobody asked for that"
            )
        size_bytes = 0
        for piece in self._stream:
            size_bytes += len(piece)
            if size_bytes > ANSWER_BYTES:
                raise UpstreamError(
                    "answer",
                    NO_VALUE,
                    "of the Hub is too long to be read",
                    f"answers of at most {ANSWER_BYTES:,} bytes",
                )
            if time.monotonic() > self._deadline:
                raise httpx2.ReadTimeout("the answer took too long")
            yield piece

    def close(self) -> None:
        """Close what is behind it."""
        self._stream.close()


class _QueryFilter(logging.Filter):
    """Writes records anew without the queries of the addresses in them."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let it pass, changed."""
        record.msg, record.args = _QUERY.sub("?…", record.getMessage()), ()
        return True
