"""Where the digests of files are kept, so that each is computed once."""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Protocol

from sqlalchemy import Engine, select
from sqlalchemy.exc import IntegrityError

from services.database import digests_table, unavailable_as_error
from weightbank.algorithm import VERSION


@dataclass(frozen=True, slots=True)
class FileKey:
    """What names one file, together with the algorithm's version.

    Attributes:
        spec_id: Of the stored spec.
        seed: In [0, 2**64).
        dtype: Of the floating tensors that do not fix their own.
    """

    spec_id: str
    seed: int
    dtype: str


@dataclass(frozen=True, slots=True)
class Digests:
    """SHA-256 of a file and of its parts, in lowercase hexadecimal.

    Attributes:
        size: Bytes of the file.
        header_sha256: Of the length field and the header.
        block_bytes: Bytes of each block but the last.
        blocks: Of each block.
        sha256: Of the file.
    """

    size: int
    header_sha256: str
    block_bytes: int
    blocks: tuple[str, ...]
    sha256: str


class DigestStore(Protocol):
    """Keeps digests. Every method blocks, and may be called from any thread."""

    def add(self, key: FileKey, digests: Digests) -> None:
        """Keep the digests of a file."""

    def find(self, key: FileKey) -> Digests | None:
        """Return the digests of a file, if they are kept."""


class SqlDigestStore:
    """Digests in a database, shared by any number of servers."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, key: FileKey, digests: Digests) -> None:
        """Keep the digests of a file; another server may have done so already."""
        with unavailable_as_error():
            try:
                with self._engine.begin() as connection:
                    connection.execute(
                        digests_table.insert().values(
                            spec_id=key.spec_id,
                            seed=str(key.seed),
                            dtype=key.dtype,
                            algorithm=VERSION,
                            digests_json=json.dumps(asdict(digests)),
                            created_at=datetime.now(UTC),
                        )
                    )
            except IntegrityError:
                return

    def find(self, key: FileKey) -> Digests | None:
        """Return the digests of a file, if they are kept."""
        table = digests_table.c
        query = select(table.digests_json).where(
            table.spec_id == key.spec_id,
            table.seed == str(key.seed),
            table.dtype == key.dtype,
            table.algorithm == VERSION,
        )
        with unavailable_as_error(), self._engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        fields = json.loads(row.digests_json)
        return Digests(**{**fields, "blocks": tuple(fields["blocks"])})
