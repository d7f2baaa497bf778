"""Settings of checkpoints: the Hub, its cache on disk, and what may be served."""

import os
from pathlib import Path
from typing import Literal

from pydantic import ByteSize, Field, PositiveInt, SecretStr, field_validator
from pydantic_settings import BaseSettings

from services.hub.caller import parse_token
from services.hub.errors import InvalidHubTokenError
from services.hub.hosts import DEFAULT_HOSTS, Hosts, parse_endpoint
from services.hub.policy import AllowList, LicencePolicy

_HUB = "https://huggingface.co"
_LONGEST_SECONDS = 86_400
_LONGEST_GRACE_SECONDS = 366 * 86_400
_TRUE = {"1", "on", "yes", "true"}


def default_endpoint() -> str:
    """Return the Hub's address, or what HF_ENDPOINT says instead."""
    return os.environ.get("HF_ENDPOINT") or _HUB


def default_offline() -> bool:
    """Return whether HF_HUB_OFFLINE is set."""
    return os.environ.get("HF_HUB_OFFLINE", "").lower() in _TRUE


class CheckpointSettings(BaseSettings):
    """What can be set about checkpoints."""

    hub_endpoint: str = Field(
        default_factory=default_endpoint,
        validate_default=True,
        description="Address of the Hugging Face Hub, or of a mirror. `HF_ENDPOINT`, and "
        "`https://huggingface.co` without it, if not set.",
    )
    hub_token: SecretStr = Field(
        SecretStr(""),
        description="The service's own token, used for callers who send no `X-HF-Token`: what it "
        "may read, all of them may. It goes to `HUB_ENDPOINT` alone.",
    )
    hub_offline: bool = Field(
        default_factory=default_offline,
        description="`true` asks nobody and answers from the cache. `HF_HUB_OFFLINE` if not set.",
    )
    hub_repositories: str = Field(
        "*",
        description="Which repositories are served, patterns between commas: `timm/*`, "
        "`openai-community/gpt2`.",
    )
    hub_licences: str = Field(
        "*",
        description="Which licences are served, identifiers of the Hub between commas "
        "(`apache-2.0,mit`); those behind `!` are refused (`!cc-by-nc-4.0`). A repository that "
        "names none has the licence `unknown`.",
    )
    hub_redirect_hosts: str = Field(
        DEFAULT_HOSTS,
        description="Hosts that the Hub may send us to for a file's bytes, besides its own: over "
        "https, or exactly as written, `http://127.0.0.2:9000`. No token goes there.",
    )
    hub_timeout_seconds: float = Field(
        10,
        gt=0,
        le=_LONGEST_SECONDS,
        description="How long the Hub may take to connect, to answer, or to send the next bytes.",
    )
    hub_patience_timeout_seconds: float = Field(
        120,
        gt=0,
        le=_LONGEST_SECONDS,
        description="How long a transfer may go without a byte, over all attempts to resume it.",
    )
    hub_revision_seconds: float = Field(
        10,
        ge=0,
        le=_LONGEST_SECONDS,
        description="For how long the commit of a branch or tag is remembered without asking.",
    )
    hub_rights_seconds: float = Field(
        60,
        ge=0,
        le=_LONGEST_SECONDS,
        description="For how long a caller's right to read a repository is remembered without "
        "asking.",
    )
    hub_grace_seconds: float = Field(
        7 * 86_400,
        ge=0,
        le=_LONGEST_GRACE_SECONDS,
        description="For how long a right still counts while the Hub does not answer, or the "
        "server is offline.",
    )
    checkpoint_dir: Path | None = Field(
        None,
        description="Where checkpoints are kept; `checkpoints` in the data directory if not set. "
        "Several servers of one machine can share it.",
    )
    checkpoint_cache_bytes: ByteSize = Field(
        ByteSize(100 * 2**30),
        gt=0,
        description="Disk space for checkpoints. What was used longest ago goes first; what is "
        "pinned or being read stays.",
    )
    allow_pickle: Literal["refuse", "convert"] = Field(
        "refuse",
        description="What happens to pickled checkpoints (`pytorch_model.bin`), which can run code "
        "when they are loaded: `refuse`, or `convert` to safetensors in a process of its own "
        "(needs torch).",
    )
    pickle_memory_bytes: ByteSize = Field(
        ByteSize(16 * 2**30), gt=0, description="Memory of the process that converts a pickle."
    )
    pickle_timeout_seconds: float = Field(
        600, gt=0, le=_LONGEST_SECONDS, description="How long the conversion of a pickle may take."
    )
    limit_checkpoint_bytes: ByteSize = Field(
        ByteSize(100 * 2**30), gt=0, description="Size of one file from the Hub."
    )
    limit_checkpoint_streams: int = Field(
        256, ge=1, le=100_000, description="Files of checkpoints sent at once; more get 503."
    )
    limit_fetches: int = Field(
        8, ge=1, le=1024, description="Files fetched from the Hub at once; more get 503."
    )
    limit_hub_calls: PositiveInt = Field(
        256, description="Questions to the Hub at once, waiting ones included; more get 503."
    )

    @field_validator("hub_endpoint")
    @classmethod
    def _address_of_a_hub(cls, value: str) -> str:
        parse_endpoint(value)
        return value.rstrip("/")

    @field_validator("hub_token")
    @classmethod
    def _token_of_the_hub(cls, value: SecretStr) -> SecretStr:
        token = value.get_secret_value().strip()  # of a file, its last line may have ended
        try:
            parse_token(token)
        except InvalidHubTokenError as error:
            raise ValueError(str(error)) from None
        return SecretStr(token)

    @field_validator("hub_repositories")
    @classmethod
    def _patterns_of_repositories(cls, value: str) -> str:
        AllowList.parse(value)
        return value

    @field_validator("hub_licences")
    @classmethod
    def _identifiers_of_licences(cls, value: str) -> str:
        LicencePolicy.parse(value)
        return value

    @field_validator("hub_redirect_hosts")
    @classmethod
    def _hosts(cls, value: str) -> str:
        Hosts.parse(value, endpoint=_HUB)
        return value
