"""Blobs on their way: one transfer for all, checked before the last byte."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.blobs import BlobKey, OpenBlob, Patience, TransferBrokenError
from services.errors import OverloadedError, RetryError, ShuttingDownError
from services.hub.errors import (
    CorruptFileError,
    GatedRepositoryError,
    NotCachedError,
    UpstreamBusyError,
    UpstreamUnavailableError,
)
from tests.blobs import (
    HASTE,
    PATIENCE_SECONDS,
    FakeOrigin,
    Witness,
    content_of,
    git_key_of,
    key_of,
    pread,
    read_all,
    store_in,
)

CONTENT = content_of(10_000)
KEY = key_of(CONTENT)


def ended(blob: OpenBlob) -> Exception:
    """What ended a blob's arrival."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever it is
        blob.wait_beyond(blob.key.size_bytes - 1, PATIENCE_SECONDS)
    return caught.value


def partials(directory: Path) -> list[Path]:
    """Files that are not complete."""
    return list((directory / "partial").iterdir())


@pytest.mark.parametrize("key_of_content", [key_of, git_key_of])
def test_a_fetched_blob_is_there_for_good(
    tmp_path: Path, key_of_content: Callable[[bytes], BlobKey]
) -> None:
    """Also in another store of the directory, which asks nobody."""
    key, witness = key_of_content(CONTENT), Witness()
    with store_in(tmp_path, observer=witness) as store:
        assert store.open(key) is None
        with store.fetch(key, FakeOrigin(CONTENT)) as blob:
            assert read_all(blob) == CONTENT
        witness.wait_ended()
        assert store.has(key)
    origin = FakeOrigin(CONTENT)
    with store_in(tmp_path) as store, store.fetch(key, origin) as blob:
        assert read_all(blob) == CONTENT
        assert origin.offsets == []
    assert partials(tmp_path) == []
    assert witness.events == [("began", key, 0), ("ended", key, "complete")]
    assert witness.transferred_bytes == [10_000]


def test_bytes_are_handed_out_while_others_arrive(tmp_path: Path) -> None:
    """Up to the last one; that waits for the hash."""
    origin = FakeOrigin(CONTENT)
    origin.hold(5000)
    with store_in(tmp_path) as store, store.fetch(KEY, origin) as blob:
        assert blob.wait_beyond(4999, PATIENCE_SECONDS) == 5000
        assert pread(blob, 0, 5000) == CONTENT[:5000]
        assert not store.has(KEY)
        assert store.open(KEY) is None
        assert not blob.is_verified
        origin.let_go()
        assert read_all(blob) == CONTENT


def test_all_who_ask_share_one_transfer(tmp_path: Path) -> None:
    """From different positions, at different times."""
    origin, other, witness = FakeOrigin(CONTENT), FakeOrigin(CONTENT), Witness()
    origin.hold(5000)
    with store_in(tmp_path, observer=witness) as store, store.fetch(KEY, origin) as first:
        first.wait_beyond(4999, PATIENCE_SECONDS)
        blobs = [store.fetch(KEY, other) for _ in range(10)]
        assert {blob.available_bytes for blob in blobs} == {5000}
        assert store.blobs()[0].readers == 11
        origin.let_go()
        assert all(read_all(blob) == CONTENT for blob in blobs)
        for blob in blobs:
            blob.close()
    assert (origin.offsets, other.offsets) == ([0], [])
    assert [event[0] for event in witness.events].count("joined") == 10


def test_a_transfer_goes_on_without_readers(tmp_path: Path) -> None:
    """It fills the cache."""
    origin, witness = FakeOrigin(CONTENT), Witness()
    origin.hold(1000)
    with store_in(tmp_path, observer=witness) as store:
        store.fetch(KEY, origin).close()
        origin.let_go()
        witness.wait_ended()
        assert store.has(KEY)
    assert origin.open_transfers == 0


