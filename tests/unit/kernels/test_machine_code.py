"""Machine code that an installation ships is found on all processors that can run it."""

import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numba
import pytest
from numba.core.codegen import get_host_cpu_features

from weightbank.kernels.instruction_sets import INSTRUCTION_SETS, USUAL, runs_on
from weightbank.kernels.machine_code import SHIPPED

SOURCE = """
from weightbank.kernels.compile import kernel

@kernel
def twice(number):
    return 2 * number
"""

COMPILE = "import doubling; doubling.twice(21)"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A file with one kernel, in a directory of its own."""
    path = tmp_path / "package" / "doubling.py"
    path.parent.mkdir()
    path.write_text(SOURCE, "utf-8")
    return path


def ship(source: Path, *, features: str) -> None:
    """Compile for a processor with some features, and put the code where it is shipped."""
    kept = source.parent.parent / "kept"
    variables = {
        "NUMBA_CPU_NAME": "generic",
        "NUMBA_CPU_FEATURES": features,
        "NUMBA_CACHE_DIR": str(kept),
    }
    subprocess.run(  # noqa: S603 - this interpreter, and a text from above
        [sys.executable, "-c", COMPILE],
        cwd=source.parent,
        env={**os.environ, **variables},
        check=True,
        capture_output=True,
    )
    (source.parent / SHIPPED).mkdir()
    for file in kept.glob("*/*.nb[ci]"):
        shutil.copy(file, source.parent / SHIPPED)


def loads(source: Path, own: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """How often a kernel's code was found, when a new process would look for it."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(own))
    monkeypatch.syspath_prepend(source.parent)
    sys.modules.pop("doubling", None)
    module = importlib.import_module("doubling")
    assert module.twice(21) == 42
    return sum(module.twice.stats.cache_hits.values())


def a_feature_of_this_processor() -> str:
    """Something it has, as LLVM calls it."""
    host = get_host_cpu_features().split(",")
    return next(name for name in host if name.startswith("+"))


def test_code_for_a_processor_of_less_is_taken(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What needs nothing that is not here is loaded, though another processor was named."""
    ship(source, features=a_feature_of_this_processor())
    assert loads(source, tmp_path / "own", monkeypatch) == 1


def test_code_for_a_processor_of_more_is_left(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What needs an instruction that is not here is compiled anew, and kept."""
    absent = "avx10.2" if "x86" in USUAL.get(os.uname().machine, "") else "sme2p1"
    assert not runs_on(f"+{absent}", get_host_cpu_features())
    ship(source, features=f"+{absent}")
    assert loads(source, tmp_path / "own", monkeypatch) == 0
    assert loads(source, tmp_path / "own", monkeypatch) == 1


def test_shipped_code_that_is_broken_is_left(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that was cut short costs time, not answers."""
    ship(source, features="")
    (index,) = (source.parent / SHIPPED).glob("*.nbi")
    index.write_bytes(index.read_bytes()[:50])
    assert loads(source, tmp_path / "own", monkeypatch) == 0


def test_code_is_found_where_no_directory_can_be_written(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file system that is only read needs no place for other machine code."""
    ship(source, features="")
    blocked = tmp_path / "blocked"
    blocked.write_text("no directory", "utf-8")
    (source.parent / "__pycache__").write_text("no directory", "utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    assert loads(source, blocked, monkeypatch) == 1


@pytest.mark.parametrize("name", sorted(INSTRUCTION_SETS))
def test_every_feature_is_written_out(name: str) -> None:
    """An index says by itself what code needs: features are named, none is taken away."""
    features = INSTRUCTION_SETS[name].features.split(",")
    assert features
    assert all(feature.startswith("+") for feature in features)
