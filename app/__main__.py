"""``python -m app``: reads the settings, and does what was asked."""

import argparse
import os
import sys
from importlib.metadata import version

from app.commands import database, keys, serve, specs
from app.commands.commands import Commands
from app.settings import load_settings
from services.errors import StartupError

_CANNOT_START = 1
_WRONG_SETTINGS = 2


def main(arguments: list[str] | None = None) -> int:
    """Do what was asked; return the exit status.

    A setting or an argument that cannot be used gives 2, a store, a device or a port
    that cannot be had gives 1, each with one line that says why; Ctrl-C gives 130.
    """
    given = _parser().parse_args(arguments)
    try:
        settings = load_settings(os.environ)
    except StartupError as error:
        return _refuse(error, _WRONG_SETTINGS, given)
    try:
        status: int = given.run(settings, given)
    except StartupError as error:
        return _refuse(error, _CANNOT_START, given)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m app",
        description="Weightbank. Settings are environment variables that begin with WEIGHTBANK_.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=version("weightbank"))
    parser.set_defaults(run=serve.run)
    commands = Commands(parser)
    serve.add(commands)
    keys.add(commands)
    database.add(commands)
    specs.add(commands)
    return parser


def _refuse(error: StartupError, status: int, given: argparse.Namespace) -> int:
    who = "weightbank cannot start" if given.run is serve.run else "weightbank"
    print(f"{who}: {error}", file=sys.stderr)  # noqa: T201
    return status


if __name__ == "__main__":
    sys.exit(main())
