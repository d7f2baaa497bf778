"""The Docker engine of this machine: whether there is one, and what it can do."""

import functools
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
STAND_INS = Path(__file__).with_name("stand_ins")

_PROBE_SECONDS = 60
_BUILD_SECONDS = 1800


class EngineError(Exception):
    """What a command of Docker's said before it failed."""


def docker(
    *arguments: str,
    timeout_seconds: int = _PROBE_SECONDS,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> str:
    """Run a command, and return what it printed.

    Args:
        arguments: Of it.
        timeout_seconds: Until it is killed.
        cwd: Where it runs; here if not given.
        env: Its variables; ours if not given.

    Raises:
        EngineError: With all it said, if it failed.
    """
    finished = subprocess.run(  # noqa: S603 - a command of this test
        ["docker", *arguments],  # noqa: S607 - where it is depends on the engine
        capture_output=True,
        text=True,
        timeout=timeout_seconds,
        cwd=cwd,
        env=env,
        check=False,
    )
    if finished.returncode:
        said = (finished.stdout + finished.stderr)[-8000:]
        raise EngineError(f"docker {' '.join(arguments)} ended with {finished.returncode}:\n{said}")
    return finished.stdout


def reason_to_skip() -> str | None:
    """Return why nothing can be tested here, or None."""
    if shutil.which("docker") is None:
        return "there is no docker"
    try:
        docker("info", "--format", "{{.ServerVersion}}")
        docker("compose", "version")
    except EngineError as error:
        return f"there is no Docker engine with compose: {error}"
    return None


@functools.cache
def build_network() -> str:
    """Return the network that builds need: the host's, where containers reach nothing outside."""
    forwards = docker("info", "--format", "{{.IPv4Forwarding}}").strip()
    return "default" if forwards == "true" else "host"


@functools.cache
def has_init(image: str) -> bool:
    """Whether the engine can put an init process before that of an image."""
    try:
        docker("run", "--rm", "--init", "--entrypoint", "true", image)
    except EngineError as error:
        if "docker-init" in str(error):
            return False
        raise
    return True


def image_of(name: str, official: str) -> str:
    """Return an image to test with: the official one, or a stand-in where that is not to be had.

    Args:
        name: Of the service, and of the stand-in's directory.
        official: The image that the compose file names.
    """
    wanted = os.environ.get("WB_TEST_STAND_INS") != "1"
    if wanted and (image_id(official) or _pulled(official)):
        return official
    tag = f"weightbank-stand-in-{name}"
    directory = str(STAND_INS / name)
    network = build_network()
    docker("build", "--network", network, "-t", tag, directory, timeout_seconds=_BUILD_SECONDS)
    return tag


def image_id(image: str) -> str | None:
    """Return the id of an image that is here, or None."""
    try:
        return docker("image", "inspect", "--format", "{{.Id}}", image).strip()
    except EngineError:
        return None


def _pulled(image: str) -> bool:
    try:
        docker("pull", "--quiet", image, timeout_seconds=300)
    except (EngineError, subprocess.TimeoutExpired):
        return False
    return True
