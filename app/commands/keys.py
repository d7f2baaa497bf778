"""``python -m app keys``: made, listed, revoked.

A key is shown once, when it is made, alone on standard output: ``KEY=$(... keys create ...)``.
None ever has to stand on a command line, where other users of the machine can see it.
"""

import argparse
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from app.commands.commands import Commands
from app.commands.key_arguments import add_arguments
from app.commands.key_table import key_document, key_rows, table
from app.settings import Settings
from app.store_wiring import open_store
from services.keys.key import Key
from services.keys.key_text import KEY_CHARACTERS, is_key_id, make_key, parse_key
from services.keys.quotas import day_of
from services.keys.store import SqlKeyStore
from services.keys.usage_store import SqlUsageStore
from weightbank.errors import WeightbankError

_FAILED = 1
_FROM_INPUT = "-"


def add(commands: Commands) -> None:
    """Add the commands."""
    keys = commands.group("keys", help="make, list and revoke keys of the API")
    create = keys.add("create", _answering(_create), help="make a key, and show it once")
    add_arguments(create)
    create.add_argument("--json", action="store_true", help="print one JSON object")
    listing = keys.add("list", _answering(_list), help="list keys, never their secrets")
    listing.add_argument("--json", action="store_true", help="print a JSON array")
    revoke = keys.add("revoke", _answering(_revoke), help="let a key open nothing any more")
    revoke.add_argument(
        "id",
        metavar="ID",
        help="the key's public part, or the whole key; - reads either from standard input",
    )


def _create(settings: Settings, given: argparse.Namespace) -> int:
    now = datetime.now(UTC)
    text = make_key()
    key = Key(
        id=text.id,
        secret_sha256=text.secret_sha256,
        label=given.label,
        scopes=tuple(dict.fromkeys(given.scope)),
        teams=tuple(dict.fromkeys(given.team)),
        requests_per_second=given.requests_per_second,
        bytes_per_day=given.bytes_per_day,
        created_at=now,
        expires_at=now + given.expires if given.expires else None,
    )
    is_new = _in_store(settings, lambda keys, _usage: keys.add(key))
    assert is_new, "two keys of one id"
    if given.json:
        _say(json.dumps({"key": text.reveal(), **key_document(key, now=now, used_bytes=0)}))
        return 0
    _say(text.reveal())
    ends = f", expires {key.expires_at:%Y-%m-%d %H:%M} UTC" if key.expires_at else ""
    _tell(f"key {key.id} ({key.label}) opens {', '.join(key.scopes)}{ends}")
    _tell("it is shown this once: only its hash is kept")
    return 0


def _list(settings: Settings, given: argparse.Namespace) -> int:
    now = datetime.now(UTC)
    keys, used = _in_store(settings, lambda keys, usage: (keys.all(), usage.used(day_of(now))))
    if given.json:
        documents = [key_document(key, now=now, used_bytes=used.get(key.id, 0)) for key in keys]
        _say(json.dumps(documents, indent=1))
        return 0
    for line in table(key_rows(keys, now=now, used=used)):
        _say(line)
    return 0


def _revoke(settings: Settings, given: argparse.Namespace) -> int:
    said = sys.stdin.readline(KEY_CHARACTERS + 2) if given.id == _FROM_INPUT else given.id
    said = said.strip()
    text = parse_key(said)
    key_id = text.id if text else said
    if not is_key_id(key_id):
        # What was said can be a key with a typing error: it is not repeated.
        return _fail("that is neither the id of a key nor a key; `keys list` shows the ids")
    key = _in_store(settings, lambda keys, _usage: keys.revoke(key_id, datetime.now(UTC)))
    if key is None:
        return _fail(f"there is no key {key_id}; `keys list` shows those there are")
    since = f"{key.revoked_at:%Y-%m-%d %H:%M:%S} UTC"
    _tell(f"key {key.id} ({key.label}) was revoked at {since}, and opens nothing any more")
    return 0


def _in_store(settings: Settings, work: Callable[[SqlKeyStore, SqlUsageStore], Any]) -> Any:
    """Return what becomes of some work with the database."""
    database = open_store(settings)
    try:
        return work(SqlKeyStore(database), SqlUsageStore(database))
    finally:
        database.dispose()


def _answering(
    run: Callable[[Settings, argparse.Namespace], int],
) -> Callable[[Settings, argparse.Namespace], int]:
    """Return a command that says in one line what went wrong."""

    def answering(settings: Settings, given: argparse.Namespace) -> int:
        try:
            return run(settings, given)
        except WeightbankError as error:
            return _fail(str(error))

    return answering


def _fail(problem: str) -> int:
    _tell(f"weightbank: {problem}")
    return _FAILED


def _say(line: str) -> None:
    print(line)  # noqa: T201 - what was asked for


def _tell(line: str) -> None:
    print(line, file=sys.stderr)  # noqa: T201 - for whoever asked, and not for what reads the key
