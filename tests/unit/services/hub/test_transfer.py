"""Bytes of files: from any offset, whatever goes wrong on the way."""

import pytest

from services.blobs.blob import TransferBrokenError
from services.hub.errors import (
    GatedRepositoryError,
    InvalidHubTokenError,
    UnknownFileError,
    UnknownRepositoryError,
    UpstreamError,
)
from services.hub.located import LocatedFile
from services.hub.session import Timeouts
from tests.hub.faults import Cut, Fault, Gate, Headers, IgnoreRange, Status
from tests.hub.repository import FakeRepository
from tests.unit.services.hub.conftest import (
    FILES,
    GATED,
    MEMBER,
    NAME,
    PRIVATE,
    STRANGER,
    WEIGHTS,
    WEIGHTS_PATH,
    Services,
    fetch,
    located_in,
)
from weightbank.errors import WeightbankError
from weightbank.stored import StoredFile

CONFIG = FILES["config.json"]


@pytest.mark.parametrize("offset", [0, 1, 100_000, len(WEIGHTS) - 1, len(WEIGHTS)])
def test_a_large_file_comes_from_any_offset(
    services: Services, public: FakeRepository, offset: int
) -> None:
    """From the storage."""
    assert fetch(services.upstream(), located_in(public), offset) == WEIGHTS[offset:]


@pytest.mark.parametrize("resolve_cache", [False, True])
@pytest.mark.parametrize("offset", [0, 5])
def test_a_small_file_comes_from_the_hub(
    services: Services, public: FakeRepository, *, offset: int, resolve_cache: bool
) -> None:
    """Directly, or behind a redirect on the same host."""
    services.server.options.resolve_cache = resolve_cache
    assert fetch(services.upstream(), located_in(public, "config.json"), offset) == CONFIG[offset:]


def test_pieces_are_neither_empty_nor_large(services: Services, public: FakeRepository) -> None:
    """A megabyte at most."""
    with services.upstream().origin(located_in(public), None).open(0) as pieces:
        assert all(0 < len(piece) <= 2**20 for piece in pieces)


def test_nothing_is_asked_before_it_is_opened_or_for_nothing(
    services: Services, public: FakeRepository
) -> None:
    """An origin is a place, and behind the last byte is nothing."""
    origin = services.upstream().origin(located_in(public), None)
    with origin.open(len(WEIGHTS)) as pieces:
        assert list(pieces) == []
    assert services.asked() == 0


@pytest.mark.parametrize("path", sorted(FILES))
def test_an_upstream_that_ignores_ranges_still_brings_the_right_bytes(
    services: Services, public: FakeRepository, path: str
) -> None:
    """What was there already is skipped."""
    services.server.inject(IgnoreRange())
    upstream = services.upstream()
    for offset in (1, len(FILES[path]) - 1):
        assert fetch(upstream, located_in(public, path), offset) == FILES[path][offset:]
    assert upstream.read(located_in(public, path), 3, 9, None) == FILES[path][3:9]


@pytest.mark.parametrize("value", [None, "bytes 0-9/10", "bytes */10", "items 7-9/10"])
def test_another_range_than_asked_for_is_not_taken(
    services: Services, public: FakeRepository, value: str | None
) -> None:
    """It would end up at the wrong place."""
    services.server.inject(Headers({"Content-Range": value}), host="storage")
    with pytest.raises(TransferBrokenError):
        fetch(services.upstream(), located_in(public), 7)


def test_another_encoding_than_asked_for_is_not_taken(
    services: Services, public: FakeRepository
) -> None:
    """Its offsets are not the file's."""
    services.server.inject(Headers({"Content-Encoding": "gzip"}), host="storage")
    with pytest.raises(UpstreamError, match="encoding"):
        fetch(services.upstream(), located_in(public))


def test_no_encoding_is_asked_for(services: Services, public: FakeRepository) -> None:
    """Of either host."""
    fetch(services.upstream(), located_in(public))
    asked = list(services.server.requests)
    assert [request.headers["accept-encoding"] for request in asked] == ["identity"] * 2


@pytest.mark.parametrize("host", ["hub", "storage"])
@pytest.mark.parametrize(
    "fault", [Cut(), Status(408), Status(429), Status(500), Status(502), Status(503)]
)
def test_what_may_pass_breaks_the_transfer(
    services: Services, public: FakeRepository, fault: Fault, host: str
) -> None:
    """It is worth another attempt, which brings it all."""
    services.server.inject(fault, host=host, times=1)  # type: ignore[arg-type]
    upstream = services.upstream()
    with pytest.raises(TransferBrokenError):
        fetch(upstream, located_in(public))
    assert fetch(upstream, located_in(public)) == WEIGHTS


