"""Bytes of files: ranges, redirects, and what goes wrong on the way."""

import pytest

from services.blobs.blob import TransferBrokenError
from services.hub.errors import (
    GatedRepositoryError,
    InvalidHubTokenError,
    RedirectRefusedError,
    UnknownFileError,
    UnknownRepositoryError,
    UpstreamBusyError,
    UpstreamError,
    UpstreamUnavailableError,
)
from services.hub.located import LocatedFile
from services.hub.session import Timeouts
from services.hub.upstream import Upstream
from tests.hub.faults import Cut, Fault, Gate, Headers, IgnoreRange, OtherContent, Redirect, Status
from tests.hub.repository import FakeRepository
from tests.hub.server import HubServer
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
)
from weightbank.errors import WeightbankError
from weightbank.stored import StoredFile

CONFIG = FILES["config.json"]


def locate(repository: FakeRepository, path: str = WEIGHTS_PATH) -> LocatedFile:
    """Return a file as the server has it, without asking."""
    file = repository.file(path)
    kind = "sha256" if file.is_lfs else "git-sha1"
    stored = StoredFile(repository.name, repository.head, path, f"{kind}:{file.etag}")
    return LocatedFile(stored, file.content.size_bytes)


def fetch(
    upstream: Upstream, located: LocatedFile, offset: int = 0, token: str | None = None
) -> bytes:
    """Return all that one transfer brings."""
    with upstream.origin(located, token).open(offset) as pieces:
        return b"".join(pieces)


@pytest.mark.parametrize("offset", [0, 1, 100_000, len(WEIGHTS) - 1, len(WEIGHTS)])
def test_a_large_file_comes_from_any_offset(
    services: Services, public: FakeRepository, offset: int
) -> None:
    """From the storage."""
    assert fetch(services.upstream(), locate(public), offset) == WEIGHTS[offset:]


@pytest.mark.parametrize("resolve_cache", [False, True])
@pytest.mark.parametrize("offset", [0, 5])
def test_a_small_file_comes_from_the_hub(
    services: Services, public: FakeRepository, *, offset: int, resolve_cache: bool
) -> None:
    """Directly, or behind a redirect on the same host."""
    services.server.options.resolve_cache = resolve_cache
    assert fetch(services.upstream(), locate(public, "config.json"), offset) == CONFIG[offset:]


def test_pieces_are_neither_empty_nor_large(services: Services, public: FakeRepository) -> None:
    """A megabyte at most."""
    with services.upstream().origin(locate(public), None).open(0) as pieces:
        assert all(0 < len(piece) <= 2**20 for piece in pieces)


def test_nothing_is_asked_before_it_is_opened_or_for_nothing(
    services: Services, public: FakeRepository
) -> None:
    """An origin is a place, and behind the last byte is nothing."""
    origin = services.upstream().origin(locate(public), None)
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
        assert fetch(upstream, locate(public, path), offset) == FILES[path][offset:]
    assert upstream.read(locate(public, path), 3, 9, None) == FILES[path][3:9]


@pytest.mark.parametrize("value", [None, "bytes 0-9/10", "bytes */10", "items 7-9/10"])
def test_another_range_than_asked_for_is_not_taken(
    services: Services, public: FakeRepository, value: str | None
) -> None:
    """It would end up at the wrong place."""
    services.server.inject(Headers({"Content-Range": value}), host="storage")
    with pytest.raises(TransferBrokenError):
        fetch(services.upstream(), locate(public), 7)


def test_another_encoding_than_asked_for_is_not_taken(
    services: Services, public: FakeRepository
) -> None:
    """Its offsets are not the file's."""
    services.server.inject(Headers({"Content-Encoding": "gzip"}), host="storage")
    with pytest.raises(UpstreamError, match="encoding"):
        fetch(services.upstream(), locate(public))


def test_no_encoding_is_asked_for(services: Services, public: FakeRepository) -> None:
    """Of either host."""
    fetch(services.upstream(), locate(public))
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
        fetch(upstream, locate(public))
    assert fetch(upstream, locate(public)) == WEIGHTS


