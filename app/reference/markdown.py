"""Tables in Markdown, and values as a spec writes them."""

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

_URL = re.compile(r"(?<![<(])(https?://[^\s;,)]+)")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    r"""Return a table.

    Examples:
        >>> print(table(["a", "b"], [["1", "x|y"]]), end="")
        | a | b |
        |---|---|
        | 1 | x\|y |
    """
    lines = [_row(head), "|" + "---|" * len(head)]
    lines += [_row([cell.replace("|", r"\|") for cell in row]) for row in rows]
    return "\n".join(lines) + "\n"


def linked(text: str) -> str:
    """Return text whose addresses are links.

    Examples:
        >>> linked("He 2015, https://arxiv.org/abs/1502.01852")
        'He 2015, <https://arxiv.org/abs/1502.01852>'
    """
    return _URL.sub(r"<\1>", text)


def written(value: Any) -> str:
    """Return a value as a spec writes it.

    Examples:
        >>> written({"type": "normal", "std": 0.02})
        '`{type: normal, std: 0.02}`'
        >>> written("relu"), written(None), written(True), written(0.5)
        ('`relu`', '`null`', '`true`', '`0.5`')
    """
    return f"`{_flow(value)}`"


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_flow(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_flow(item) for item in value) + "]"
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(" ".join(cell.split()) for cell in cells) + " |"
