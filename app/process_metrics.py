"""What this process is, and what it takes: build, memory, descriptors, processor time."""

import platform
from importlib.metadata import version

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.process_collector import ProcessCollector

from weightbank.algorithm import VERSION


def register_process(registry: CollectorRegistry) -> None:
    """Add metrics of this process to a registry.

    Examples:
        >>> registry = CollectorRegistry()
        >>> register_process(registry)
        >>> registry.get_sample_value("process_resident_memory_bytes") > 2**20
        True
    """
    ProcessCollector(registry=registry)
    build = Gauge(
        "weightbank_build_info",
        "Which version this is, of the service, its algorithm and Python; always 1.",
        ("version", "algorithm", "python"),
        registry=registry,
    )
    build.labels(version("weightbank"), str(VERSION), platform.python_version()).set(1)
