"""How kernels are compiled: nothing is fused, and no directory needs to be writable."""

import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numba
import pytest

from weightbank.kernels.compile import kernel

INSPECTION = """
import importlib, json, pkgutil, re
from numba.core.dispatcher import Dispatcher
from weightbank import kernels
from weightbank.backends.cpu import CpuBackend

CpuBackend().warm_up()
fused = re.compile(r"\\bv?fn?m(add|sub)|\\bf(n?mla|n?mls|n?madd|n?msub)\\b")
aligned = re.compile(r"and[q]?\\s+\\$-64, %rsp")
report = {}
for found in pkgutil.iter_modules(kernels.__path__):
    module = importlib.import_module(f"weightbank.kernels.{found.name}")
    for name, value in vars(module).items():
        own = isinstance(value, Dispatcher) and value.py_func.__module__ == module.__name__
        if own and "forceinline" not in value.targetoptions:
            texts = list(value.inspect_asm().values())
            report[f"{found.name}.{name}"] = {
                "lines": sum(text.count(chr(10)) for text in texts),
                "products": sum(len(re.findall(r"mul[ps]s|fmul", text)) for text in texts),
                "vectors": sum(len(re.findall("pmuludq", text)) for text in texts),
                "aligned": sum(len(aligned.findall(text)) for text in texts),
                "fused": sum(len(fused.findall(text)) for text in texts),
            }
print(json.dumps(report))
"""

SOURCE = """
from weightbank.kernels.compile import kernel

@kernel
def twice(number):
    return 2 * number
"""


@pytest.fixture(autouse=True)
def _machine_code_beside_the_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory chosen for all of numba would hide what these tests look at."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, int]]:
    """What stands in the machine code of every kernel, compiled afresh."""
    directory = tmp_path_factory.mktemp("numba")
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(directory)}
    finished = subprocess.run(  # noqa: S603 - this interpreter, and a text from above
        [sys.executable, "-c", INSPECTION],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    parsed: dict[str, dict[str, int]] = json.loads(finished.stdout)
    return parsed


def test_warm_up_compiles_every_kernel(report: dict[str, dict[str, int]]) -> None:
    """After ``warm_up`` no kernel is left to be compiled during a request."""
    assert "fill.fill" in report
    assert [name for name, code in report.items() if code["lines"] == 0] == []


def test_nothing_is_fused(report: dict[str, dict[str, int]]) -> None:
    """No fused multiply-add stands in any kernel's machine code, though products do."""
    assert report["normal.normal_tile"]["products"] > 0
    assert report["orthogonal.update"]["products"] > 0
    assert [name for name, code in report.items() if code["fused"]] == []


@pytest.mark.skipif(platform.machine() != "x86_64", reason="looks for an x86-64 instruction")
def test_philox_is_vectorised(report: dict[str, dict[str, int]]) -> None:
    """Philox multiplies several lanes at once: two products a round, of two counters."""
    assert report["philox.tile_words"]["vectors"] >= 2 * 9 * 2


@pytest.mark.skipif(platform.machine() != "x86_64", reason="looks for an x86-64 instruction")
@pytest.mark.parametrize("name", ["philox.tile_words", "normal.normal_tile"])
def test_the_stack_begins_at_a_cache_line(report: dict[str, dict[str, int]], name: str) -> None:
    """Where Python left it must not decide how fast a kernel is."""
    assert report[name]["aligned"] >= 1


def loaded(path: Path) -> Any:
    """Return a module loaded from a file, under a name of its own."""
    specification = importlib.util.spec_from_file_location(path.stem, path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_without_a_directory_for_machine_code() -> None:
    """A function for which no directory can be found is compiled all the same."""
    names: dict[str, Any] = {}
    exec(compile(SOURCE, "<nowhere>", "exec"), names)  # noqa: S102 - a text from above
    assert names["twice"](21) == 42


def test_directory_that_stops_being_writable(tmp_path: Path) -> None:
    """Machine code that cannot be kept after all is no error."""
    path = tmp_path / "stopped.py"
    path.write_text(SOURCE, "utf-8")
    module = loaded(path)
    shutil.rmtree(tmp_path / "__pycache__")
    (tmp_path / "__pycache__").write_text("no directory", "utf-8")
    assert module.twice(21) == 42


def test_machine_code_is_kept_and_a_broken_file_is_not_trusted(tmp_path: Path) -> None:
    """The second process loads what the first one kept; if it is cut short, it compiles."""
    path = tmp_path / "kept.py"
    path.write_text(SOURCE, "utf-8")
    assert loaded(path).twice(21) == 42
    (index,) = (tmp_path / "__pycache__").glob("*.nbi")
    again = loaded(path)
    assert again.twice(21) == 42
    assert sum(again.twice.stats.cache_hits.values()) == 1
    index.write_bytes(index.read_bytes()[:50])
    broken = loaded(path)
    assert broken.twice(21) == 42
    assert sum(broken.twice.stats.cache_hits.values()) == 0


def test_kernels_of_all_files_make_the_stamp() -> None:
    """Kept machine code is stale when any file changed that it may be made from."""
    stamps = {
        kernel(function.py_func)._cache._cache_file._source_stamp
        for function in (_own("fill", "fill"), _own("normal", "normal_tile"))
    }
    assert len(stamps) == 1
    assert len(stamps.pop()) == 64


def _own(module: str, name: str) -> Any:
    return getattr(importlib.import_module(f"weightbank.kernels.{module}"), name)
