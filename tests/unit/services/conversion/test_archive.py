"""Files that torch.save cannot have written, refused before torch opens them."""

import copy
import io
import pickle
import zipfile
from collections.abc import Mapping
from typing import Any

import pytest

from services.conversion.archive import check_format
from services.conversion.refusal import Refusal

PICKLED = pickle.dumps({}, 2)
LEGACY_MAGIC = pickle.dumps(0x1950A86A20F9469CFC6C, 2)
RECORDS = {"archive/data.pkl": PICKLED, "archive/data/0": bytes(4000), "archive/version": b"3\n"}


def archive_of(
    records: Mapping[str, bytes], *, compression: int = zipfile.ZIP_STORED
) -> io.BytesIO:
    """A zip file."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, data in records.items():
            archive.writestr(name, data)
    return file


def check(data: bytes) -> Any:
    """Check a file of these bytes."""
    return check_format(io.BytesIO(data), len(data))


def refusal_of(data: bytes) -> tuple[str, Any]:
    """Check a file, and return why it is refused."""
    with pytest.raises(Refusal) as caught:
        check(data)
    return caught.value.kind, caught.value.value


def test_a_zip_file_of_a_pickle_and_storages_is_taken() -> None:
    """As torch.save has written them since 1.6."""
    assert check(archive_of(RECORDS).getvalue()) == "zip"


def test_five_pickles_and_storages_are_taken() -> None:
    """As torch.save wrote them before."""
    data = LEGACY_MAGIC + 4 * PICKLED + b"storages"
    file = io.BytesIO(data)
    assert check_format(file, len(data)) == "legacy"
    assert file.tell() == 0


def test_a_compressed_record_is_refused() -> None:
    """It is what a bomb would be made of."""
    bomb = {**RECORDS, "archive/data/0": bytes(10**7)}
    data = archive_of(bomb, compression=zipfile.ZIP_DEFLATED).getvalue()
    assert refusal_of(data) == ("compressed", "archive/data.pkl")


def test_records_that_share_their_bytes_are_refused() -> None:
    """They are the other kind of bomb."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in RECORDS.items():
            archive.writestr(name, data)
        for index in range(1, 5):
            twin = copy.copy(archive.getinfo("archive/data/0"))
            twin.filename = f"archive/data/{index}"
            archive.filelist.append(twin)
    assert refusal_of(file.getvalue()) == ("archive", "one record twice")


def test_two_records_of_one_name_are_refused() -> None:
    """One would be checked, and the other loaded; torch ignores case."""
    assert refusal_of(archive_of({**RECORDS, "archive/DATA.pkl": b""}).getvalue()) == (
        "archive",
        "one record twice",
    )


def test_a_record_outside_the_directory_is_refused() -> None:
    """The archive's first record names the directory."""
    assert refusal_of(archive_of({**RECORDS, "../data.pkl": b""}).getvalue()) == (
        "archive",
        "../data.pkl",
    )


def test_torchscript_is_refused() -> None:
    """It is code by intent."""
    assert refusal_of(archive_of({**RECORDS, "archive/constants.pkl": b""}).getvalue()) == (
        "torchscript",
        None,
    )


def test_a_zip_file_without_a_pickle_is_refused() -> None:
    """It may be anything."""
    assert refusal_of(archive_of({"word/document.xml": b""}).getvalue()) == ("format", None)


def test_an_empty_zip_file_is_refused() -> None:
    """It ends before its first record begins."""
    assert refusal_of(archive_of({}).getvalue()) == ("format", None)


def test_code_in_a_zip_file_is_refused_by_name() -> None:
    """Whatever is beside it."""
    data = archive_of({**RECORDS, "archive/data.pkl": b"\x80\x02cos\nsystem\n."}).getvalue()
    assert refusal_of(data) == ("code", "os.system")


@pytest.mark.parametrize("position", range(5))
def test_code_in_a_legacy_file_is_refused_by_name(position: int) -> None:
    """In whichever of its pickles; in place of the magic number, too."""
    pickles = [LEGACY_MAGIC, *4 * [PICKLED]]
    pickles[position] = b"\x80\x02cos\nsystem\n."
    assert refusal_of(b"".join(pickles)) == ("code", "os.system")


@pytest.mark.parametrize("kept", [0.3, 0.9])
def test_a_zip_file_cut_off_is_damaged(kept: float) -> None:
    """Its directory is at its end."""
    data = archive_of(RECORDS).getvalue()
    assert refusal_of(data[: int(kept * len(data))]) == ("damaged", None)


def test_a_zip_file_with_a_wrong_checksum_is_damaged() -> None:
    """That of its pickle, which alone is read here."""
    data = archive_of(RECORDS).getvalue()
    assert refusal_of(data.replace(PICKLED, PICKLED[:-2] + b"N.", 1)) == ("damaged", None)


def test_a_legacy_file_cut_off_is_damaged() -> None:
    """Within its pickles."""
    assert refusal_of(LEGACY_MAGIC + PICKLED) == ("damaged", None)


@pytest.mark.parametrize("data", [b"", b"<html>", PICKLED, b"\x93NUMPY", bytes(1000)])
def test_other_files_are_of_no_format(data: bytes) -> None:
    """A page of an error, a pickle of somebody else's."""
    assert refusal_of(data) == ("format", None)