def test_watchers_hear_of_all_that_comes(tmp_path: Path) -> None:
    """Until it is over."""
    origin, over = FakeOrigin(CONTENT), threading.Event()
    origin.hold(0)
    seen: list[int] = []
    with store_in(tmp_path) as store, store.fetch(KEY, origin) as blob:

        def look() -> None:
            seen.append(blob.available_bytes)
            if blob.is_verified:
                over.set()

        blob.watch(look)
        origin.let_go()
        assert over.wait(PATIENCE_SECONDS)
    assert seen == sorted(seen)
    assert {1000, 9000, 9999, 10_000} <= set(seen)


def test_an_empty_blob_is_verified_without_a_transfer(tmp_path: Path) -> None:
    """And one that only says that it is empty is corrupt."""
    origin = FakeOrigin(b"")
    with store_in(tmp_path) as store:
        for key in (key_of(b""), git_key_of(b"")):
            with store.fetch(key, origin) as blob:
                blob.wait_beyond(0, PATIENCE_SECONDS)
                assert blob.is_verified
        bad = store.fetch(BlobKey(KEY.hash, 0), origin)
        with bad, pytest.raises(CorruptFileError):
            bad.wait_beyond(0, PATIENCE_SECONDS)
    assert origin.offsets == []


@given(
    content=st.binary(min_size=1, max_size=300),
    piece_bytes=st.integers(1, 100),
    breaks=st.lists(st.integers(0, 300), max_size=5),
)
def test_any_partition_and_any_breaks_give_the_whole(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, piece_bytes: int, breaks: list[int]
) -> None:
    """Each byte is sent once."""
    origin = FakeOrigin(content, piece_bytes=piece_bytes)
    origin.breaks = sorted(place % (len(content) + 1) for place in breaks)
    patience = Patience(attempts=9, first_pause_seconds=0.0)
    directory = tmp_path_factory.mktemp("blobs")
    with (
        store_in(directory, patience=patience) as store,
        store.fetch(key_of(content), origin) as blob,
    ):
        assert read_all(blob) == content
    assert origin.sent_bytes == len(content)


def test_a_broken_transfer_is_continued_where_it_broke(tmp_path: Path) -> None:
    """Readers notice nothing."""
    origin, witness = FakeOrigin(CONTENT), Witness()
    origin.breaks = [2500, 2500, 7000]
    origin.failures = [TransferBrokenError("connection refused")]
    with store_in(tmp_path, observer=witness) as store, store.fetch(KEY, origin) as blob:
        assert read_all(blob) == CONTENT
    assert origin.offsets == [0, 0, 2500, 2500, 7000]
    resumed = [event[2] for event in witness.events if event[0] == "resumed"]
    assert resumed == [0, 2500, 2500, 7000]


def test_an_early_end_is_a_broken_transfer(tmp_path: Path) -> None:
    """It may have been cut."""
    origin = FakeOrigin(CONTENT)
    origin.ends = [4000]
    with store_in(tmp_path) as store, store.fetch(KEY, origin) as blob:
        assert read_all(blob) == CONTENT
    assert origin.offsets == [0, 4000]


def test_attempts_without_progress_are_bounded(tmp_path: Path) -> None:
    """What came is kept, and the next fetch goes on from there."""
    origin, witness = FakeOrigin(CONTENT), Witness()
    origin.breaks = [1000, 4000, 4000, 4000, 4000]
    with store_in(tmp_path, observer=witness) as store:
        with store.fetch(KEY, origin) as blob:
            assert blob.wait_beyond(3999, PATIENCE_SECONDS) == 4000
            with pytest.raises(UpstreamUnavailableError):
                blob.wait_beyond(4000, PATIENCE_SECONDS)
            assert isinstance(blob.error, UpstreamUnavailableError)
            assert blob.wait_beyond(3999, 0) == 4000
        assert origin.offsets == [0, 1000, 4000, 4000, 4000]
        origin.breaks = []
        with store.fetch(KEY, origin) as blob:
            assert read_all(blob) == CONTENT
        witness.wait_ended(2)
    assert origin.offsets[5:] == [4000]
    assert ("began", KEY, 4000) in witness.events
    assert witness.outcomes == ["failed", "complete"]


