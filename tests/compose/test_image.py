"""The image: small rights, nothing to compile, and everything by name."""

import json
from pathlib import Path

from tests.compose.engine import docker

PROOF = """
import importlib, pkgutil
from numba.core.dispatcher import Dispatcher
from weightbank import kernels
from weightbank.backends.cpu import CpuBackend

CpuBackend().warm_up()
loaded = compiled = 0
for found in pkgutil.iter_modules(kernels.__path__):
    module = importlib.import_module(f"weightbank.kernels.{found.name}")
    for value in vars(module).values():
        if isinstance(value, Dispatcher) and value.py_func.__module__ == module.__name__:
            loaded += sum(value.stats.cache_hits.values())
            compiled += sum(value.stats.cache_misses.values())
print(loaded, compiled)
"""

_CONFINED = ("run", "--rm", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges")
_WITH_TMP = (*_CONFINED, "--tmpfs=/tmp", "--entrypoint=python")


def _kernels(image: str, *options: str) -> tuple[int, int]:
    said = docker(*_WITH_TMP, *options, image, "-c", PROOF, timeout_seconds=300)
    loaded, compiled = said.split()
    return int(loaded), int(compiled)


def test_a_start_compiles_nothing(image: str) -> None:
    """All machine code was made when the image was built."""
    loaded, compiled = _kernels(image)
    assert loaded > 0
    assert compiled == 0


def test_a_processor_that_lacks_an_instruction_compiles_for_itself(image: str) -> None:
    """What was shipped for others is left, and their own code is made below /tmp."""
    loaded, compiled = _kernels(image, "--env=NUMBA_ENABLE_AVX=0")
    assert loaded == 0
    assert compiled > 0


def test_nobody_is_root_and_nothing_can_be_written(image: str) -> None:
    """Not the program, not its packages, not the system."""
    script = """
import os, tempfile
print(os.getuid(), os.getgid())
for directory in ("/", "/opt/weightbank", "/srv/weightbank", "/data"):
    try:
        tempfile.TemporaryFile(dir=directory).close()
        print(directory)
    except OSError:
        pass
"""
    said = docker("run", "--rm", "--entrypoint=python", image, "-c", script).split()
    assert said == ["10001", "10001", "/data"]


def test_no_compiler_is_left(image: str) -> None:
    """Nor pip in the environment of the server, nor anything that it downloaded."""
    script = "command -v gcc cc make git curl /opt/weightbank/bin/pip; ls -A /root/.cache; true"
    said = docker("run", "--rm", "--entrypoint=sh", "--user=0", image, "-c", script)
    assert said.split() == []


def test_it_says_what_it_is_and_consists_of(image: str, root: Path) -> None:
    """Labels, and a bill of materials that lists what the server needs."""
    (known,) = json.loads(docker("image", "inspect", image))
    labels = known["Config"]["Labels"]
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert f'version = "{labels["org.opencontainers.image.version"]}"' in (
        root / "pyproject.toml"
    ).read_text("utf-8")
    listed = docker(
        "run", "--rm", "--entrypoint=cat", image, "/usr/share/doc/weightbank/sbom.cdx.json"
    )
    names = {component["name"].lower() for component in json.loads(listed)["components"]}
    assert {"numba", "fastapi", "sqlalchemy", "psycopg"} <= names


def test_commands_are_arguments(image: str) -> None:
    """``docker run weightbank keys create`` is ``python -m app keys create``."""
    arguments = ("keys", "create", "--label", "test", "--scope", "read")
    said = docker(*_CONFINED, "--tmpfs=/tmp", image, *arguments)
    assert said.startswith("wb_")
