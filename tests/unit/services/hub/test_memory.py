"""What the Hub said, remembered across processes and failures of the disk."""

import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from services.hub.located import LocatedFile, RepositoryFile, RepositorySnapshot
from services.hub.memory import NOBODY, Memory
from services.hub.notebook import FILE, Key, Notebook, Row
from services.hub.remembered import Reference
from tests.unit.services.hub.conftest import MEMBER, NAME, STRANGER, Clock, Heard
from weightbank.stored import StoredFile

COMMIT = "0123456789" * 4
SNAPSHOT = RepositorySnapshot(
    repository=NAME,
    commit=COMMIT,
    licence="mit",
    is_restricted=True,
    files={
        "größe.bin": RepositoryFile("größe.bin", 5, "sha256:" + "0" * 64),
        "b": RepositoryFile("b", None, None),
    },
)
LOCATED = LocatedFile(StoredFile(NAME, COMMIT, "a b.bin", "sha256:" + "1" * 64), 7)
EVER = float("inf")


class Memories:
    """Makes memories like those of several processes, and closes them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.path = directory / FILE
        self.clock = Clock()
        self.heard = Heard()
        self._opened: list[Memory | Notebook] = []

    def memory(self) -> Memory:
        """Return the memory of another process."""
        self._opened.append(Memory(self.directory, clock=self.clock, observer=self.heard))
        made = self._opened[-1]
        assert isinstance(made, Memory)
        return made

    def notebook(self, capacity_bytes: int = 2**20) -> Notebook:
        """Return the notebook of another process."""
        made = Notebook(
            self.directory,
            capacity_bytes=capacity_bytes,
            clock=self.clock,
            on_failure=self.heard.problems.append,
        )
        self._opened.append(made)
        return made

    def locked(self) -> sqlite3.Connection:
        """Return a connection that keeps all others from writing."""
        connection = sqlite3.connect(self.path, isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        return connection

    def close(self) -> None:
        """Close all that was made."""
        for opened in self._opened:
            opened.close()


@pytest.fixture
def memories(tmp_path: Path) -> Iterator[Memories]:
    """Makes memories."""
    made = Memories(tmp_path / "deep" / "memory")
    yield made
    made.close()


def test_what_one_process_remembers_another_one_knows(memories: Memories) -> None:
    """As it was."""
    memory = memories.memory()
    memory.keep_snapshot(SNAPSHOT)
    memory.keep_file(LOCATED)
    memory.keep_reference(NAME, "main", Reference(NAME, COMMIT))
    memory.keep_name("old/name", NAME)
    memory.keep_restriction(NAME, is_restricted=False)
    memory.grant(NAME, memory.digest(MEMBER))
    other = memories.memory()
    for known in (memory, other):
        assert known.snapshot(NAME, COMMIT) == SNAPSHOT
        assert known.file(NAME, COMMIT, "a b.bin") == LOCATED
        reference = known.reference(NAME, "main", fresh_seconds=EVER)
        assert reference is not None
        assert (reference.value, reference.seen_at) == (Reference(NAME, COMMIT), memories.clock())
        assert known.name_of_today("old/name") == NAME
        restriction = known.restriction(NAME, fresh_seconds=EVER)
        assert restriction is not None
        assert restriction.value is False
        granted_at = known.granted_at(NAME, known.digest(MEMBER), fresh_seconds=EVER)
        assert granted_at == memories.clock()
        assert list(known.files(NAME)) == list(known.places(LOCATED.file.hash)) == [LOCATED]
    assert memories.heard.problems == []


def test_what_was_never_said_is_not_known(memories: Memories) -> None:
    """Not even a little."""
    memory = memories.memory()
    assert memory.snapshot(NAME, COMMIT) is None
    assert memory.file(NAME, COMMIT, "a") is None
    assert memory.reference(NAME, "main", fresh_seconds=EVER) is None
    assert memory.name_of_today(NAME) == NAME
    assert memory.restriction(NAME, fresh_seconds=EVER) is None
    assert memory.granted_at(NAME, NOBODY, fresh_seconds=EVER) is None


def test_no_token_is_written_down(memories: Memories) -> None:
    """Only what cannot be made into it again, and is another in another directory."""
    memory = memories.memory()
    memory.grant(NAME, memory.digest(MEMBER))
    digest = memory.digest(MEMBER)
    assert digest == memories.memory().digest(MEMBER) != memory.digest(STRANGER)
    assert memory.digest(None) == NOBODY
    elsewhere = Memories(memories.directory / "other")
    assert elsewhere.memory().digest(MEMBER) != digest
    elsewhere.close()
    memories.close()
    content = b"".join(path.read_bytes() for path in memories.directory.glob(f"{FILE}*"))
    assert digest.encode() in content
    assert MEMBER.encode() not in content


def test_the_file_is_for_its_owner_alone(memories: Memories) -> None:
    """It says who reads what."""
    memories.memory().grant(NAME, NOBODY)
    for path in memories.directory.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0


def test_what_another_process_learned_since_is_looked_up_once_it_matters(
    memories: Memories,
) -> None:
    """Not while what is known here is fresh."""
    one, other = memories.memory(), memories.memory()
    one.keep_reference(NAME, "main", Reference(NAME, "0" * 40))
    memories.clock.advance(5)
    other.keep_reference(NAME, "main", Reference(NAME, COMMIT))
    fresh = one.reference(NAME, "main", fresh_seconds=10)
    assert fresh is not None
    assert fresh.value.commit == "0" * 40
    memories.clock.advance(6)
    later = one.reference(NAME, "main", fresh_seconds=10)
    assert later is not None
    assert later.value.commit == COMMIT


def test_what_is_forgotten_is_gone_for_all(memories: Memories) -> None:
    """Under this name."""
    memory = memories.memory()
    memory.keep_snapshot(SNAPSHOT)
    memory.keep_file(LOCATED)
    memory.grant("owner/other", NOBODY)
    memory.forget(NAME)
    for known in (memory, memories.memory()):
        assert known.snapshot(NAME, COMMIT) is None
        assert list(known.places(LOCATED.file.hash)) == []
        assert known.granted_at("owner/other", NOBODY, fresh_seconds=EVER) is not None


def test_a_name_that_is_no_old_one_any_more_is_its_own(memories: Memories) -> None:
    """Another repository may have taken it."""
    memory = memories.memory()
    memory.keep_name("old/name", NAME)
    memory.keep_name("old/name", "old/name")
    assert memory.name_of_today("old/name") == memories.memory().name_of_today("old/name")
    assert memory.name_of_today("old/name") == "old/name"


def test_what_another_version_wrote_is_not_there(memories: Memories) -> None:
    """It is asked for again."""
    notebook = memories.notebook()
    for kind, text in (("snapshot", "{}"), ("snapshot", "7"), ("snapshot", "no JSON")):
        notebook.put(Row(Key(kind, NAME, COMMIT), text, 0))
        assert memories.memory().snapshot(NAME, COMMIT) is None
    notebook.put(Row(Key("file", NAME, f"{COMMIT} a"), "[1]", 0, tag="hash"))
    assert memories.memory().file(NAME, COMMIT, "a") is None
    assert list(memories.memory().places("hash")) == []


def test_the_oldest_is_dropped_if_there_is_too_much(memories: Memories) -> None:
    """By bytes, and by itself."""
    notebook = memories.notebook(capacity_bytes=100_000)
    for index in range(300):
        memories.clock.advance(1)
        notebook.put(Row(Key("kind", NAME, str(index)), "x" * 1000, memories.clock()))
    kept = {int(row.key.name) for row in notebook.find_about("kind", NAME)}
    assert 299 in kept
    assert 0 not in kept
    notebook.prune()
    kept = {int(row.key.name) for row in notebook.find_about("kind", NAME)}
    assert kept == set(range(300 - len(kept), 300))
    assert 50 < len(kept) < 100


def test_the_secret_outlasts_everything(memories: Memories) -> None:
    """Without it, no right would be found again."""
    digest = memories.memory().digest(MEMBER)
    notebook = memories.notebook(capacity_bytes=5000)
    for index in range(300):
        notebook.put(Row(Key("kind", NAME, str(index)), "x" * 1000, memories.clock()))
    notebook.prune()
    assert memories.memory().digest(MEMBER) == digest


def test_a_locked_database_is_done_without(memories: Memories) -> None:
    """What is said meanwhile is remembered by this process; reading goes on."""
    memory = memories.memory()
    memory.keep_snapshot(SNAPSHOT)
    with closing(memories.locked()):
        memory.keep_restriction(NAME, is_restricted=False)
        memory.grant(NAME, NOBODY)
        assert memory.granted_at(NAME, NOBODY, fresh_seconds=EVER) is not None
        assert memory.snapshot(NAME, COMMIT) == SNAPSHOT
        memories.clock.advance(6)
        assert memories.memory().snapshot(NAME, COMMIT) == SNAPSHOT
    assert memories.heard.problems == ["OperationalError: database is locked"]
    memory.grant(NAME, "digest")
    assert memories.memory().granted_at(NAME, "digest", fresh_seconds=EVER) is not None


def test_a_right_that_is_revoked_while_the_disk_fails_does_not_come_back(
    memories: Memories,
) -> None:
    """It is gone here at once, and for all once the disk is back."""
    memory = memories.memory()
    memory.grant(NAME, "digest")
    with closing(memories.locked()):
        memory.revoke(NAME, "digest")
        memories.clock.advance(6)
        assert memory.granted_at(NAME, "digest", fresh_seconds=EVER) is None
    memory.grant(NAME, "another")
    assert memory.granted_at(NAME, "digest", fresh_seconds=EVER) is None
    assert memories.memory().granted_at(NAME, "digest", fresh_seconds=EVER) is None


@pytest.mark.parametrize("content", [b"this is no database at all, " * 100, b"SQLite format 3\x00"])
def test_a_damaged_database_is_set_aside(memories: Memories, content: bytes) -> None:
    """And begun anew, for all processes."""
    memories.directory.mkdir(parents=True)
    memories.path.write_bytes(content)
    memory, other = memories.memory(), memories.memory()
    for known in (memory, other):
        known.keep_snapshot(SNAPSHOT)
        known.keep_snapshot(SNAPSHOT)
    assert memories.memory().snapshot(NAME, COMMIT) == SNAPSHOT
    assert any("set aside" in problem for problem in memories.heard.problems)
    assert memories.path.with_name(f"{FILE}.damaged").read_bytes() == content


def test_a_database_that_is_damaged_later_is_set_aside(memories: Memories) -> None:
    """Whatever part of it."""
    memory = memories.memory()
    for index in range(200):
        memory.keep_reference(NAME, f"branch-{index}", Reference(NAME, COMMIT))
    memories.close()
    damaged = bytearray(memories.path.read_bytes())
    damaged[4096:] = b"\xaa" * (len(damaged) - 4096)
    memories.path.write_bytes(bytes(damaged))
    again = memories.memory()
    again.reference(NAME, "branch-7", fresh_seconds=EVER)
    again.keep_snapshot(SNAPSHOT)
    again.keep_snapshot(SNAPSHOT)
    assert memories.memory().snapshot(NAME, COMMIT) == SNAPSHOT
    assert memories.heard.problems


def test_a_directory_that_cannot_be_is_done_without(memories: Memories) -> None:
    """Everything is remembered by this process alone; the disk is tried now and then."""
    memories.directory.parent.mkdir()
    memories.directory.write_text("a file")
    memory = memories.memory()
    for _ in range(3):
        memory.keep_snapshot(SNAPSHOT)
        memory.grant(NAME, memory.digest(MEMBER))
    assert memory.snapshot(NAME, COMMIT) == SNAPSHOT
    assert memory.granted_at(NAME, memory.digest(MEMBER), fresh_seconds=EVER) is not None
    assert len(memories.heard.problems) == 1
    memories.clock.advance(6)
    memory.keep_snapshot(SNAPSHOT)
    assert len(memories.heard.problems) == 2


def test_a_problem_is_told_without_what_was_written(memories: Memories) -> None:
    """Its values are nobody's business."""
    memory = memories.memory()
    memory.keep_snapshot(SNAPSHOT)
    with closing(sqlite3.connect(memories.path)) as connection:
        connection.execute("DROP TABLE remembered")
    memory.grant("owner/private", "digest")
    assert len(memories.heard.problems) == 1
    assert "private" not in memories.heard.problems[0]
