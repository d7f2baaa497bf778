"""Files by the names that a request gives them."""

from dataclasses import dataclass, replace

from fastapi import Request

from app.admission import caller_of
from app.checkpoint_codes import SOURCE_CODES
from app.conditions import weights_etag
from app.hub_token import HEADER, read_hub_token
from app.queries import SEED_ACCEPTED, read_dtype, read_query, read_seed
from app.record import record_of
from app.spec_paths import spec_in_path
from app.wiring import Wiring
from services.checkpoints.reader import BlobReader
from services.errors import MissingSeedError
from services.files import FIXED, KnownSpec
from weightbank.algorithm import VERSION
from weightbank.file import WeightsFile

NAMED_FILE_CODES = (
    "unknown_spec",
    "missing_seed",
    "invalid_seed",
    "invalid_dtype",
    "unknown_algorithm",
    "unrepresentable",
    "constant_weights",
    "limit_exceeded",
    *SOURCE_CODES,
)
"""What asking for a file by its names can lead to, before its bytes are asked for."""


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A file with the names it goes by.

    Attributes:
        file: Its bytes.
        spec_id: Of the stored spec.
        seed: In [0, 2**64).
        dtype: As ``KnownSpec.effective_dtype`` has it.
        reader: Of the checkpoints it is made from; None where there are none, or only
            its headers are wanted.
        is_restricted: Whether not everybody may read those.
        is_moving: Whether the path it was asked for by may mean another file tomorrow.
    """

    file: WeightsFile
    spec_id: str
    seed: int
    dtype: str
    reader: BlobReader | None = None
    is_restricted: bool = False
    is_moving: bool = False

    @property
    def etag(self) -> str:
        """Strong entity tag."""
        return weights_etag(spec_id=self.spec_id, seed=self.seed, dtype=self.dtype)

    @property
    def location(self) -> str:
        """Path of the GET that answers with these bytes, and nothing left to defaults."""
        dtype = "" if self.dtype == FIXED else f"&dtype={self.dtype}"
        return f"/v1/weights/{self.spec_id}?seed={self.seed}{dtype}"

    def headers(self, *, cache_control: str) -> dict[str, str]:
        """Return the headers that do not depend on what part is asked for."""
        name = f"{self.spec_id[:12]}-seed-{self.seed}-{self.dtype}.safetensors"
        return {
            "ETag": self.etag,
            "Cache-Control": cache_control,
            "Accept-Ranges": "bytes",
            "Content-Location": self.location,
            "Content-Disposition": f'attachment; filename="{name}"',
            "Weightbank-Algorithm": str(VERSION),
            **({"Vary": HEADER} if self.is_restricted else {}),
        }


async def requested_file(request: Request, wiring: Wiring) -> NamedFile:
    """Return the file that a path and its query mean.

    Raises:
        InvalidQueryError: If the query has more than a seed and a dtype.
        UnknownSpecError: If there is no spec of this id.
        UnknownNameError: If there is no such name, or no such version of it.
        MissingSeedError: If there is no seed.
        WeightbankError: If seed or dtype cannot be had.
    """
    query = read_query(request, "seed", "dtype")
    spec = await spec_in_path(request, wiring)
    known = await wiring.files.known_spec(spec.id)
    asked = read_dtype(query["dtype"]) if "dtype" in query else None
    if "seed" not in query:
        raise MissingSeedError(suggested_seed=known.suggested_seed, accepted=SEED_ACCEPTED)
    seed = read_seed(query["seed"])
    named = await open_named(request, wiring, known, seed=seed, asked_dtype=asked)
    return replace(named, is_moving=spec.is_moving)


async def open_named(
    request: Request, wiring: Wiring, known: KnownSpec, *, seed: int, asked_dtype: str | None
) -> NamedFile:
    """Return the file of a spec, a seed and a dtype.

    Checkpoints that it is made from are asked for in the caller's name: an id gives
    nobody a right to read them.

    Raises:
        WeightbankError: If the spec cannot be had in this dtype, or this caller may
            not read what it is made from.
    """
    record_of(request.scope).spec_id = known.id
    dtype = known.effective_dtype(asked_dtype)
    sources = known.resolved.sources
    if not sources:
        file = await wiring.files.open(known, seed=seed, dtype=dtype)
        return NamedFile(file, known.id, seed, dtype)
    caller_of(request).require("checkpoints")
    token = read_hub_token(request)
    is_restricted = await wiring.checkpoints.sources.check_rights(sources, token=token)
    reader = None
    if request.method != "HEAD":
        reader = await wiring.checkpoints.sources.open_files(
            sources, known.resolved.stored_tensors, token=token
        )
    file = await wiring.files.open(known, seed=seed, dtype=dtype, reader=reader)
    return NamedFile(file, known.id, seed, dtype, reader, is_restricted)
