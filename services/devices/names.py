"""What can stand in the setting that names the devices."""

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["cpu", "cuda", "process", "ray"]

ACCEPTED = (
    "auto, or names between commas: cpu, cuda:N (GPU number N), process:N (a worker process on "
    "the processor), ray"
)

_NAME = re.compile(r"cpu|ray|(cuda|process):(0|[1-9][0-9]{0,2})")
_SINGLE: tuple[Kind, ...] = ("cpu", "ray")
_NUMBERED: tuple[Kind, ...] = ("cuda", "process")


@dataclass(frozen=True, slots=True)
class DeviceName:
    """One device of the setting.

    Attributes:
        kind: Of what kind.
        index: Its number among those of a kind; 0 where there is only one.
    """

    kind: Kind
    index: int = 0

    def __str__(self) -> str:
        return self.kind if self.kind in _SINGLE else f"{self.kind}:{self.index}"


def parse_devices(text: str) -> tuple[DeviceName, ...] | None:
    """Return the devices that a setting names; None stands for ``auto``.

    Raises:
        ValueError: If it is not understood, or names a device twice.

    Examples:
        >>> [str(name) for name in parse_devices("cuda:0, cuda:1")]
        ['cuda:0', 'cuda:1']
        >>> parse_devices("gpu")
        Traceback (most recent call last):
        ValueError: 'gpu' is not a device; accepted: auto, or names between commas: cpu, \
cuda:N (GPU number N), process:N (a worker process on the processor), ray
    """
    if text.strip() == "auto":
        return None
    names = [_parse(part.strip()) for part in text.split(",")]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"{str(twice)!r} is named twice; accepted: {ACCEPTED}")
    return tuple(names)


def _parse(text: str) -> DeviceName:
    if _NAME.fullmatch(text) is None:
        raise ValueError(f"{text!r} is not a device; accepted: {ACCEPTED}")
    name, _, index = text.partition(":")
    kind = next(kind for kind in (*_SINGLE, *_NUMBERED) if kind == name)
    return DeviceName(kind, int(index or 0))
