"""A process that puts one name again and again: ``URL SPEC_IDS COUNT``."""

import sys

from sqlalchemy import make_url

from services.database import open_database
from services.names.sql_store import SqlNameStore
from services.names.syntax import Name


def _agree(newest: int | None) -> None:
    del newest


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Wait for a line, put, and say which versions were made."""
    url, first, second, count = sys.argv[1:]
    engine = open_database(make_url(url))
    store = SqlNameStore(engine, team_names=10, name_versions=10_000)
    _say("ready")
    sys.stdin.readline()
    for index in range(int(count)):
        found, is_new = store.put(
            Name("raced", "net"),
            spec_id=(first, second)[index % 2],
            note=f"{sys.argv[2][:1]}{index}",
            created_by=None,
            agree=_agree,
        )
        assert is_new
        _say(str(found.version))
    engine.dispose()


if __name__ == "__main__":
    main()
