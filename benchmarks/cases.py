"""Files of one tensor that are fetched from a server, and what they are compared with."""

import hashlib
from dataclasses import dataclass
from typing import Any

import weightbank
from benchmarks.server import Server

COLUMNS = 2**13
CHECKED_BYTES = 2**26
PEER = "nginx, sendfile"
"""Name of the case that all others are compared with."""


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of file.

    Attributes:
        name: What is in it.
        server: That sends it.
        path: Where it is.
        size_bytes: It has.
    """

    name: str
    server: Server
    path: str
    size_bytes: int


def specs(size_bytes: int) -> dict[str, tuple[dict[str, Any], str]]:
    """Return a spec and a dtype by name, each for about ``size_bytes`` of one tensor."""

    def matrix(init: object, element_bytes: int = 4) -> dict[str, Any]:
        rows = size_bytes // element_bytes // COLUMNS
        layer = {"name": "fc", "type": "Linear", "in_features": COLUMNS, "out_features": rows}
        return {"layers": [layer | {"bias": False, "init": init}]}

    constant = {"type": "constant", "val": 0.02}
    vector = {"name": "scale", "type": "Parameter", "shape": [size_bytes // 4], "init": constant}
    return {
        "normal": (matrix("kaiming_normal"), "float32"),
        "uniform": (matrix("kaiming_uniform"), "float32"),
        "constant": ({"layers": [vector]}, "float32"),
        "bfloat16 normal": (matrix("kaiming_normal", 2), "bfloat16"),
    }


def cases(server: Server, size_bytes: int) -> list[Case]:
    """Store the specs and return what is fetched."""
    found = []
    for name, (spec, dtype) in specs(size_bytes).items():
        path = f"{server.register(spec)}?dtype={dtype}&seed="
        size = weightbank.weights(spec, seed=0, dtype=dtype).size_bytes
        found.append(Case(name, server, path, size))
    return found


def check(server: Server) -> None:
    """Compare what the service sends with what the library makes in this process."""
    for name, (spec, dtype) in specs(CHECKED_BYTES).items():
        file = weightbank.weights(spec, seed=1, dtype=dtype)
        digest = hashlib.sha256()
        for chunk in file.chunks():
            digest.update(chunk)
        status, body = server.fetch("GET", f"{server.register(spec)}?dtype={dtype}&seed=1")
        if status != 200 or hashlib.sha256(body).digest() != digest.digest():  # noqa: PLR2004
            raise SystemExit(f"{name}: the service's bytes are not the library's")


def path_of(case: Case, seed: int) -> str:
    """Return where a case's file of a seed is."""
    return case.path if case.name == PEER else f"{case.path}{seed}"
