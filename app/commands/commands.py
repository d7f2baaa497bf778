"""A table of commands, on top of argparse."""

import argparse
from collections.abc import Callable

from app.settings import Settings

Run = Callable[[Settings, argparse.Namespace], int]
"""Does what was asked, and returns the exit status."""


class Commands:
    """Commands below one parser.

    Examples:
        >>> parser = argparse.ArgumentParser()
        >>> commands = Commands(parser)
        >>> words = commands.add("greet", lambda settings, given: 0, help="say hello")
        >>> parser.parse_args(["greet"]).run(None, None)
        0
    """

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self._commands = parser.add_subparsers(metavar="COMMAND", required=False)

    def add(self, name: str, run: Run, *, help: str) -> argparse.ArgumentParser:  # noqa: A002 - argparse's word
        """Add a command, and return its parser for its arguments."""
        parser = self._commands.add_parser(name, help=help, description=help, allow_abbrev=False)
        parser.set_defaults(run=run)
        return parser

    def group(self, name: str, *, help: str) -> "Commands":  # noqa: A002 - argparse's word
        """Add a word with commands of its own behind it."""
        parser = self._commands.add_parser(name, help=help, description=help, allow_abbrev=False)
        commands = Commands(parser)
        commands._commands.required = True
        return commands
