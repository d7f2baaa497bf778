"""Settings that stop a start."""

import pytest

from app.settings import PREFIX, load_settings
from services.errors import StartupError


def check_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str, mentioned: str) -> None:
    """See that a value of a setting stops the start, in one line that says some words."""
    monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(StartupError) as caught:
        load_settings({PREFIX + name: value})
    assert mentioned in str(caught.value)
    assert "\n" not in str(caught.value)