def test_a_transfer_that_is_cut_brings_what_came_and_breaks(
    services: Services, public: FakeRepository
) -> None:
    """It is continued from there."""
    services.server.inject(Cut(after_bytes=100_000), host="storage", times=1)
    upstream, came = services.upstream(), bytearray()

    def fetch_some() -> None:
        with upstream.origin(located_in(public), None).open(0) as pieces:
            for piece in pieces:
                came.extend(piece)

    with pytest.raises(TransferBrokenError):
        fetch_some()
    assert came == WEIGHTS[: len(came)]
    assert len(came) > 0
    assert bytes(came) + fetch(upstream, located_in(public), len(came)) == WEIGHTS


def test_a_transfer_that_stands_still_breaks(services: Services, public: FakeRepository) -> None:
    """After the time-out."""
    services.server.inject(Gate(after_bytes=1000), host="storage")
    upstream = services.upstream(timeouts=Timeouts(read_seconds=0.2))
    with pytest.raises(TransferBrokenError):
        fetch(upstream, located_in(public))


def test_a_hub_that_is_down_breaks_the_transfer(services: Services, public: FakeRepository) -> None:
    """It may come back."""
    upstream = services.upstream()
    services.server.stop()
    with pytest.raises(TransferBrokenError):
        fetch(upstream, located_in(public))


@pytest.mark.parametrize(("host", "status"), [("hub", 429), ("hub", 503), ("storage", 503)])
def test_a_broken_transfer_says_when_to_come_back(
    services: Services, public: FakeRepository, host: str, status: int
) -> None:
    """If the upstream did."""
    services.server.inject(Status(status, 7), host=host, times=1)  # type: ignore[arg-type]
    services.server.inject(Status(status), host=host, skip=1)  # type: ignore[arg-type]
    upstream = services.upstream()
    said = []
    for _ in range(2):
        with pytest.raises(TransferBrokenError) as caught:
            fetch(upstream, located_in(public))
        said.append(caught.value.retry_after_seconds)
    assert said == [7, None]


@pytest.mark.usefixtures("private", "gated", "public")
@pytest.mark.parametrize(
    ("repository", "path", "token", "error"),
    [
        ("owner/none", WEIGHTS_PATH, None, UnknownRepositoryError),
        (PRIVATE, WEIGHTS_PATH, STRANGER, UnknownRepositoryError),
        (GATED, WEIGHTS_PATH, STRANGER, GatedRepositoryError),
        (NAME, WEIGHTS_PATH, "hf_bad", InvalidHubTokenError),
        (NAME, "none.bin", None, UnknownFileError),
    ],
)
def test_a_refusal_is_final(
    services: Services,
    public: FakeRepository,
    *,
    repository: str,
    path: str,
    token: str | None,
    error: type[WeightbankError],
) -> None:
    """And in words for the caller."""
    commit = public.head
    if repository in {PRIVATE, GATED}:
        commit = services.upstream().snapshot(repository, "main", MEMBER).commit
    located = LocatedFile(StoredFile(repository, commit, path, "sha256:" + "0" * 64), 10)
    with pytest.raises(error):
        fetch(services.upstream(), located, token=token)


@pytest.mark.parametrize("host", ["hub", "storage"])
def test_a_file_that_is_shorter_than_said_is_final(
    services: Services, public: FakeRepository, host: str
) -> None:
    """No attempt makes it longer."""
    services.server.inject(Status(416), host=host)  # type: ignore[arg-type]
    with pytest.raises(UpstreamError):
        fetch(services.upstream(), located_in(public), 5)


@pytest.mark.parametrize("status", [204, 304, 302])
def test_an_answer_without_a_file_is_final(
    services: Services, public: FakeRepository, status: int
) -> None:
    """Nobody can use it."""
    services.server.inject(Status(status), host="hub")
    with pytest.raises(UpstreamError):
        fetch(services.upstream(), located_in(public))


def test_connections_are_used_again(services: Services, public: FakeRepository) -> None:
    """Also those on which a redirect came: setting one up takes longer than a header."""
    upstream = services.upstream()
    for start in range(3):
        upstream.read(located_in(public), start, start + 8, None)
    pool = upstream._client._transport._pool  # type: ignore[attr-defined]
    assert len(pool.connections) == 2


def test_what_is_left_early_is_closed(services: Services, public: FakeRepository) -> None:
    """Its connection is given back."""
    upstream = services.upstream()
    with upstream.origin(located_in(public), None).open(0) as pieces:
        next(pieces)
    pool = upstream._client._transport._pool  # type: ignore[attr-defined]
    assert all(connection.is_idle() for connection in pool.connections)


def test_an_error_of_the_reader_goes_through(services: Services, public: FakeRepository) -> None:
    """A full disk is not the Hub's fault."""
    origin = services.upstream().origin(located_in(public), None)

    def write() -> None:
        with origin.open(0):
            raise OSError(28, "full")

    with pytest.raises(OSError, match="full"):
        write()
