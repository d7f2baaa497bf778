"""A collector on loopback: takes spans as OTLP over HTTP, and keeps them."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

_SECONDS = 30


class OtlpReceiver:
    """Keeps spans, the headers they came with, and what they say of their process."""

    def __init__(self, *, status: int = 200) -> None:
        self.headers: dict[str, str] = {}
        self.path = ""
        self.resource: dict[str, Any] = {}
        self._spans: list[Any] = []
        self._changed = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                names = {name.lower(): value for name, value in self.headers.items()}
                receiver.take(self.path, names, body)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def take(self, path: str, headers: dict[str, str], body: bytes) -> None:
        """Keep what came."""
        request = ExportTraceServiceRequest.FromString(body)
        with self._changed:
            self.path, self.headers = path, headers
            for of_resource in request.resource_spans:
                self.resource = attributes_of(of_resource.resource)
                for of_scope in of_resource.scope_spans:
                    self._spans.extend(of_scope.spans)
            self._changed.notify_all()

    def wait_for(self, holds: Callable[[Any], bool]) -> Any:
        """Return the first span of which something holds, once there is one."""

        def found() -> Any:
            return next((span for span in self._spans if holds(span)), None)

        with self._changed:
            span = self._changed.wait_for(found, _SECONDS)
        assert span is not None, [span.name for span in self._spans]
        return span

    def named(self, name: str) -> Any:
        """Return the first span of a name, once there is one."""
        return self.wait_for(lambda span: span.name == name)

    def spans(self) -> list[Any]:
        """Return the spans that are there."""
        with self._changed:
            return list(self._spans)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(_SECONDS)


def attributes_of(described: Any) -> dict[str, Any]:
    """Return the attributes of a span or a resource."""
    found = {}
    for attribute in described.attributes:
        kind = attribute.value.WhichOneof("value")
        found[attribute.key] = getattr(attribute.value, kind)
    return found