def test_a_transfer_that_is_cut_brings_what_came_and_breaks(
    services: Services, public: FakeRepository
) -> None:
    """It is continued from there."""
    services.server.inject(Cut(after_bytes=100_000), host="storage", times=1)
    upstream, came = services.upstream(), bytearray()

    def fetch_some() -> None:
        with upstream.origin(locate(public), None).open(0) as pieces:
            for piece in pieces:
                came.extend(piece)

    with pytest.raises(TransferBrokenError):
        fetch_some()
    assert came == WEIGHTS[: len(came)]
    assert len(came) > 0
    assert bytes(came) + fetch(upstream, locate(public), len(came)) == WEIGHTS


def test_a_transfer_that_stands_still_breaks(services: Services, public: FakeRepository) -> None:
    """After the time-out."""
    services.server.inject(Gate(after_bytes=1000), host="storage")
    upstream = services.upstream(timeouts=Timeouts(read_seconds=0.2))
    with pytest.raises(TransferBrokenError):
        fetch(upstream, locate(public))


def test_a_hub_that_is_down_breaks_the_transfer(services: Services, public: FakeRepository) -> None:
    """It may come back."""
    upstream = services.upstream()
    services.server.stop()
    with pytest.raises(TransferBrokenError):
        fetch(upstream, locate(public))


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
            fetch(upstream, locate(public))
        said.append(caught.value.retry_after_seconds)
    assert said == [7, None]


def test_a_link_that_ran_out_is_replaced_by_the_next_attempt(
    services: Services, public: FakeRepository
) -> None:
    """The Hub signs another."""
    upstream = services.upstream()
    services.server.inject(Status(403), host="storage", times=1)
    with pytest.raises(TransferBrokenError):
        fetch(upstream, locate(public))
    assert fetch(upstream, locate(public)) == WEIGHTS


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
        fetch(services.upstream(), locate(public), 5)


@pytest.mark.parametrize("status", [204, 304, 302])
def test_an_answer_without_a_file_is_final(
    services: Services, public: FakeRepository, status: int
) -> None:
    """Nobody can use it."""
    services.server.inject(Status(status), host="hub")
    with pytest.raises(UpstreamError):
        fetch(services.upstream(), locate(public))


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.9:1/a?signature=s3cret",
        "http://127.0.0.1:1/a?signature=s3cret",
        "http://localhost:1/a?signature=s3cret",
        "https://evil.org/a?signature=s3cret",
        "//evil.org/a?signature=s3cret",
        "https://user:s3cret@127.0.0.2/a",
        "file:///etc/s3cret",
        "http://[",
    ],
)
@pytest.mark.parametrize("host", ["hub", "storage"])
def test_no_redirect_leads_elsewhere(
    services: Services, public: FakeRepository, location: str, host: str
) -> None:
    """Neither the Hub's nor that of the storage; and no signature is shown."""
    services.server.inject(Redirect(location), host=host)  # type: ignore[arg-type]
    with pytest.raises(RedirectRefusedError) as caught:
        fetch(services.upstream(), locate(public))
    assert "s3cret" not in str(caught.value)


def test_the_storage_is_asked_only_if_it_is_listed(
    services: Services, public: FakeRepository
) -> None:
    """Its address is none of the Hub's."""
    with pytest.raises(RedirectRefusedError, match=r"127\.0\.0\.2"):
        fetch(services.upstream(hosts="huggingface.co"), locate(public))
    assert services.server.count(host="storage") == 0


def test_redirects_end(services: Services, public: FakeRepository) -> None:
    """After a few."""
    services.server.inject(Redirect(f"/{NAME}/resolve/main/{WEIGHTS_PATH}"))
    with pytest.raises(UpstreamError, match="ever other places"):
        fetch(services.upstream(), locate(public))
    assert services.asked() == 6


def test_the_hub_is_told_the_token_and_the_storage_is_not(
    services: Services, private: FakeRepository
) -> None:
    """However often it is asked."""
    upstream = services.upstream()
    assert fetch(upstream, locate(private), token=MEMBER) == WEIGHTS
    assert upstream.read(locate(private), 5, 9, MEMBER) == WEIGHTS[5:9]
    assert services.server.count(host="hub", token=MEMBER) == 2
    assert services.server.count(host="storage") == 2
    assert not services.server.storage_saw_authorization


