"""``python -m app database``: how far the tables are, and bringing them up to date."""

import argparse

from app.commands.commands import Commands
from app.settings import Settings
from app.store_wiring import named_after_setting, open_store, store_url
from services.database import DatabaseStatus, database_status


def add(commands: Commands) -> None:
    """Add the commands."""
    group = commands.group("database", help="look at the tables, or bring them up to date")
    group.add("status", status, help="say of which revision the tables are, and what is pending")
    group.add(
        "upgrade",
        upgrade,
        help="apply what is pending, as each server does when it starts",
    )


def status(settings: Settings, _given: argparse.Namespace) -> int:
    """Say how far the database is; change nothing.

    Raises:
        StartupError: If it cannot be reached, or is not for this release.
    """
    with named_after_setting(settings):
        url = store_url(settings)
        found = database_status(url)
    _say(f"database  {url.render_as_string(hide_password=True)}")
    for line in _lines(found):
        _say(line)
    return 0


def upgrade(settings: Settings, _given: argparse.Namespace) -> int:
    """Apply what is pending.

    Raises:
        StartupError: If it cannot be done.
    """
    with named_after_setting(settings):
        before = database_status(store_url(settings))
    open_store(settings).dispose()
    if before.pending:
        _say(f"applied   {' '.join(before.pending)}")
    else:
        _say(f"nothing was pending; the tables are of revision {before.revision}")
    return 0


def _lines(found: DatabaseStatus) -> list[str]:
    revision = found.revision or "none"
    if found.is_newer:
        revision += ", of a newer release that this one can work with"
    return [
        f"revision  {revision}",
        f"head      {found.head}",
        f"pending   {' '.join(found.pending) or 'nothing'}",
    ]


def _say(line: str) -> None:
    print(line)  # noqa: T201 - for whoever asked
