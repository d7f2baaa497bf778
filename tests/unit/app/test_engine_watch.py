"""What an engine does, as metrics and log lines."""

import io
import json
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest

from app.engine_watch import EngineWatch
from app.logs import make_logger
from app.trace_context import RequestIds
from services.engine import DeviceLostError, Engine
from tests.engines import CHUNK_BYTES, Numbers, content_of, drain, run


def watched() -> tuple[EngineWatch, CollectorRegistry, io.StringIO]:
    """A watch with a registry and a log of its own."""
    registry, stream = CollectorRegistry(), io.StringIO()
    return EngineWatch(registry, make_logger("info", stream=stream)), registry, stream


def lines_of(stream: io.StringIO) -> list[dict[str, Any]]:
    """The lines of a log."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_metrics_are_those_of_the_engine() -> None:
    """While a stream is open, and when its bytes were made."""
    watch, registry, _ = watched()

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, labels)

    async def work(engine: Engine) -> None:
        watch.watch(engine)
        text = generate_latest(registry).decode()
        for name in ("losses_total", "up", "lanes", "running", "busy_ratio", "busy_seconds_total"):
            assert f'weightbank_device_{name}{{device="cpu"}}' in text
        assert 'weightbank_retries_total{device="cpu",reason="late"} 0.0' in text
        stream = engine.open(Numbers(), [(0, 3 * CHUNK_BYTES)])
        assert value("weightbank_streams_in_progress") == 1
        assert value("weightbank_remaining_bytes") == 3 * CHUNK_BYTES
        await drain(stream)
        await content_of(engine, Numbers(100))
        assert value("weightbank_generated_bytes_total", device="cpu") == 3 * CHUNK_BYTES + 100
        assert value("weightbank_remaining_bytes") == 0
        assert value("weightbank_buffers") == engine.pool.buffers
        busy_ratio = value("weightbank_device_busy_ratio", device="cpu")
        assert busy_ratio is not None
        assert 0 < busy_ratio <= 1

    run(work, observer=watch)


def test_what_goes_wrong_is_logged_under_the_request() -> None:
    """A retry as a warning; what could not be made with its traceback."""
    watch, registry, stream = watched()
    watch.retried("cuda:0", "late", stream="the-id")
    watch.could_not_make("cuda:0", RuntimeError("no room"), stream="the-id")
    retried, failed = lines_of(stream)
    assert (retried["level"], retried["request_id"], retried["reason"]) == (
        "warning",
        "the-id",
        "late",
    )
    assert (failed["level"], failed["request_id"]) == ("error", "the-id")
    assert failed["exception"][0]["exc_value"] == "no room"
    labels = {"device": "cuda:0", "reason": "late"}
    assert registry.get_sample_value("weightbank_retries_total", labels) == 1


def test_a_device_says_why_it_is_down() -> None:
    """In one line without a traceback if it is a device's own word."""
    watch, registry, stream = watched()
    watch.went_down("cuda:0", DeviceLostError("cuda:0: was killed by signal 9"))
    watch.went_down("cuda:0", RuntimeError("bug"))
    watch.came_up("cuda:0")
    watch.chose(["cpu"], "torch is not installed")
    own, bug, up, chosen = lines_of(stream)
    assert own["reason"] == "cuda:0: was killed by signal 9"
    assert "exception" not in own
    assert bug["exception"][0]["exc_type"] == "RuntimeError"
    assert up["event"] == "device is up"
    assert chosen["no_gpu_because"] == "torch is not installed"
    assert registry.get_sample_value("weightbank_device_losses_total", {"device": "cuda:0"}) == 2


def test_lines_about_a_stream_have_all_ids_of_its_request() -> None:
    """They are in its name, which is all that the engine's threads know."""
    watch, _, stream = watched()
    ids = RequestIds("r", "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")
    watch.retried("cpu", "late", stream=ids.name)
    watch.could_not_make("cpu", ValueError("on purpose"), stream=ids.name)
    for line in lines_of(stream):
        assert ids.fields().items() <= line.items()
