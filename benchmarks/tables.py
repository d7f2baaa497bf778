"""How a benchmark's table is printed and recorded."""

import math
from collections.abc import Iterable
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


def row(*cells: object) -> str:
    """Return a line of a table.

    Examples:
        >>> row("normal", 1)
        '| normal | 1 |'
    """
    return "| " + " | ".join(map(str, cells)) + " |"


def head(*columns: str) -> list[str]:
    """Return the two lines that begin a table."""
    return [row(*columns), "|" + "---|" * len(columns)]


def number(value: float, digits: int = 2) -> str:
    """Return a number to read, a dash for one that is not known.

    Examples:
        >>> number(1234.5, 0), number(float("nan"))
        ('1,234', '-')
    """
    return "-" if math.isnan(value) else f"{value:,.{digits}f}"


class Report:
    """Lines that are printed as they come, and written down at the end."""

    def __init__(self, name: str, lines: Iterable[str]) -> None:
        self._path = RESULTS / f"{name}.md"
        self._lines: list[str] = []
        self.add(*lines)

    def add(self, *lines: str) -> None:
        """Print lines and keep them."""
        self._lines += lines
        print(*lines, sep="\n", flush=True)

    def write(self) -> None:
        """Write all lines to the results."""
        self._path.parent.mkdir(exist_ok=True)
        self._path.write_text("\n".join(self._lines) + "\n", "utf-8")
