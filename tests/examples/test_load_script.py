"""``examples/load.py`` where it cannot have the file."""

import sys
from pathlib import Path

import pytest

from tests.ports import free_port

ROOT = Path(__file__).parents[2]


def test_a_server_that_is_not_there_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It names the address, and shows no traceback."""
    monkeypatch.syspath_prepend(ROOT / "examples")
    monkeypatch.delitem(sys.modules, "load", raising=False)
    import load

    url = f"http://127.0.0.1:{free_port()}"
    assert load.main(["resnet50", "--url", url]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{url} cannot be asked: ")
    assert "refused" in line
