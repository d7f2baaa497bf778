"""Settings of HTTP, and of traces: what is taken, and what is refused in one line."""

import pytest

from app.http_settings import proxies_of
from app.settings import PREFIX, load_settings
from app.trace_settings import parse_headers, traces_address
from services.errors import StartupError
from tests.refused_settings import check_refused


@pytest.mark.parametrize(
    ("name", "value", "mentioned"),
    [
        ("CORS_ORIGINS", "*", "'*' would let every page of the web ask"),
        ("CORS_ORIGINS", "https://a.example/", "'https://a.example/' is no origin"),
        ("CORS_ORIGINS", "a.example", "'a.example' is no origin"),
        ("CORS_ORIGINS", "https://A.example", "'https://A.example' is no origin"),
        ("CORS_ORIGINS", "https://*.example", "'https://*.example' is no origin"),
        ("CORS_ORIGINS", "https://u:p@a.example", "is no origin"),
        ("CORS_ORIGINS", "null", "'null' is no origin"),
        ("CORS_ORIGINS", "https://a.example:443", "accepted: https://a.example"),
        ("CORS_ORIGINS", "https://a.example:99999", "is no origin"),
        ("ALLOWED_HOSTS", "http://bank", "'http://bank' is no name of a host"),
        ("ALLOWED_HOSTS", "bank:8000", "'bank:8000' is no name of a host"),
        ("ALLOWED_HOSTS", ",", "is no name of a host"),
        ("ALLOWED_HOSTS", "a,*", "'*' is no name of a host"),
        ("ALLOWED_HOSTS", "*bank", "'*bank' is no name of a host"),
        ("TRUSTED_PROXIES", "*", "'*' is no address or network"),
        ("TRUSTED_PROXIES", "nginx", "'nginx' is no address or network"),
        ("LIMIT_CONNECTIONS", "0", "greater than or equal to 1"),
        ("LIMIT_HEAD_BYTES", "100", "1024"),
        ("HEAD_TIMEOUT_SECONDS", "nan", "WEIGHTBANK_HEAD_TIMEOUT_SECONDS"),
        ("KEEP_ALIVE_TIMEOUT_SECONDS", "0", "greater than 0"),
        ("LOG_FORMAT", "xml", "'json' or 'console'"),
        ("OTLP_ENDPOINT", "collector:4318", "is no address of a collector"),
        ("OTLP_ENDPOINT", "http://u:p@collector", "is no address of a collector"),
        ("OTLP_ENDPOINT", "http://collector:x", "WEIGHTBANK_OTLP_ENDPOINT"),
        ("TRACE_RATIO", "2", "less than or equal to 1"),
    ],
)
def test_what_cannot_be_used_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, mentioned: str
) -> None:
    """In one line that names it."""
    check_refused(monkeypatch, name, value, mentioned)


def test_headers_of_a_collector_are_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """They hold a secret; neither a refusal nor the settings' text has it."""
    name = f"{PREFIX}OTLP_HEADERS"
    monkeypatch.setenv(name, "Authorization Bearer secret")
    with pytest.raises(StartupError) as caught:
        load_settings({name: "x"})
    assert "secret" not in str(caught.value)
    monkeypatch.setenv(name, "Authorization=Bearer secret")
    assert "secret" not in repr(load_settings({name: "x"}))


def test_headers_keep_all_behind_the_first_sign() -> None:
    """Values may hold equals signs; empty parts are none."""
    assert parse_headers("A=b==, ,C=d") == {"A": "b==", "C": "d"}


@pytest.mark.parametrize("text", ["A", "=b", "A b=c", "A=\x7f", "A=\u00fc", "A\nB=c"])
def test_what_is_no_header_is_refused(text: str) -> None:
    """Without its text."""
    with pytest.raises(ValueError, match="NAME=VALUE"):
        parse_headers(text)


def test_spans_go_to_the_one_path_there_is() -> None:
    """Whether or not the address has it already."""
    expected = "http://collector:4318/otlp/v1/traces"
    assert traces_address("http://collector:4318/otlp/") == expected
    assert traces_address(expected) == expected


def test_proxies_are_addresses_and_networks() -> None:
    """None by default."""
    assert proxies_of("") == []
    assert proxies_of(" 10.0.0.0/8 ,::1") == ["10.0.0.0/8", "::1"]
