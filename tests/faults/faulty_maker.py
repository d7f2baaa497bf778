"""A worker that makes chunks on the processor, and fails by plan.

Such a process stands for a GPU's: what a fault does to its server is the same.
"""

import ctypes
import json
import os
import threading
from collections.abc import Sequence

from services.devices.makers import CpuMaker
from weightbank.pieces import Piece


class FaultyMaker(CpuMaker):
    """Does what its plan says when it meets certain bytes.

    The plan, in JSON: ``fault`` is ``segv``, ``exit``, ``hang`` or ``raise``; it happens
    at the byte ``offset`` (null: at any) of a tensor of ``dtype``; ``once`` is the path of
    a file whose existence says that it has happened already, so that it does so once.
    """

    def __init__(self, argument: str) -> None:
        super().__init__(argument)
        plan = json.loads(argument)
        self._fault = plan["fault"]
        self._where = plan["dtype"], plan["offset"]
        self._once = plan.get("once")

    def make(self, pieces: Sequence[Piece], out: memoryview, *, buffer: int) -> None:
        """Fail, or make them."""
        if self._is_met(pieces) and self._is_due():
            # Half a chunk is written: nobody may take that for a whole one.
            out[: len(out) // 2] = b"?" * (len(out) // 2)
            self._fail()
        super().make(pieces, out, buffer=buffer)

    def _is_met(self, pieces: Sequence[Piece]) -> bool:
        dtype, offset = self._where
        return any(piece.dtype.name == dtype and offset in {None, piece.offset} for piece in pieces)

    def _is_due(self) -> bool:
        if self._once is None:
            return True
        try:
            os.close(os.open(self._once, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
        return True

    def _fail(self) -> None:
        match self._fault:
            case "segv":
                ctypes.string_at(0)
            case "exit":
                os._exit(3)
            case "hang":
                threading.Event().wait()
            case "raise":
                raise RuntimeError("out of memory")
