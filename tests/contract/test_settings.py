"""Settings: documented, checked, and refused in one line."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from pydantic import ByteSize, SecretStr

from app.settings import PREFIX, Settings, load_settings
from app.settings_table import settings_page
from tests.refused_settings import check_refused
from weightbank.limits import Limits

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"
HOW = "if the change is meant: python -m app.settings_table > docs/settings.md"


def test_every_setting_is_documented() -> None:
    """With its default and its description, as the code has them."""
    page = PAGE.read_text("utf-8")
    assert page == settings_page(), HOW
    for name in Settings.model_fields:
        assert f"| `{PREFIX}{name.upper()}` |" in page


def test_every_limit_of_the_library_is_a_setting() -> None:
    """With the library's default."""
    names = {field.name for field in dataclasses.fields(Limits)}
    assert {f"limit_{name}" for name in names} <= set(Settings.model_fields)
    assert Settings().limits() == Limits()


def test_every_amount_has_a_unit() -> None:
    """A number of bytes or seconds says so in its name."""
    for name, field in Settings.model_fields.items():
        is_named_so = name.endswith(("_bytes", "_bytes_per_day"))
        assert (field.annotation is ByteSize) == is_named_so or name == "limit_name_bytes", name
        assert "timeout" not in name or name.endswith("_seconds"), name


@pytest.mark.parametrize(
    ("name", "value", "field", "expected"),
    [
        ("PORT", "9000", "port", 9000),
        ("CHUNK_BYTES", "8 MiB", "chunk_bytes", 2**23),
        ("LIMIT_FILE_BYTES", "1TiB", "limit_file_bytes", 2**40),
        ("LIMIT_TENSORS", "5", "limit_tensors", 5),
        ("DATA_DIR", "/x", "data_dir", Path("/x")),
        ("DATABASE_URL", "postgresql://h/d", "database_url", SecretStr("postgresql://h/d")),
        ("STALL_TIMEOUT_SECONDS", "0.5", "stall_timeout_seconds", 0.5),
        ("PORT", "", "port", 8000),
    ],
)
def test_settings_are_read_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, field: str, expected: Any
) -> None:
    """Sizes in the units people use; an empty variable is none."""
    monkeypatch.setenv(PREFIX + name, value)
    assert getattr(load_settings({PREFIX + name: value}), field) == expected


@pytest.mark.parametrize(
    ("name", "value", "mentioned"),
    [
        ("PRT", "1", "WEIGHTBANK_PORT (did you mean this?)"),
        ("LIMIT_FILE_BYTE", "1", "WEIGHTBANK_LIMIT_FILE_BYTES (did you mean this?)"),
        ("PORT", "abc", "WEIGHTBANK_PORT 'abc' cannot be used"),
        ("PORT", "70000", "65535"),
        ("DEVICES", "gpu", "'gpu' is not a device; accepted: auto, or names"),
        ("DEVICES", "cuda", "'cuda' is not a device"),
        ("DEVICES", "cuda:0,auto", "'auto' is not a device"),
        ("DEVICES", "process:1, process:1", "'process:1' is named twice"),
        ("RAY_ADDRESS", "nowhere", "HOST:PORT of the cluster's head node"),
        ("RAY_ACTOR_CPUS", "inf", "1024"),
        ("THREADS", "100000", "1024"),
        ("CHUNK_BYTES", "3 MiB", "power of two"),
        ("CHUNK_BYTES", "256 KiB", "512 KiB"),
        ("LIMIT_STREAMS", "0", "greater than or equal to 1"),
        ("LIMIT_BODY_BYTES", "big", "WEIGHTBANK_LIMIT_BODY_BYTES 'big' cannot be used"),
        ("LIMIT_FILE_BYTES", "-1", "WEIGHTBANK_LIMIT_FILE_BYTES"),
        ("SHUTDOWN_TIMEOUT_SECONDS", "nan", "WEIGHTBANK_SHUTDOWN_TIMEOUT_SECONDS"),
        ("STALL_TIMEOUT_SECONDS", "nan", "WEIGHTBANK_STALL_TIMEOUT_SECONDS"),
        ("STALL_TIMEOUT_SECONDS", "inf", "WEIGHTBANK_STALL_TIMEOUT_SECONDS"),
    ],
)
def test_a_setting_that_cannot_be_used_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, mentioned: str
) -> None:
    """In one line that names it."""
    check_refused(monkeypatch, name, value, mentioned)


def test_a_password_is_not_shown() -> None:
    """Neither in the settings' text nor in messages about them."""
    settings = Settings(database_url=SecretStr("postgresql://u:secret@h/d"))
    assert "secret" not in repr(settings)
