"""Stored tensors, read from files that are here or on their way."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from services.blobs import BlobStore
from services.checkpoints.reader import BlobReader, OpenFile
from services.hub.errors import CorruptFileError
from tests.arriving_file import ArrivingFile
from tests.blobs import PATIENCE_SECONDS, FakeOrigin, key_of, store_in
from tests.engines import eventually
from tests.unit.services.checkpoints.fakes import header_bytes_of, located_of, safetensors_of
from weightbank.dtypes import STORED_DTYPES
from weightbank.stored import StoredTensor
from weightbank.stored_header import parse_header

SHAPES = {"a": (2, 3), "b": (50,)}
CONTENT = bytearray(safetensors_of(SHAPES))
HEADER_BYTES = header_bytes_of(bytes(CONTENT))
CONTENT[HEADER_BYTES:] = bytes(number % 251 for number in range(len(CONTENT) - HEADER_BYTES))
WHOLE = bytes(CONTENT)
FILE = located_of("model.safetensors", WHOLE).file
OTHER = located_of("other.safetensors", WHOLE).file
FLOAT32 = STORED_DTYPES["float32"]
A, B = (StoredTensor(FILE, name, FLOAT32, shape) for name, shape in SHAPES.items())
B_START = HEADER_BYTES + A.size_bytes
ERROR = CorruptFileError("file", "x", "is another")


@pytest.fixture
def file(tmp_path: Path) -> ArrivingFile:
    """A file of which the header is here."""
    arriving = ArrivingFile(tmp_path / "file", WHOLE)
    arriving.arrive(HEADER_BYTES)
    return arriving


@pytest.fixture
def reader(file: ArrivingFile) -> Iterator[BlobReader]:
    """What reads it."""
    header = parse_header(WHOLE, file_bytes=len(WHOLE))
    with file.open() as blob:
        yield BlobReader({FILE: OpenFile(blob, header)})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[BlobStore]:
    """A store of blobs."""
    with store_in(tmp_path / "store") as opened:
        yield opened


def read(
    reader: BlobReader, tensor: StoredTensor, start: int = 0, stop: int | None = None
) -> bytes:
    """Return bytes of a tensor."""
    stop = tensor.size_bytes if stop is None else stop
    buffer = bytearray(stop - start)
    reader.read_into(tensor, start, memoryview(buffer))
    return bytes(buffer)


def test_a_tensor_that_is_as_promised_passes(reader: BlobReader) -> None:
    """Every one of the file's."""
    reader.check(A)
    reader.check(B)


@pytest.mark.parametrize(
    "tensor",
    [
        replace(A, name="c"),
        replace(A, shape=(3, 2)),
        replace(A, shape=(6,)),
        replace(A, dtype=STORED_DTYPES["int32"]),
    ],
)
def test_a_tensor_that_is_not_as_promised_is_refused(
    reader: BlobReader, tensor: StoredTensor
) -> None:
    """By its file and name, with what was promised."""
    with pytest.raises(
        CorruptFileError, match=r"model\.safetensors '.' is not in this file"
    ) as caught:
        reader.check(tensor)
    assert caught.value.accepted == f"{tensor.dtype.name} of shape {list(tensor.shape)}"


def test_any_part_of_a_tensor_can_be_read(reader: BlobReader, file: ArrivingFile) -> None:
    """Into a buffer of any kind."""
    file.verify()
    assert read(reader, A) == WHOLE[HEADER_BYTES:B_START]
    assert read(reader, B) == WHOLE[B_START:]
    assert read(reader, B, 3, 17) == WHOLE[B_START + 3 : B_START + 17]
    array = np.zeros((2, 3), np.float32)
    reader.read_into(A, 0, memoryview(array))
    assert array.tobytes() == WHOLE[HEADER_BYTES:B_START]


def test_what_has_arrived_is_read_without_waiting(reader: BlobReader, file: ArrivingFile) -> None:
    """Before the hash is known: this blob lets nobody wait."""
    file.arrive(B_START + 10)
    assert read(reader, A) == WHOLE[HEADER_BYTES:B_START]
    assert read(reader, B, 0, 10) == WHOLE[B_START : B_START + 10]
    with pytest.raises(AssertionError):
        read(reader, B, 0, 11)


