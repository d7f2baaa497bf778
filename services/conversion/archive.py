"""The file that torch.save wrote, looked at before torch opens it.

Theory of operation: there are two formats. The newer one is a zip archive of one
directory: the pickle ``data.pkl``, a record of bytes for each storage, and a few tiny
ones; nothing in it is compressed, so an archive whose records would unpack to more than
there is in the file is none of torch's. The older one is five pickles in a row, the
fourth of them the object, and the storages' bytes behind them.
"""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Literal

from services.conversion.opcodes import PICKLE_BYTES, check_opcodes
from services.conversion.refusal import Refusal

Format = Literal["zip", "legacy"]

_ZIP_MAGIC = b"PK\x03\x04"
_LEGACY_MAGIC = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
_LEGACY_PICKLES = 5
# A record for each storage, and a few more.
_MOST_RECORDS = 200_000
_ENCRYPTED = 1


def check_format(file: BinaryIO, size_bytes: int) -> Format:
    """Return which format a file is in, if there is nothing in it to be refused unread.

    Args:
        file: Of the checkpoint, at its beginning.
        size_bytes: Of the file.

    Raises:
        Refusal: ``code``, if its pickle calls for what no state dict needs;
            ``format``, ``damaged``, ``torchscript``, ``compressed``, ``archive`` or
            ``unwieldy``, if it is not as torch.save writes it.
    """
    magic = file.read(len(_ZIP_MAGIC))
    file.seek(0)
    if magic == _ZIP_MAGIC:
        _check_zip(file, size_bytes)
        return "zip"
    _check_legacy(file)
    return "legacy"


@contextmanager
def _as_damaged() -> Iterator[None]:
    """Take for damage whatever Python's readers have to say."""
    try:
        yield
    except (ValueError, EOFError, zipfile.BadZipFile, NotImplementedError, RuntimeError):
        raise Refusal("damaged") from None


def _check_zip(file: BinaryIO, size_bytes: int) -> None:
    with _as_damaged(), zipfile.ZipFile(file) as archive:
        records = archive.infolist()
        _check_records(records, size_bytes)
        directory = records[0].filename.partition("/")[0]
        pickled = next((r for r in records if r.filename == f"{directory}/data.pkl"), None)
        if pickled is None:
            raise Refusal("format")
        if pickled.file_size > PICKLE_BYTES:
            raise Refusal("unwieldy", pickled.file_size)
        with archive.open(pickled) as opened:
            check_opcodes(opened)  # type: ignore[arg-type]  # it reads bytes and tells where it is


def _check_records(records: list[zipfile.ZipInfo], size_bytes: int) -> None:
    """Refuse records that torch.save cannot have written."""
    if not records or len(records) > _MOST_RECORDS:
        raise Refusal("archive", f"{len(records)} records")
    directory = records[0].filename.partition("/")[0]
    # torch's reader looks names up whatever their case.
    names = {record.filename.lower() for record in records}
    if f"{directory}/constants.pkl".lower() in names:
        raise Refusal("torchscript")
    for record in records:
        if record.compress_type != zipfile.ZIP_STORED or record.flag_bits & _ENCRYPTED:
            raise Refusal("compressed", record.filename)
        if not record.filename.startswith(f"{directory}/"):
            raise Refusal("archive", record.filename)
    unpacked_bytes = sum(record.file_size for record in records)
    if len(names) < len(records) or unpacked_bytes > size_bytes:
        raise Refusal("archive", "one record twice")


def _check_legacy(file: BinaryIO) -> None:
    """Read all pickles; one that is no checkpoint is refused for its code first of all."""
    is_legacy = file.read(len(_LEGACY_MAGIC)) == _LEGACY_MAGIC
    file.seek(0)
    if not is_legacy:
        try:
            check_opcodes(file)
        except ValueError:
            raise Refusal("format") from None
        raise Refusal("format")
    with _as_damaged():
        for _ in range(_LEGACY_PICKLES):
            check_opcodes(file)
    file.seek(0)
