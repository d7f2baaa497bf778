"""Settings, read once from environment variables that begin with WEIGHTBANK_."""

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import (
    ByteSize,
    Field,
    NonNegativeInt,
    PositiveInt,
    SecretStr,
    ValidationError,
    field_validator,
)
from pydantic_settings import SettingsConfigDict

from app.access_settings import AccessSettings
from app.checkpoint_settings import CheckpointSettings
from app.http_settings import HttpSettings
from app.trace_settings import TraceSettings
from services.devices.names import parse_devices
from services.devices.ray_options import is_cluster_address
from services.errors import StartupError
from weightbank.limits import Limits
from weightbank.suggestions import accepted_names

PREFIX = "WEIGHTBANK_"

_DEFAULTS = Limits()
_LIMIT = "limit_"
_LONGEST_SECONDS = 86_400
_LEAST_CHUNK_BYTES = 2**19
_MOST_THREADS = 1024
_MOST_ACTORS = 1024
_MOST_STREAMS = 100_000
_SECRETS = {"database_url", "hub_endpoint", "hub_token", "otlp_headers"}


def usable_cores() -> int:
    """Return how many cores this process may run on."""
    return len(os.sched_getaffinity(0))


class Settings(AccessSettings, HttpSettings, TraceSettings, CheckpointSettings):
    """All that can be set. Sizes can be written as ``16 MiB`` or ``1TiB``."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="forbid", env_ignore_empty=True
    )

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    data_dir: Path = Field(
        Path("data"),
        description="Where the SQLite database and checkpoints are; made if it is missing.",
    )
    database_url: SecretStr = Field(
        SecretStr(""),
        description="`sqlite:///PATH` or `postgresql://USER:PASSWORD@HOST/DATABASE`; "
        "empty for `weightbank.sqlite3` in the data directory.",
    )
    devices: str = Field(
        "auto",
        description="What makes the chunks of streams, names between commas: `cpu` (threads of "
        "this process), `cuda:0`, `cuda:1` ... (a worker process for each GPU), `process:0` ... "
        "(worker processes on the processor), `ray`. `auto` takes `ray` if "
        "`WEIGHTBANK_RAY_ADDRESS` is set, else all GPUs, else `cpu`.",
    )
    threads: int = Field(
        default_factory=usable_cores,
        ge=1,
        le=_MOST_THREADS,
        description="Threads of this process that make chunks: all of them for `cpu`; beside "
        "other devices those that only this process can make, and any while those are down. As "
        "many small reads are made at once. As many as there are usable cores if not set.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least level that is logged; `info` has a line for each request."
    )
    chunk_bytes: ByteSize = Field(
        ByteSize(0),
        description="Bytes made in one piece, a power of two from 512 KiB to 1 GiB; 0 for what "
        "suits the devices: 4 MiB, with GPUs 16 MiB, with Ray 32 MiB.",
    )
    window_chunks: int = Field(
        0,
        ge=0,
        le=16,
        description="Chunks of one stream that are made ahead of its client; 0 for as many as the "
        "devices make at once, from 2 to 8.",
    )
    race_timeout_seconds: float = Field(
        0.25,
        gt=0,
        le=_LONGEST_SECONDS,
        description="After which a chunk that a worker process has not made is made elsewhere "
        "too; four times that on Ray. It has to be longer than a chunk of `CHUNK_BYTES` takes.",
    )
    device_timeout_seconds: float = Field(
        10,
        gt=0,
        le=_LONGEST_SECONDS,
        description="After which a worker that has not made its chunk is taken to hang, and is "
        "killed and started again.",
    )
    ray_address: str = Field(
        "",
        description="Address of a Ray cluster, `HOST:PORT` of its head node, or `auto` for the "
        "one on this machine.",
    )
    ray_actors: int = Field(
        2,
        ge=1,
        le=_MOST_ACTORS,
        description="Actors that make chunks on the Ray cluster, spread over its nodes.",
    )
    ray_actor_cpus: float = Field(
        1, ge=0, le=_MOST_THREADS, description="Processors that Ray keeps for each actor."
    )
    ray_actor_gpus: float = Field(
        0, ge=0, le=1, description="GPUs that Ray keeps for each actor; with any it works on one."
    )
    cache_tensors: PositiveInt = Field(
        1_000_000,
        description="Tensors that stay in memory, at about a kilobyte each: half of them in "
        "specs used last, half in layouts.",
    )
    cache_whole_tensor_bytes: ByteSize = Field(
        ByteSize(2**30),
        description="Memory for tensors that have to be made whole (orthogonal, sparse) and are "
        "kept for the next read. Those that are being made come on top.",
    )
    name_cache_seconds: float = Field(
        10,
        ge=0,
        le=_LONGEST_SECONDS,
        description="How long a numbered version of a name is taken not to have been retired "
        "through another server; 0 asks the database each time.",
    )
    body_timeout_seconds: float = Field(
        30,
        gt=0,
        le=_LONGEST_SECONDS,
        description="How long the body of a request may take to arrive.",
    )
    stall_timeout_seconds: float = Field(
        60,
        gt=0,
        le=_LONGEST_SECONDS,
        description="How long a client may take for one chunk before it is cut off.",
    )
    shutdown_timeout_seconds: int = Field(
        30,
        gt=0,
        le=_LONGEST_SECONDS,
        description="How long running answers may take to finish after SIGTERM; until then "
        "`/readyz` answers 503, and new streams are refused.",
    )
    limit_streams: int = Field(
        32,
        ge=1,
        le=_MOST_STREAMS,
        description="Streams at once; more get 503. Each may hold `WINDOW_CHUNKS` + 2 chunks of "
        "memory.",
    )
    limit_small_reads: PositiveInt = Field(
        1024, description="Answers of up to 256 KiB at once; more get 503."
    )
    limit_resolving: PositiveInt = Field(
        16,
        description="Specs that are being resolved, loaded or laid out, or wait for it; more get "
        "503.",
    )
    limit_store_calls: PositiveInt = Field(
        256, description="Calls of the database at once, waiting ones included; more get 503."
    )
    limit_names: PositiveInt = Field(
        10_000, description="Names of a team, retired ones included; more get 422."
    )
    limit_name_versions: PositiveInt = Field(
        10_000, description="Versions of a name, without retired ones; more get 422."
    )
    limit_ranges: PositiveInt = Field(16, description="Ranges in one request; more get 416.")
    limit_body_bytes: ByteSize = Field(
        ByteSize(16 * 2**20), gt=0, description="Body of a request; more gets 413."
    )
    limit_yaml_body_bytes: ByteSize = Field(
        ByteSize(2**18),
        gt=0,
        description="Body of a request in YAML, which takes a hundred times as long to read as "
        "JSON; more gets 413.",
    )
    limit_import_bytes: ByteSize = Field(
        ByteSize(256 * 2**20),
        gt=0,
        description="Body of `POST /v1/specs:import`; more gets 413. It lies on disk, in the "
        "directory of checkpoints, until it is imported.",
    )
    limit_digest_files: NonNegativeInt = Field(
        8, description="Files that wait for their digests; more get 503."
    )
    limit_digest_file_bytes: ByteSize = Field(
        ByteSize(2**40), description="Largest file whose digests are computed."
    )
    limit_layers: PositiveInt = Field(_DEFAULTS.layers, description="Layers in a spec.")
    limit_tensors: PositiveInt = Field(_DEFAULTS.tensors, description="Tensors in a file.")
    limit_rules: PositiveInt = Field(_DEFAULTS.rules, description="Rules in a spec.")
    limit_pattern_characters: PositiveInt = Field(
        _DEFAULTS.pattern_characters, description="Length of a rule's regular expression."
    )
    limit_matching_steps: PositiveInt = Field(
        _DEFAULTS.matching_steps,
        description="Work of matching all rules: instructions of their compiled programs "
        "times bytes of the names they see.",
    )
    limit_name_bytes: PositiveInt = Field(
        _DEFAULTS.name_bytes, description="Length of a tensor's name, in UTF-8."
    )
    limit_dimensions: PositiveInt = Field(
        _DEFAULTS.dimensions, description="Dimensions of a tensor."
    )
    limit_file_bytes: ByteSize = Field(
        ByteSize(_DEFAULTS.file_bytes), description="Size of a file."
    )
    limit_header_bytes: ByteSize = Field(
        ByteSize(_DEFAULTS.header_bytes),
        description="Size of a file's header; its readers refuse more.",
    )
    limit_whole_tensor_bytes: ByteSize = Field(
        ByteSize(_DEFAULTS.whole_tensor_bytes),
        description="Size, as float32, of a tensor that has to be made whole (orthogonal, sparse).",
    )
    limit_split_parts: PositiveInt = Field(_DEFAULTS.split_parts, description="Parts of a split.")

    @field_validator("chunk_bytes")
    @classmethod
    def _power_of_two(cls, value: ByteSize) -> ByteSize:
        if value and (value & (value - 1) or not _LEAST_CHUNK_BYTES <= value <= 2**30):
            raise ValueError("must be a power of two from 512 KiB to 1 GiB, or 0")
        return value

    @field_validator("ray_address")
    @classmethod
    def _address_of_a_cluster(cls, value: str) -> str:
        if value and not is_cluster_address(value):
            raise ValueError("must be HOST:PORT of the cluster's head node, or auto")
        return value

    @field_validator("devices")
    @classmethod
    def _known_devices(cls, value: str) -> str:
        parse_devices(value)
        return value

    @property
    def checkpoint_directory(self) -> Path:
        """Where checkpoints are kept."""
        return self.checkpoint_dir or self.data_dir / "checkpoints"

    def limits(self) -> Limits:
        """Return the bounds of one spec.

        Examples:
            >>> Settings().limits() == Limits()
            True
        """
        names = [field.name for field in dataclasses.fields(Limits)]
        return Limits(**{name: int(getattr(self, _LIMIT + name)) for name in names})


def load_settings(environment: Mapping[str, str]) -> Settings:
    """Return the settings of a process.

    Args:
        environment: ``os.environ``; pydantic reads the values from there, this
            function looks for names that nobody reads.

    Raises:
        StartupError: If a variable is unknown or has a value that cannot be used;
            one line for each.
    """
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    problems = []
    for name in sorted(environment):
        upper = name.upper()
        if upper.startswith(PREFIX) and upper not in known:
            words = accepted_names(upper, sorted(known))
            problems.append(f"{name} is not a setting; accepted: {words}")
    if problems:
        raise StartupError("\n".join(problems))
    try:
        return Settings()
    except ValidationError as error:
        raise StartupError("\n".join(_lines(error))) from None


def _lines(error: ValidationError) -> list[str]:
    lines = []
    for item in error.errors():
        field = str(item["loc"][0]) if item["loc"] else ""
        shown = "" if field in _SECRETS else f" {item['input']!r}"
        message = item["msg"].removeprefix("Value error, ")
        lines.append(f"{PREFIX}{field.upper()}{shown} cannot be used: {message}")
    return lines
