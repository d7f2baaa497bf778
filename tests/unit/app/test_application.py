"""The app's lifespan."""

import asyncio
import io
import sys
import threading
from pathlib import Path

import httpx
import pytest

from app.application import create_app
from app.log_writer import LogWriter
from app.settings import Settings


def test_the_log_is_written_out_when_a_lifespan_fails(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """And its thread ends."""
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    app = create_app(Settings(data_dir=tmp_path))

    async def fail() -> None:
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
                await client.get("/healthz")
            raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        asyncio.run(fail())
    assert '"event": "request"' in stream.getvalue()
    assert "log" not in {thread.name for thread in threading.enumerate()}


def test_an_app_with_a_logger_has_no_log_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is made that nobody would close."""

    def refuse(*_: object) -> None:
        pytest.fail("a writer was made")

    monkeypatch.setattr(LogWriter, "__init__", refuse)
    create_app(Settings(), logger=object())
