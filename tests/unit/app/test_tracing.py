"""A server without what sends spans."""

import sys

import pytest

from app.settings import Settings
from app.tracing import check_tracing
from services.errors import StartupError


def test_an_endpoint_without_the_libraries_stops_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In one line that says what to install; without an endpoint nothing is missed."""
    monkeypatch.delitem(sys.modules, "app.otlp", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    check_tracing(Settings())
    with pytest.raises(StartupError, match=r"pip install 'weightbank\[tracing\]'") as caught:
        check_tracing(Settings(otlp_endpoint="http://collector:4318"))
    assert "\n" not in str(caught.value)