def test_who_is_asked_to_wait_for_too_long_says_so(tmp_path: Path) -> None:
    """With the time that the upstream asked for."""
    origin = FakeOrigin(CONTENT)
    origin.failures = [TransferBrokenError("429", retry_after_seconds=299.5)]
    with store_in(tmp_path) as store, store.fetch(KEY, origin) as blob:
        error = ended(blob)
    assert isinstance(error, UpstreamBusyError)
    assert error.retry_after_seconds == 300


@pytest.mark.parametrize("error", [GatedRepositoryError("a/b", "x", "is gated"), KeyError("x")])
def test_what_no_attempt_mends_ends_the_fetch_at_once(tmp_path: Path, error: Exception) -> None:
    """In its own words; what came is kept."""
    origin = FakeOrigin(CONTENT)
    origin.failures = [None, error]
    origin.breaks = [3000]
    with store_in(tmp_path) as store:
        with store.fetch(KEY, origin) as blob:
            assert str(ended(blob)) == str(error)
        assert len(partials(tmp_path)) == 1
        with store.fetch(KEY, origin) as blob:
            assert read_all(blob) == CONTENT
    assert origin.offsets == [0, 3000, 3000]


def test_a_refusal_to_one_is_none_to_others_who_wait(tmp_path: Path) -> None:
    """The rest comes from where they may have it, in one flight."""
    private, public = FakeOrigin(CONTENT), FakeOrigin(CONTENT)
    private.breaks = [4000]
    private.failures = [None, GatedRepositoryError("repository", "corp/secret", "is not for you")]
    private.hold(2000)
    with (
        store_in(tmp_path, patience=HASTE) as store,
        store.fetch(KEY, private) as first,
        store.fetch(KEY, public) as second,
    ):
        private.let_go()
        assert read_all(first) == read_all(second) == CONTENT
    assert (private.offsets, public.offsets) == ([0, 4000], [4000])


def test_a_refusal_to_all_is_told_in_nobodys_words(tmp_path: Path) -> None:
    """One may not hear what the other asked for."""
    origins = FakeOrigin(CONTENT), FakeOrigin(CONTENT)
    for origin in origins:
        origin.failures = [GatedRepositoryError("repository", "corp/secret", "is not for you")]
    origins[0].failures = [None, *origins[0].failures]
    origins[0].breaks = [4000]
    origins[0].hold(2000)
    with (
        store_in(tmp_path, patience=HASTE) as store,
        store.fetch(KEY, origins[0]) as first,
        store.fetch(KEY, origins[1]) as second,
    ):
        origins[0].let_go()
        for error in (ended(first), ended(second)):
            assert isinstance(error, RetryError)
            assert "secret" not in str(error)


@pytest.mark.parametrize("at", [0, 5000, 9999])
def test_a_wrong_hash_never_gives_the_last_byte(tmp_path: Path, at: int) -> None:
    """What is wrong is thrown away, and the next fetch begins anew."""
    wrong = bytearray(CONTENT)
    wrong[at] ^= 1
    origin = FakeOrigin(bytes(wrong))
    with store_in(tmp_path) as store:
        with store.fetch(KEY, origin) as blob:
            with pytest.raises(CorruptFileError, match="other content than its hash says"):
                blob.wait_beyond(9999, PATIENCE_SECONDS)
            assert blob.available_bytes == 9999
            assert not blob.is_verified
        assert partials(tmp_path) == []
        origin.content = CONTENT
        with store.fetch(KEY, origin) as blob:
            assert read_all(blob) == CONTENT
    assert origin.offsets == [0, 0]


