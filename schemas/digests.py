"""Digests of a file, and how far they are."""

from typing import Literal

from pydantic import Field

from schemas.base import WireModel


class DigestsOut(WireModel):
    """SHA-256 of a file and of its parts, in lowercase hexadecimal."""

    size: int = Field(description="Bytes of the file.", examples=[814456])
    header_sha256: str = Field(description="Of the length field and the header.")
    block_bytes: int = Field(
        description="Bytes of each block; the last one may be shorter.", examples=[67108864]
    )
    blocks: list[str] = Field(description="SHA-256 of each block, in order.")
    sha256: str = Field(description="Of the whole file.")


class DigestsProgressOut(WireModel):
    """The digests are being computed; ask again after Retry-After."""

    status: Literal["computing"] = Field(description="Always this word.")
    bytes_done: int = Field(description="Bytes hashed so far.", examples=[268435456])
    bytes_total: int = Field(description="Bytes of the file.", examples=[1073741824])
