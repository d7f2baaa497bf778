"""What the converting process says of a pickle it does not convert.

It goes from that process to the server as a kind and two values, and becomes words
there (``verdicts.py``): a process that a pickle has taken over must not choose what
callers read.
"""

from typing import Literal, get_args

Kind = Literal[
    "archive",
    "code",
    "compressed",
    "damaged",
    "empty",
    "entry",
    "failed",
    "format",
    "large",
    "memory",
    "name",
    "structure",
    "tensor",
    "torchscript",
    "unwieldy",
]
KINDS: frozenset[str] = frozenset(get_args(Kind))


class Refusal(Exception):  # noqa: N818 - it is none of the server's errors, but an answer
    """A pickle is not converted.

    Attributes:
        kind: Why.
        value: What is wrong with it: a name, a number of bytes.
        detail: What that is instead; a type's name.

    Examples:
        >>> Refusal("entry", "epoch", "int").value
        'epoch'
    """

    def __init__(self, kind: Kind, value: str | int | None = None, detail: str = "") -> None:
        super().__init__(kind, value, detail)
        self.kind: Kind = kind
        self.value = value
        self.detail = detail