@pytest.mark.parametrize("stops", [[B_START + 1, B_START + 150], [B_START], []])
def test_reading_waits_for_what_arrives(store: BlobStore, stops: list[int]) -> None:
    """However often the transfer is held up, and for the hash at the end."""
    origin = FakeOrigin(WHOLE, piece_bytes=7)
    origin.hold(HEADER_BYTES)
    header = parse_header(WHOLE, file_bytes=len(WHOLE))
    with store.fetch(key_of(WHOLE), origin) as blob:
        reader = BlobReader({FILE: OpenFile(blob, header)})
        found: list[bytes] = []
        thread = threading.Thread(target=lambda: found.append(read(reader, B)))
        thread.start()
        for stop in stops:
            origin.hold(stop)
            assert blob.wait_beyond(stop - 1, PATIENCE_SECONDS) == stop
            assert not found
        origin.let_go()
        thread.join(PATIENCE_SECONDS)
        assert found == [WHOLE[B_START:]]


def test_reading_what_will_not_arrive_raises_why(store: BlobStore) -> None:
    """What is here of it can still be read."""
    origin = FakeOrigin(WHOLE, piece_bytes=B_START)
    origin.failures = [None, ERROR]
    origin.ends = [B_START]
    header = parse_header(WHOLE, file_bytes=len(WHOLE))
    with store.fetch(key_of(WHOLE), origin) as blob:
        reader = BlobReader({FILE: OpenFile(blob, header)})
        with pytest.raises(CorruptFileError, match="is another"):
            read(reader, B)
        assert read(reader, A) == WHOLE[HEADER_BYTES:B_START]


def test_an_arrival_is_of_the_tensors_own_bytes(reader: BlobReader, file: ArrivingFile) -> None:
    """Up to the last that is wanted, and not one more."""
    with reader.arrival(B, 5, 20) as flight:
        told: list[bool] = []
        flight.add_done_callback(lambda: told.append(True))
        file.arrive(B_START + 19)
        assert not flight.done
        file.arrive(B_START + 20)
        assert told == [True]
        assert not flight.failed
    assert file.watched == []


def test_the_end_of_a_file_arrives_with_its_hash(reader: BlobReader, file: ArrivingFile) -> None:
    """As its verification does."""
    flights = [reader.arrival(B, 0, B.size_bytes), reader.verification(FILE)]
    file.arrive(len(WHOLE))
    assert [flight.done for flight in flights] == [False, False]
    file.verify()
    assert [flight.done for flight in flights] == [True, True]
    for flight in flights:
        flight.leave()
    assert file.watched == []


def test_a_verification_fails_with_its_file(reader: BlobReader, file: ArrivingFile) -> None:
    """Also where all of its tensors are here."""
    with reader.verification(FILE) as flight:
        file.arrive(len(WHOLE))
        file.fail(ERROR)
        assert flight.failed
        with pytest.raises(CorruptFileError, match="is another"):
            flight.result()


def test_files_are_apart(tmp_path: Path) -> None:
    """Each tensor is read from its own; all have to be verified."""
    header = parse_header(WHOLE, file_bytes=len(WHOLE))
    second = bytes(HEADER_BYTES) + WHOLE[:HEADER_BYTES:-1] + b"!"
    files = [ArrivingFile(tmp_path / name, data) for name, data in (("1", WHOLE), ("2", second))]
    with files[0].open() as one, files[1].open() as two:
        reader = BlobReader({FILE: OpenFile(one, header), OTHER: OpenFile(two, header)})
        assert reader.blobs == [one, two]
        assert reader.headers == [header, header]
        for file, is_last in zip(files, (False, True), strict=True):
            assert not reader.is_verified
            file.verify()
            assert reader.is_verified == is_last
        assert read(reader, A) == WHOLE[HEADER_BYTES:B_START]
        assert read(reader, replace(A, file=OTHER)) == second[HEADER_BYTES:B_START]
        asyncio.run(reader.wait_verified())


def test_all_files_are_waited_for(reader: BlobReader, file: ArrivingFile) -> None:
    """Until their hashes are right, or one will not come."""

    async def main() -> None:
        task = asyncio.ensure_future(reader.wait_verified())
        await eventually(lambda: bool(file.watched))
        file.arrive(len(WHOLE))
        await asyncio.sleep(0)
        assert not task.done()
        file.fail(ERROR)
        with pytest.raises(CorruptFileError, match="is another"):
            await task
        assert file.watched == []

    asyncio.run(main())
