"""Whether others can reach an address."""

from typing import Any

import pytest

from app.listening_address import is_loopback, keys_are_needed
from app.settings import Settings
from services.errors import StartupError


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.255.0.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("localhost", True),
        ("0.0.0.0", False),  # noqa: S104 - that is the question
        ("::", False),
        ("10.0.0.7", False),
        ("fe80::1%eth0", False),
        ("::ffff:10.0.0.7", False),
        ("128.0.0.1", False),
        ("localhost.example", False),
    ],
)
def test_loopback_is_what_only_this_machine_reaches(host: str, expected: bool) -> None:  # noqa: FBT001
    """Of both families."""
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, False),
        ({"host": "localhost"}, False),
        ({"host": "0.0.0.0"}, True),  # noqa: S104 - that is the question
        ({"host": "::1", "keys": "required"}, True),
        ({"host": "0.0.0.0", "keys": "off"}, False),  # noqa: S104 - that is the question
    ],
)
def test_keys_are_needed_where_others_come(
    settings: dict[str, Any],
    expected: bool,  # noqa: FBT001
) -> None:
    """Unless a setting says so or otherwise."""
    assert keys_are_needed(Settings(**settings)) is expected


def test_a_name_that_leads_nowhere_is_refused() -> None:
    """It cannot be told who would reach it."""
    with pytest.raises(StartupError, match="WEIGHTBANK_HOST 'no such host'"):
        keys_are_needed(Settings(host="no such host"))