@pytest.mark.parametrize("piece_bytes", [1000, 3333])
def test_more_than_was_said_is_corrupt(tmp_path: Path, piece_bytes: int) -> None:
    """Also when the pieces end where it should, and the hash so far is right."""
    origin = FakeOrigin(CONTENT + b"x", piece_bytes=piece_bytes)
    with store_in(tmp_path) as store, store.fetch(KEY, origin) as blob:
        assert "has more than its 10000 bytes" in str(ended(blob))
    assert partials(tmp_path) == []


def test_less_than_was_said_is_corrupt(tmp_path: Path) -> None:
    """When the end is there time and again, it is no cut."""
    origin = FakeOrigin(CONTENT[:-1])
    with store_in(tmp_path) as store, store.fetch(KEY, origin) as blob:
        assert "ends 1 bytes before its 10000" in str(ended(blob))
    assert origin.offsets == [0, 9999, 9999, 9999]
    assert partials(tmp_path) == []


def test_a_partial_file_is_hashed_before_it_is_gone_on_with(tmp_path: Path) -> None:
    """What is left of a crash may be anything."""
    origin = FakeOrigin(CONTENT)
    with store_in(tmp_path) as store:
        (tmp_path / "partial" / f"{KEY.hash.replace(':', '-')}.10000").write_bytes(b"x" * 3000)
        with store.fetch(KEY, origin) as blob, pytest.raises(CorruptFileError):
            blob.wait_beyond(9999, PATIENCE_SECONDS)
        with store.fetch(KEY, origin) as blob:
            assert read_all(blob) == CONTENT
    assert origin.offsets == [3000, 0]


@pytest.mark.parametrize(("kept", "offsets"), [(CONTENT, []), (CONTENT + b"x", [0])])
def test_a_partial_file_may_be_whole_or_too_long(
    tmp_path: Path, kept: bytes, offsets: list[int]
) -> None:
    """Whole: its writer died before it got its name. Too long: nobody of us wrote that."""
    origin = FakeOrigin(CONTENT)
    with store_in(tmp_path) as store:
        (tmp_path / "partial" / f"{KEY.hash.replace(':', '-')}.10000").write_bytes(kept)
        if offsets:
            with store.fetch(KEY, origin) as blob, pytest.raises(CorruptFileError):
                blob.wait_beyond(9999, PATIENCE_SECONDS)
        with store.fetch(KEY, origin) as blob:
            assert read_all(blob) == CONTENT
    assert origin.offsets == offsets


def test_too_many_fetches_are_refused_at_once(tmp_path: Path) -> None:
    """Joining is none; and one that ends makes place."""
    origin, witness = FakeOrigin(CONTENT), Witness()
    origin.hold(1000)
    others = [content_of(100, seed=seed) for seed in (1, 2)]
    with store_in(tmp_path, fetches=1, observer=witness) as store:
        store.fetch(KEY, origin).close()
        store.fetch(KEY, origin).close()
        with pytest.raises(OverloadedError, match="fetches are taken, all 1"):
            store.fetch(key_of(others[0]), FakeOrigin(others[0]))
        assert len(partials(tmp_path)) == 1
        origin.let_go()
        witness.wait_ended()
        with store.fetch(key_of(others[1]), FakeOrigin(others[1])) as blob:
            assert read_all(blob) == others[1]


def test_what_has_arrived_takes_no_place(tmp_path: Path) -> None:
    """The next one begins as soon as the last byte is there, whatever the disk has to do yet."""
    with store_in(tmp_path, fetches=1) as store:
        for seed in range(20):
            content = content_of(100, seed=seed)
            with store.fetch(key_of(content), FakeOrigin(content)) as blob:
                assert read_all(blob) == content


