"""``python -m app specs``: all specs and names, out of the database and into one."""

import argparse
import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from app.commands.commands import Commands
from app.settings import Settings
from app.store_wiring import open_store
from services.database import unavailable_as_error
from services.errors import StartupError
from services.spec_exchange.exporting import Selection, export_specs
from services.spec_exchange.importing import import_specs
from weightbank.errors import WeightbankError

_FAILED = 1
_STANDARD = "-"


def add(commands: Commands) -> None:
    """Add the commands."""
    group = commands.group("specs", help="write all specs and names into a file, or read one")
    export = group.add("export", run_export, help="write specs and names into a file")
    export.add_argument("file", metavar="FILE", help="to be written; - for standard output")
    export.add_argument("--team", help="only the names of this team, and their specs")
    take = group.add("import", run_import, help="put a file into the database: all, or nothing")
    take.add_argument("file", metavar="FILE", help="to be read; - for standard input")


def run_export(settings: Settings, given: argparse.Namespace) -> int:
    """Write a file; what stood under its name is replaced once it is whole.

    Raises:
        StartupError: If the database cannot be had, or the file cannot be written.
    """
    store = open_store(settings)
    try:
        with _files_as_error(given.file), _whole_or_nothing(given.file) as file:
            end = export_specs(store, file, Selection(team=given.team))
    except WeightbankError as error:
        return _refuse(error)
    finally:
        store.dispose()
    _say(f"exported {end.specs} specs, {end.names} names, {end.versions} versions")
    return 0


def run_import(settings: Settings, given: argparse.Namespace) -> int:
    """Read a file, of any size, into the database.

    Raises:
        StartupError: If the database cannot be had, or the file cannot be read.
    """
    store = open_store(settings)
    try:
        with (
            _files_as_error(given.file),
            tempfile.TemporaryDirectory() as directory,
            _opened(given.file) as file,
            unavailable_as_error(),
        ):
            counts = import_specs(store, file, limits=settings.limits(), directory=Path(directory))
    except WeightbankError as error:
        return _refuse(error)
    finally:
        store.dispose()
    for what, count in counts.document().items():
        _say(f"{count:10,} {what.replace('_', ' ')}")
    return 0


@contextlib.contextmanager
def _whole_or_nothing(path: str) -> Iterator[BinaryIO]:
    if path == _STANDARD:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    target = Path(path)
    descriptor, partial = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor is no path
            yield file
        Path(partial).replace(target)
    finally:
        Path(partial).unlink(missing_ok=True)


@contextlib.contextmanager
def _opened(path: str) -> Iterator[BinaryIO]:
    """A file that can be read twice."""
    if path != _STANDARD:
        with Path(path).open("rb") as file:
            yield file
        return
    with tempfile.TemporaryFile() as spooled:
        shutil.copyfileobj(sys.stdin.buffer, spooled)
        yield spooled


@contextlib.contextmanager
def _files_as_error(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StartupError(f"file {path!r}: {error.strerror or error}") from error


def _refuse(error: WeightbankError) -> int:
    print(f"weightbank: {error}", file=sys.stderr)  # noqa: T201
    return _FAILED


def _say(line: str) -> None:
    # Standard output may be the file.
    print(line, file=sys.stderr)  # noqa: T201
