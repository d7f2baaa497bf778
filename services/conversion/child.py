"""The converting process: what it does from its first moment to its last.

Theory of operation: a pickle is a program, and torch's reader of those, though it runs
only a part of their language (``weights_only=True``), has let them out twice:
CVE-2025-32434 before torch 2.6, CVE-2026-24747 before 2.10. So this process is made to
be lost. It is bound before it looks at the file (``confinement.py``); the pickle's
opcodes are read without torch, and what calls for anything but tensors is refused by
name (``archive.py``, ``opcodes.py``); then torch is imported, all that is not needed any
more is given up, and only then torch reads the file. Whatever breaks out has no network,
no programs to start, no files to write and few to read, and until the time-out.

It writes the converted file to its standard output, and last a report, one JSON object,
to a pipe. What is printed by others goes to the standard error output. It imports
nothing of weightbank, whose import takes time and memory.
"""

import json
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from services.conversion.archive import check_format
from services.conversion.confinement import confine, limit_memory, memory_limited, seal
from services.conversion.refusal import Refusal
from services.conversion.safetensors_writer import HEADER_BYTES, SafetensorsWriter
from services.conversion.state_dict import check_state_dict, find_state_dict

_PIECE_BYTES = 2**20
# What torch may look at late, beside its own: libraries, and what processor this is.
_SYSTEM = tuple(
    Path(name)
    for name in (
        "/lib",
        "/lib64",
        "/usr/lib",
        "/usr/local/lib",
        "/proc/cpuinfo",
        "/sys/devices/system/cpu",
    )
)


def main(
    *,
    source: int,
    report: int,
    parent: int,
    memory_bytes: int,
    cpu_seconds: float,
    file_bytes: int,
) -> None:
    """Convert one file, say how it went, and end.

    Args:
        source: Descriptor of the pickled checkpoint.
        report: Descriptor that the report goes to.
        parent: Process id of the server.
        memory_bytes: Address space to take beyond that of torch.
        cpu_seconds: Time of a processor to take.
        file_bytes: Largest file to write.
    """
    output = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    confine(parent, cpu_seconds=cpu_seconds)
    conversion = _Conversion(source, output, memory_bytes=memory_bytes, file_bytes=file_bytes)
    verdict = _verdict_of(conversion.convert)
    os.write(report, json.dumps(verdict).encode("ascii"))
    os._exit(0)


def _verdict_of(convert: Callable[[], int]) -> dict[str, str | int | None]:
    """Convert, and return the report of it."""
    try:
        return {"kind": "converted", "size_bytes": convert()}
    except Refusal as refusal:
        return {"kind": refusal.kind, "value": refusal.value, "detail": refusal.detail}
    except Exception as error:  # noqa: BLE001 - whatever it is, the server's log has it
        if _is_want_of_memory(error):
            return {"kind": "memory"}
        traceback.print_exc()
        return {"kind": "failed"}


def _is_want_of_memory(error: Exception) -> bool:
    # torch has no type of its own for it on the CPU.
    words = ("can't allocate memory", "Cannot allocate memory")
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(word in str(error) for word in words)
    )


class _Conversion:
    """One file on its way through this process."""

    def __init__(self, source: int, output: int, *, memory_bytes: int, file_bytes: int) -> None:
        self._source = source
        self._output = output
        self._memory_bytes = memory_bytes
        self._file_bytes = file_bytes

    def convert(self) -> int:
        """Write the converted file, and return its size."""
        is_mapped = self._check()
        self._import()
        state_dict = find_state_dict(self._load(is_mapped=is_mapped))
        file = SafetensorsWriter.of(check_state_dict(state_dict))
        if file.size_bytes > self._file_bytes:
            raise Refusal("large", file.size_bytes)
        if len(file.header) > HEADER_BYTES:
            raise Refusal("unwieldy", len(file.header))
        file.write(self._write)
        return file.size_bytes

    def _check(self) -> bool:
        """Refuse what can be refused without torch; return whether it can be mapped."""
        with (
            memory_limited(self._memory_bytes),
            os.fdopen(self._source, "rb", closefd=False) as file,
        ):
            return check_format(file, os.fstat(self._source).st_size) == "zip"

    def _import(self) -> None:
        """Import torch, and give up what only imports need."""
        import numpy as np  # noqa: PLC0415 - not before the opcodes were read
        import torch  # noqa: PLC0415 - as above

        torch.set_num_threads(1)
        modules = (os.__file__, *np.__path__, *torch.__path__)
        directories = (Path(module).parent for module in modules)
        limit_memory(self._memory_bytes)
        seal([*directories, *_SYSTEM, self._source])

    def _load(self, *, is_mapped: bool) -> Any:
        import torch  # noqa: PLC0415 - it is imported

        path = f"/proc/self/fd/{self._source}"
        try:
            return torch.load(path, map_location="cpu", weights_only=True, mmap=is_mapped)
        except Exception as error:
            if _is_want_of_memory(error):
                raise
            traceback.print_exc()
            raise Refusal("damaged") from None

    def _write(self, data: memoryview) -> None:
        for start in range(0, len(data), _PIECE_BYTES):
            piece = data[start : start + _PIECE_BYTES]
            while piece:
                piece = piece[os.write(self._output, piece) :]
