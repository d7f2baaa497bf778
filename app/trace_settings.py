"""Settings of traces: where they go, and how many."""

from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings

_PATH = "/v1/traces"


class TraceSettings(BaseSettings):
    """What can be set about traces."""

    otlp_endpoint: str = Field(
        "",
        description="Address of an OpenTelemetry collector that takes OTLP over HTTP: "
        "`http://collector:4318`; spans go to `/v1/traces` there. Empty sends none.",
    )
    otlp_headers: SecretStr = Field(
        SecretStr(""),
        description="Headers for the collector, `NAME=VALUE` between commas: "
        "`Authorization=Bearer ...`.",
    )
    trace_ratio: float = Field(
        1,
        ge=0,
        le=1,
        description="Share of traces begun here that are kept. What a caller's `traceparent` says "
        "wins.",
    )

    @field_validator("otlp_endpoint")
    @classmethod
    def _address_of_a_collector(cls, value: str) -> str:
        if value:
            traces_address(value)
        return value

    @field_validator("otlp_headers")
    @classmethod
    def _names_and_values(cls, value: SecretStr) -> SecretStr:
        parse_headers(value.get_secret_value())
        return value


def traces_address(endpoint: str) -> str:
    """Return where spans go.

    Raises:
        ValueError: If that is no address.

    Examples:
        >>> traces_address("http://collector:4318/")
        'http://collector:4318/v1/traces'
    """
    parts = urlsplit(endpoint)
    port = parts.port  # ValueError where it is none
    if (
        port == 0
        or parts.scheme not in {"http", "https"}
        or not parts.hostname
        or parts.username is not None
        or parts.query
        or parts.fragment
    ):
        raise ValueError(
            "is no address of a collector; accepted: http://HOST:PORT or https://HOST:PORT, with "
            "secrets in OTLP_HEADERS"
        )
    base = endpoint.rstrip("/")
    return base if base.endswith(_PATH) else base + _PATH


def parse_headers(text: str) -> dict[str, str]:
    """Return the headers of a setting. Messages do not show them.

    Raises:
        ValueError: If it cannot be read.

    Examples:
        >>> parse_headers("X-Team=a, Authorization=Bearer x=y")
        {'X-Team': 'a', 'Authorization': 'Bearer x=y'}
    """
    headers = {}
    for part in text.split(","):
        if not part.strip():
            continue
        name, separator, value = (piece.strip() for piece in part.partition("="))
        is_good = name.replace("-", "").isalnum() and name.isascii() and value.isprintable()
        if not separator or not is_good or not value.isascii():
            raise ValueError("must be NAME=VALUE between commas, in printable ASCII")
        headers[name] = value
    return headers
