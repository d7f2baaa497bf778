"""Settings of who may: keys, and how much each of them may take."""

from typing import Literal

from pydantic import ByteSize, Field
from pydantic_settings import BaseSettings

MOST_REQUESTS_PER_SECOND = 1_000_000
MOST_BYTES_PER_DAY = 2**62
"""Half of what a column of the database counts to."""

_LONGEST_CACHE_SECONDS = 60
_LONGEST_GRACE_SECONDS = 86_400


class AccessSettings(BaseSettings):
    """What can be set about who may."""

    keys: Literal["auto", "required", "off"] = Field(
        "auto",
        description="Whether requests need a key. `auto`: not on a loopback address; on any other "
        "they do, and a start without any key is refused. `required`: they do, and the first key "
        "can be made later. `off`: everybody who reaches the server may do everything.",
    )
    key_requests_per_second: float = Field(
        0,
        ge=0,
        le=MOST_REQUESTS_PER_SECOND,
        allow_inf_nan=False,
        description="Requests that a key may make of each server, if nothing else is said of it; "
        "more get 429. What ten seconds allow may come at once. 0 is no limit.",
    )
    key_bytes_per_day: ByteSize = Field(
        ByteSize(0),
        ge=0,
        le=MOST_BYTES_PER_DAY,
        description="Bytes that a key may be sent in a day (in UTC) by all servers together, if "
        "nothing else is said of it; what does not fit gets 429. 0 is no limit.",
    )
    key_cache_seconds: float = Field(
        0.5,
        ge=0,
        le=_LONGEST_CACHE_SECONDS,
        description="For how long a key is remembered without asking the database: so long a "
        "revoked one still opens.",
    )
    key_grace_seconds: float = Field(
        300,
        ge=0,
        le=_LONGEST_GRACE_SECONDS,
        description="For how long a key still counts while the database does not answer.",
    )
    metrics_without_key: bool = Field(
        default=False,
        description="`true` lets everybody read `/metrics`; else it needs a key with the scope "
        "`read`, where keys are needed.",
    )
