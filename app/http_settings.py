"""Settings of HTTP: who may ask by which name, and what a connection may take."""

import ipaddress
from typing import Literal

from pydantic import ByteSize, Field, field_validator
from pydantic_settings import BaseSettings

from app.allowed_hosts import AllowedHosts
from app.origins import Origins

_LONGEST_SECONDS = 86_400
_MOST_CONNECTIONS = 1_000_000
_LARGEST_HEAD_BYTES = 2**24


class HttpSettings(BaseSettings):
    """What can be set about HTTP and about the log."""

    allowed_hosts: str = Field(
        "*",
        description="Names that this server answers to, between commas: `bank.example`, "
        "`*.bank.example`; others get 421. `*` answers to every name. Addresses always pass. "
        "On a machine with a browser, `localhost` keeps pages out whose names lead here "
        "(DNS rebinding).",
    )
    cors_origins: str = Field(
        "",
        description="Origins whose pages may ask from a browser, exactly and between commas: "
        "`https://console.example`. Empty for none.",
    )
    trusted_proxies: str = Field(
        "",
        description="Addresses or networks of proxies between commas, whose `X-Forwarded-For` and "
        "`X-Forwarded-Proto` are believed. Empty for none.",
    )
    limit_connections: int = Field(
        10_000,
        ge=1,
        le=_MOST_CONNECTIONS,
        description="Connections at once; more get 503, but for health, readiness and metrics.",
    )
    limit_head_bytes: ByteSize = Field(
        ByteSize(2**16),
        ge=2**10,
        le=_LARGEST_HEAD_BYTES,
        description="A request's first line and its headers; more get 431.",
    )
    head_timeout_seconds: float = Field(
        30,
        gt=0,
        le=_LONGEST_SECONDS,
        description="How long the head of a request may take to arrive; then 408.",
    )
    keep_alive_timeout_seconds: int = Field(
        75,
        gt=0,
        le=_LONGEST_SECONDS,
        description="How long a connection may wait for its next request. Longer than a proxy in "
        "front keeps it, so that none is closed under a request.",
    )
    log_format: Literal["json", "console"] = Field(
        "json", description="`json` has an object a line, `console` lines for people."
    )

    @field_validator("allowed_hosts")
    @classmethod
    def _names_of_hosts(cls, value: str) -> str:
        AllowedHosts.parse(value)
        return value

    @field_validator("cors_origins")
    @classmethod
    def _origins_of_pages(cls, value: str) -> str:
        Origins.parse(value)
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _addresses_of_proxies(cls, value: str) -> str:
        for name in proxies_of(value):
            try:
                ipaddress.ip_network(name)
            except ValueError as error:
                raise ValueError(
                    f"{name!r} is no address or network; accepted: as in 10.0.0.7, 10.0.0.0/8"
                ) from error
        return value


def proxies_of(text: str) -> list[str]:
    """Return the addresses and networks of a setting.

    Examples:
        >>> proxies_of("10.0.0.7, fd00::/8")
        ['10.0.0.7', 'fd00::/8']
    """
    return [name for part in text.split(",") if (name := part.strip())]
