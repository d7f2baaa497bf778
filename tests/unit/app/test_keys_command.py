"""``python -m app keys`` as an operator sees it."""

import io
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.__main__ import main
from services.database import database_url, open_database
from services.keys.key import Key
from services.keys.key_text import make_key, parse_key
from services.keys.quotas import day_of
from services.keys.store import SqlKeyStore
from services.keys.usage_store import SqlUsageStore

Said = Callable[[], tuple[str, str]]


@pytest.fixture(autouse=True)
def _data_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each test has a database of its own."""
    monkeypatch.setenv("WEIGHTBANK_DATA_DIR", str(tmp_path))


def keys(*arguments: str) -> int:
    """Run a command."""
    return main(["keys", *arguments])


def created(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Make a key, and return it."""
    given = arguments or ("--scope", "read")
    assert keys("create", "--label", "trainers", *given) == 0
    return capsys.readouterr().out.strip()


def stored(tmp_path: Path) -> list[Key]:
    """Keys in the database."""
    database = open_database(database_url("", data_directory=tmp_path))
    try:
        return SqlKeyStore(database).all()
    finally:
        database.dispose()


def test_a_new_key_stands_alone_on_standard_output(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """So that KEY=$(...) has nothing else; what it opens is said beside it."""
    assert keys("create", "--label", "trainers", "--scope", "read", "--scope", "checkpoints") == 0
    out, err = capsys.readouterr()
    text = parse_key(out.removesuffix("\n"))
    assert text is not None
    assert f"key {text.id} (trainers) opens read, checkpoints" in err
    assert text.secret not in err
    (key,) = stored(tmp_path)
    assert key.opens_with(text)
    assert (key.scopes, key.teams, key.expires_at) == (("read", "checkpoints"), (), None)


def test_a_new_key_has_what_was_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Teams, an end, a rate and a quota."""
    options = ["--team", "vision", "--team", "nlp", "--expires", "90d"]
    created(
        capsys,
        "--scope",
        "write",
        *options,
        "--requests-per-second",
        "0.5",
        "--bytes-per-day",
        "1TiB",
    )
    (key,) = stored(tmp_path)
    assert (key.teams, key.requests_per_second, key.bytes_per_day) == (
        ("vision", "nlp"),
        0.5,
        2**40,
    )
    assert key.expires_at == key.created_at + timedelta(days=90)


def test_a_new_key_can_be_had_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    """One object with everything."""
    document = json.loads(created(capsys, "--scope", "admin", "--json"))
    text = parse_key(document["key"])
    assert text is not None
    assert (document["id"], document["scopes"], document["state"]) == (text.id, ["admin"], "active")


def test_a_list_has_no_secrets(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """As a table and as JSON; with when a key was used and what it took today."""
    text = parse_key(created(capsys))
    assert text is not None
    now = datetime.now(UTC)
    database = open_database(database_url("", data_directory=tmp_path))
    SqlKeyStore(database).mark_used({text.id: now})
    SqlUsageStore(database).add(text.id, day_of(now), 2**30)
    database.dispose()
    assert keys("list") == 0
    table = capsys.readouterr().out
    assert keys("list", "--json") == 0
    listed = capsys.readouterr().out
    head, row = table.splitlines()
    assert head.split()[0] == "ID"
    assert {text.id, "active", "read", "1.0GiB", "trainers"} <= set(row.split())
    (document,) = json.loads(listed)
    assert (document["id"], document["bytes_today"]) == (text.id, 2**30)
    assert document["used_at"] == now.isoformat(timespec="seconds")
    for hidden in (text.secret[:8], text.secret_sha256[:8]):
        assert hidden not in table + listed


@pytest.mark.parametrize("way", ["id", "whole", "input"])
def test_a_key_is_revoked(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    way: str,
) -> None:
    """By its id, or by the whole key, which is not repeated; from standard input too."""
    whole = created(capsys)
    text = parse_key(whole)
    assert text is not None
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{whole}\n"))
    assert keys("revoke", {"id": text.id, "whole": whole, "input": "-"}[way]) == 0
    out, err = capsys.readouterr()
    assert f"key {text.id} (trainers) was revoked" in err
    assert text.secret[:8] not in out + err
    assert stored(tmp_path)[0].revoked_at is not None
    assert keys("list") == 0
    assert "revoked" in capsys.readouterr().out


def test_what_cannot_be_revoked_is_said_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """With status 1; what could be a key with a typing error is not repeated."""
    whole = make_key().reveal()
    for said, mentioned in (
        (whole, "there is no key"),
        (whole[:-1], "neither the id of a key nor a key"),
        ("x", "neither the id of a key nor a key"),
    ):
        assert keys("revoke", said) == 1
        out, err = capsys.readouterr()
        assert out == ""
        assert len(err.splitlines()) == 1
        assert mentioned in err
        assert whole.split("_")[2][:8] not in err


@pytest.mark.parametrize(
    ("options", "mentioned"),
    [
        (["--scope", "everything"], "invalid choice"),
        (["--scope", "read", "--expires", "soon"], "as in 12h, 90d or 52w"),
        (["--scope", "read", "--expires", "99999w"], "a century"),
        (["--scope", "read", "--bytes-per-day", "-1"], "a number of bytes"),
        (["--scope", "read", "--bytes-per-day", "9EiB"], "a number of bytes"),
        (["--scope", "read", "--requests-per-second", "nan"], "a number from 0"),
        (["--scope", "read", "--team", "../x"], "a team's name"),
        (["--scope", "read", "--label", "a\nb"], "a line of up to"),
        (["--scope", "read", "--label", " "], "a line of up to"),
        ([], "--scope"),
    ],
)
def test_what_no_key_can_have_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, options: list[str], mentioned: str
) -> None:
    """With status 2, and no key is made."""
    with pytest.raises(SystemExit) as caught:
        keys("create", "--label", "x", *options)
    assert caught.value.code == 2
    assert mentioned in capsys.readouterr().err
    assert stored(tmp_path) == []


def test_a_database_that_cannot_be_had_is_said_in_a_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With status 1."""
    monkeypatch.setenv("WEIGHTBANK_DATABASE_URL", "sqlite:////proc/none/x.sqlite3")
    assert keys("list") == 1
    assert len(capsys.readouterr().err.splitlines()) == 1
