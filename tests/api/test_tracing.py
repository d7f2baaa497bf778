"""Spans at a real collector on loopback, and ids in every line, with and without one."""

import asyncio
import dataclasses
import io
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.application import create_app
from app.logs import make_logger
from app.metrics import Metrics
from app.settings import Settings
from app.trace_context import fields_of
from schemas.examples import MLP
from services.engine import Engine
from tests.otlp_receiver import OtlpReceiver, attributes_of

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
PARENT_ID = "b7ad6b7169203331"
SAMPLED = f"00-{TRACE_ID}-{PARENT_ID}-01"
NOT_SAMPLED = f"00-{TRACE_ID}-{PARENT_ID}-00"
ERROR = 2


@pytest.fixture
def collector() -> Iterator[OtlpReceiver]:
    """A collector."""
    with OtlpReceiver() as receiver:
        yield receiver


def sampled(metrics: Metrics, outcome: str) -> float:
    """How many spans came to this end."""
    return metrics.registry.get_sample_value("weightbank_spans_total", {"outcome": outcome}) or 0


def test_a_request_is_a_span_below_its_callers(
    make_api: Callable[..., Any], collector: OtlpReceiver
) -> None:
    """With the attributes that everybody's tools look for, and ids as in the log."""
    api = make_api(otlp_endpoint=collector.url, otlp_headers="X-Team=a,Authorization=Bearer b")
    spec_id = api.post("/v1/specs", json=MLP).json()["id"]
    answer = api.get(f"/v1/weights/{spec_id}?seed=1", headers={"traceparent": SAMPLED})
    span = collector.named("GET /v1/weights/{id}")
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE_ID, PARENT_ID)
    found = attributes_of(span)
    assert found["http.request.method"] == "GET"
    assert found["http.route"] == "/v1/weights/{id}"
    assert found["http.response.status_code"] == 200
    assert found["http.response.body.size"] == len(answer.content)
    assert found["url.path"] == f"/v1/weights/{spec_id}"
    assert found["weightbank.spec_id"] == spec_id
    assert found["weightbank.outcome"] == "answered"
    line = api.log.wait_for(route="/v1/weights/{id}", status=200)
    assert (line["trace_id"], line["span_id"]) == (TRACE_ID, span.span_id.hex())
    assert found["weightbank.request_id"] == line["request_id"]
    assert collector.path == "/v1/traces"
    assert (collector.headers["x-team"], collector.headers["authorization"]) == ("a", "Bearer b")
    assert collector.resource["service.name"] == "weightbank"


def test_what_takes_time_is_a_span_below_the_request(
    make_api: Callable[..., Any], collector: OtlpReceiver, large_spec: dict[str, Any]
) -> None:
    """Resolving, the store, and the beginning and the rest of a stream; from their threads."""
    api = make_api(otlp_endpoint=collector.url)
    api.post("/v1/weights", json=large_spec)
    span = collector.named("POST /v1/weights")
    for name in ("resolving", "store", "first byte", "stream"):
        child = collector.named(name)
        assert child.trace_id == span.trace_id
        assert child.parent_span_id == span.span_id
        assert span.start_time_unix_nano <= child.end_time_unix_nano
        assert child.start_time_unix_nano <= child.end_time_unix_nano


def test_no_secret_is_in_a_span(make_api: Callable[..., Any], collector: OtlpReceiver) -> None:
    """A path may hold one; a query is not sent at all."""
    api = make_api(otlp_endpoint=collector.url)
    api.get("/v1/specs/hf_verysecretindeed?token=verysecretindeed")
    span = collector.named("GET /v1/specs/{id}")
    assert "verysecret" not in str(span)


def test_a_failure_is_an_error_and_a_refusal_is_none(
    make_api: Callable[..., Any], collector: OtlpReceiver
) -> None:
    """By status: 500 and beyond are ours."""
    api = make_api(otlp_endpoint=collector.url)
    api.get("/v1/specs/x")
    refused = collector.named("GET /v1/specs/{id}")
    assert refused.status.code != ERROR
    api.app.state.wiring.readiness.drain()
    api.get("/readyz")
    failed = collector.named("GET /readyz")
    assert failed.status.code == ERROR
    assert attributes_of(failed)["error.type"] == "not_ready"


def test_a_caller_decides_whether_its_trace_is_kept(
    make_api: Callable[..., Any], collector: OtlpReceiver
) -> None:
    """Else the ratio does; either way lines have the ids."""
    api = make_api(otlp_endpoint=collector.url, trace_ratio=0)
    api.get("/v1/presets")
    api.get("/v1/layers", headers={"traceparent": NOT_SAMPLED})
    api.get("/v1/nonlinearities", headers={"traceparent": SAMPLED})
    collector.named("GET /v1/nonlinearities")
    assert not [span for span in collector.spans() if span.name != "GET /v1/nonlinearities"]
    assert api.log.wait_for(route="/v1/layers")["trace_id"] == TRACE_ID
    assert len(api.log.wait_for(route="/v1/presets")["trace_id"]) == 32


@pytest.mark.parametrize("status", [400, 503])
def test_a_collector_that_fails_costs_a_count_and_a_line(
    make_api: Callable[..., Any], status: int
) -> None:
    """And no request anything."""
    with OtlpReceiver(status=status) as receiver:
        api = make_api(otlp_endpoint=receiver.url)
        assert api.get("/v1/presets").status_code == 200
        line = api.log.wait_for(event="spans were not sent")
        assert line["spans"] >= 1
        assert sampled(api.app.state.metrics, "failed") >= 1


def test_a_collector_that_is_not_there_costs_no_request_anything(
    make_api: Callable[..., Any],
) -> None:
    """What was not sent is told."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    api = make_api(otlp_endpoint=f"http://127.0.0.1:{port}")
    for _ in range(20):
        assert api.get("/v1/presets").status_code == 200
    api.log.wait_for(event="spans were not sent")


def test_spans_that_wait_are_sent_at_the_end(collector: OtlpReceiver, tmp_path: Path) -> None:
    """The end of a lifespan hands over what was not sent yet."""
    settings = Settings(data_dir=tmp_path, otlp_endpoint=collector.url)
    app = create_app(settings, logger=make_logger("info", stream=io.StringIO()))

    async def ask() -> None:
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client,
        ):
            await client.get("/v1/presets")

    asyncio.run(ask())
    assert [span.name for span in collector.spans()] == ["GET /v1/presets"]


class Witness:
    """An engine that remembers what its streams are called."""

    def __init__(self, engine: Engine) -> None:
        self.names: list[str] = []
        self._engine = engine

    def open(self, *arguments: Any, name: str) -> Any:
        """Open a stream."""
        self.names.append(name)
        return self._engine.open(*arguments, name=name)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)


def test_the_engine_knows_whose_stream_it_makes(
    make_api: Callable[..., Any], large_spec: dict[str, Any]
) -> None:
    """Without any collector: the name that its threads log under has all ids of the request."""
    api = make_api()
    spec_id = api.post("/v1/specs", json=large_spec).json()["id"]
    witness = Witness(api.app.state.wiring.engine)
    api.app.state.wiring = dataclasses.replace(api.app.state.wiring, engine=witness)
    headers = {"traceparent": SAMPLED, "X-Request-Id": "r"}
    assert api.get(f"/v1/weights/{spec_id}?seed=1", headers=headers).status_code == 200
    line = api.log.wait_for(event="request", request_id="r")
    assert line["trace_id"] == TRACE_ID
    assert line["span_id"] != PARENT_ID
    (name,) = witness.names
    assert fields_of(name) == {key: line[key] for key in ("request_id", "trace_id", "span_id")}