def test_no_storage_can_send_a_token_to_a_place_it_chose(
    services: Services, hub: HubServer, private: FakeRepository
) -> None:
    """A redirect back to the Hub is followed as nobody."""
    hub.add_repository("owner/other", FILES, private=True)
    hub.inject(Redirect(f"{hub.url}/owner/other/resolve/main/{WEIGHTS_PATH}"), host="storage")
    with pytest.raises(TransferBrokenError):
        fetch(services.upstream(), locate(private), token=MEMBER)
    assert hub.count(path_contains="owner/other", token=None) == 1
    assert hub.count(path_contains="owner/other", token=MEMBER) == 0


def test_xet_is_done_without(services: Services, public: FakeRepository) -> None:
    """Its headers do no harm: the same bytes come by the redirect."""
    services.server.options.xet = True
    upstream = services.upstream()
    located = upstream.locate(NAME, "main", WEIGHTS_PATH, None)
    assert located == locate(public)
    assert fetch(upstream, located, 9) == WEIGHTS[9:]
    assert services.server.count(path_contains="xet") == 0


@pytest.mark.parametrize(("start", "stop"), [(0, 8), (5, 5), (100, 200_000), (0, len(WEIGHTS))])
def test_parts_are_read(services: Services, public: FakeRepository, start: int, stop: int) -> None:
    """Half-open, and nothing beyond."""
    assert services.upstream().read(locate(public), start, stop, None) == WEIGHTS[start:stop]
    asked = services.server.requests.matching(host="storage")
    assert [request.range for request in asked] == [f"bytes={start}-{stop - 1}"] * (start < stop)


def test_a_part_that_is_cut_is_read_on(services: Services, public: FakeRepository) -> None:
    """From where it broke."""
    services.server.inject(Cut(after_bytes=70_000), host="storage", times=1)
    assert services.upstream().read(locate(public), 10, 200_000, None) == WEIGHTS[10:200_000]


def test_a_part_that_breaks_time_and_again_cannot_be_had(
    services: Services, public: FakeRepository
) -> None:
    """Three attempts, and no more."""
    services.server.inject(Cut(), host="storage")
    with pytest.raises(UpstreamUnavailableError):
        services.upstream().read(locate(public), 0, 100, None)
    assert services.server.count(host="storage") == 3


def test_a_part_that_ends_early_cannot_be_had(services: Services, public: FakeRepository) -> None:
    """An answer that is right in itself may be too short."""
    services.server.inject(OtherContent(b"short"), host="storage")
    with pytest.raises(UpstreamError):
        services.upstream().read(locate(public), 0, 100, None)


def test_a_part_is_not_asked_for_again_before_it_may(
    services: Services, public: FakeRepository
) -> None:
    """A limit is a limit."""
    services.server.inject(Status(429, 60))
    with pytest.raises(UpstreamBusyError) as caught:
        services.upstream().read(locate(public), 0, 100, None)
    assert (caught.value.retry_after_seconds, services.asked()) == (60, 1)


def test_connections_are_used_again(services: Services, public: FakeRepository) -> None:
    """Also those on which a redirect came: setting one up takes longer than a header."""
    upstream = services.upstream()
    for start in range(3):
        upstream.read(locate(public), start, start + 8, None)
    pool = upstream._client._transport._pool  # type: ignore[attr-defined]
    assert len(pool.connections) == 2


def test_what_is_left_early_is_closed(services: Services, public: FakeRepository) -> None:
    """Its connection is given back."""
    upstream = services.upstream()
    with upstream.origin(locate(public), None).open(0) as pieces:
        next(pieces)
    pool = upstream._client._transport._pool  # type: ignore[attr-defined]
    assert all(connection.is_idle() for connection in pool.connections)


def test_an_error_of_the_reader_goes_through(services: Services, public: FakeRepository) -> None:
    """A full disk is not the Hub's fault."""
    origin = services.upstream().origin(locate(public), None)

    def write() -> None:
        with origin.open(0):
            raise OSError(28, "full")

    with pytest.raises(OSError, match="full"):
        write()