def test_closing_ends_what_is_on_its_way(tmp_path: Path) -> None:
    """Readers hear of it at once; what came is kept for the next start."""
    origin, witness = FakeOrigin(CONTENT), Witness()
    origin.hold(4000)
    with store_in(tmp_path, observer=witness) as store:
        blob = store.fetch(KEY, origin)
        blob.wait_beyond(3999, PATIENCE_SECONDS)
        # The origin's own time-out would do that.
        end = blob.watch(origin.let_go)
        store.close()
        end()
        with blob, pytest.raises(ShuttingDownError):
            blob.wait_beyond(9999, PATIENCE_SECONDS)
        with pytest.raises(ShuttingDownError):
            store.fetch(KEY, origin)
    assert witness.outcomes == ["stopped"]
    with store_in(tmp_path) as store, store.fetch(KEY, origin) as blob:
        assert read_all(blob) == CONTENT
    assert origin.offsets == [0, 4000]


def test_closing_ends_a_pause(tmp_path: Path) -> None:
    """However long it is."""
    origin = FakeOrigin(CONTENT)
    origin.failures = [TransferBrokenError("busy", retry_after_seconds=50)]
    with store_in(tmp_path, patience=Patience()) as store, store.fetch(KEY, origin):
        origin.wait_opened(1)
    assert origin.offsets == [0]


def test_removing_ends_a_fetch_that_nobody_reads(tmp_path: Path) -> None:
    """And the next fetch begins anew, though the old transfer still hangs."""
    origin, fresh, witness = FakeOrigin(CONTENT), FakeOrigin(CONTENT), Witness()
    origin.hold(4000)
    with store_in(tmp_path, observer=witness) as store:
        blob = store.fetch(KEY, origin)
        blob.wait_beyond(3999, PATIENCE_SECONDS)
        blob.close()
        assert store.remove(KEY.hash) == 4000
        assert partials(tmp_path) == []
        with store.fetch(KEY, fresh) as blob:
            assert read_all(blob) == CONTENT
        origin.let_go()
        witness.wait_ended(2)
        assert store.has(KEY)
    assert fresh.offsets == [0]
    assert sorted(witness.outcomes) == ["complete", "stopped"]


def test_a_blob_may_be_removed_before_it_has_its_name(tmp_path: Path) -> None:
    """While the disk is told to keep it, which may take long."""
    origin, witness = FakeOrigin(CONTENT), Witness()
    origin.hold(4000)
    with store_in(tmp_path, observer=witness) as store:
        blob = store.fetch(KEY, origin)
        freed_bytes: list[int] = []

        def remove() -> None:
            if blob.is_verified:
                blob.close()
                freed_bytes.append(store.remove(KEY.hash))

        blob.watch(remove)
        origin.let_go()
        witness.wait_ended()
        assert freed_bytes == [10_000]
        assert not store.has(KEY)
        assert store.blobs() == []
    assert witness.outcomes == ["stopped"]


def test_a_damaged_file_is_healed(tmp_path: Path) -> None:
    """One that lost its end is no blob any more."""
    with store_in(tmp_path) as store:
        path = tmp_path / "blobs" / KEY.hash[7:9] / KEY.hash.replace(":", "-")
        path.parent.mkdir()
        path.write_bytes(CONTENT[:100])
        with store.fetch(KEY, FakeOrigin(CONTENT)) as blob:
            assert read_all(blob) == CONTENT
    assert path.read_bytes() == CONTENT


def test_what_is_no_hash_cannot_be_fetched(tmp_path: Path) -> None:
    """It would name a file anywhere."""
    with store_in(tmp_path) as store, pytest.raises(NotCachedError, match="is no hash"):
        store.fetch(BlobKey("sha256:../../x", 5), FakeOrigin(b"hello"))


def test_a_reader_that_never_reads_holds_up_nobody(tmp_path: Path) -> None:
    """Everything goes through the file."""
    origin, witness = FakeOrigin(CONTENT), Witness()
    with store_in(tmp_path, observer=witness) as store, store.fetch(KEY, origin) as idle:
        witness.wait_ended()
        with store.fetch(KEY, origin) as blob:
            assert read_all(blob) == CONTENT
        assert read_all(idle) == CONTENT
    assert HASTE.attempts == 3
