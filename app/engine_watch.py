"""What an engine does, in metrics and in the log."""

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, get_args

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.busy_ratio import BusyRatio
from app.trace_context import fields_of
from services.engine import Engine, Reason
from services.engine.device import DeviceError

_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)


class EngineWatch:
    """Counts and logs what an engine tells; called from any thread."""

    def __init__(self, registry: CollectorRegistry, logger: Any) -> None:
        self._registry = registry
        self._logger = logger
        self._generation_seconds = Histogram(
            "weightbank_generation_seconds",
            "Time to make one chunk or small read, by device.",
            ("device",),
            buckets=_SECONDS,
            registry=registry,
        )
        self._generated_bytes = Counter(
            "weightbank_generated_bytes",
            "Bytes that were made, by device.",
            ("device",),
            registry=registry,
        )
        self._retries = Counter(
            "weightbank_retries",
            "Chunks that were made again, or elsewhere too, by the device that they were late, "
            "lost or failed on.",
            ("device", "reason"),
            registry=registry,
        )
        self._losses = Counter(
            "weightbank_device_losses",
            "Times that a device was lost, or could not be started.",
            ("device",),
            registry=registry,
        )

    def watch(self, engine: Engine) -> None:
        """Read the state of an engine whenever somebody asks for the metrics."""
        for state in engine.devices:
            # Series that are there from the start, so that a first event is an increase.
            name = state.device.name
            self._generation_seconds.labels(name)
            self._generated_bytes.labels(name)
            self._losses.labels(name)
            for reason in get_args(Reason):
                self._retries.labels(name, reason)
        self._registry.register(_EngineCollector(engine))

    def chose(self, devices: Sequence[str], reason: str) -> None:
        """Log which devices were chosen, and why there are no GPUs among them."""
        self._logger.info("devices were chosen", devices=list(devices), no_gpu_because=reason)

    def made(self, device: str, seconds: float, size_bytes: int) -> None:
        """See ``Observer.made``."""
        self._generation_seconds.labels(device).observe(seconds)
        self._generated_bytes.labels(device).inc(size_bytes)

    def retried(self, device: str, reason: Reason, *, stream: str) -> None:
        """See ``Observer.retried``."""
        self._retries.labels(device, reason).inc()
        self._logger.warning(
            "chunk is made again", **fields_of(stream), device=device, reason=reason
        )

    def went_down(self, device: str, error: Exception) -> None:
        """See ``Observer.went_down``."""
        self._losses.labels(device).inc()
        # What a device says of itself needs no traceback of ours.
        trace = None if isinstance(error, DeviceError) else error
        self._logger.error("device is down", device=device, reason=str(error), exc_info=trace)

    def came_up(self, device: str) -> None:
        """See ``Observer.came_up``."""
        self._logger.info("device is up", device=device)

    def could_not_make(self, device: str, error: Exception, *, stream: str) -> None:
        """See ``Observer.could_not_make``."""
        self._logger.error(
            "chunk could not be made", **fields_of(stream), device=device, exc_info=error
        )


class _EngineCollector(Collector):
    """Gauges that are true when they are read."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._busy = {state.device.name: BusyRatio(state.device.lanes) for state in engine.devices}

    def describe(self) -> Iterable[Metric]:
        """Name nothing: the engine may not be asked before it has begun."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Return the state of streams and devices."""
        backlog = self._engine.backlog()
        yield GaugeMetricFamily(
            "weightbank_streams_in_progress",
            "Streams that hold a place, of those limit_streams allows.",
            value=self._engine.streams,
        )
        yield GaugeMetricFamily(
            "weightbank_waiting_chunks",
            "Chunks that streams could take now and that no device has begun.",
            value=backlog.waiting_chunks,
        )
        yield GaugeMetricFamily(
            "weightbank_remaining_bytes",
            "Bytes that open streams have still to get.",
            value=backlog.remaining_bytes,
        )
        pool = self._engine.pool
        yield GaugeMetricFamily("weightbank_buffers", "Buffers for chunks.", value=pool.buffers)
        yield GaugeMetricFamily(
            "weightbank_buffers_free", "Buffers that hold no chunk.", value=pool.free
        )
        yield from self._devices()

    def _devices(self) -> Iterator[Metric]:
        up = _gauge("up", "Whether a device takes work.")
        lanes = _gauge("lanes", "Chunks that a device makes at once.")
        running = _gauge("running", "Chunks that a device makes now.")
        ratio = _gauge("busy_ratio", "Share of a device's lanes that was busy, of late.")
        busy = CounterMetricFamily(
            "weightbank_device_busy_seconds",
            "Time that a device's lanes were busy, in sum.",
            labels=("device",),
        )
        for state in self._engine.devices:
            name = [state.device.name]
            # What hangs is busy, too.
            now = time.monotonic()
            running_seconds = sum(now - item.began for item in list(state.running))
            busy_seconds = state.busy_seconds + running_seconds
            up.add_metric(name, float(state.is_up))
            lanes.add_metric(name, state.device.lanes)
            running.add_metric(name, len(state.running))
            ratio.add_metric(name, self._busy[state.device.name].ratio(busy_seconds))
            busy.add_metric(name, busy_seconds)
        yield from (up, lanes, running, ratio, busy)


def _gauge(name: str, text: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"weightbank_device_{name}", text, labels=("device",))
