"""The compose file, brought up as an operator does it, from a directory of its own."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import httpx

from tests.compose.engine import ROOT, docker
from tests.ports import free_port

UP_SECONDS = 300
ANSWER_SECONDS = 120

_FILES = ("docker-compose.yml", "docker")


class Stack:
    """One project of compose, with ports, volumes and an ``.env`` of its own.

    Attributes:
        directory: Where its files are.
        project: Its name.
    """

    def __init__(self, directory: Path, images: Mapping[str, str], *, has_init: bool) -> None:
        self.directory = directory
        self.project = f"weightbank-test-{os.getpid()}-{free_port()}"
        self._ports = {
            name: free_port() for name in ("SERVER", "BALANCER", "PROMETHEUS", "GRAFANA")
        }
        self._images = dict(images)
        for name in _FILES:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, directory / name)
        self._write_override(has_init=has_init)
        self.set()

    def _write_override(self, *, has_init: bool) -> None:
        """Leave out what this engine lacks, and nothing else."""
        services = ("server", "replica", "balancer", "postgres", "prometheus")
        lines = [f"  {service}: {{init: {str(has_init).lower()}}}\n" for service in services]
        override = self.directory / "docker-compose.override.yml"
        override.write_text("services:\n" + "".join(lines), "utf-8")

    def set(self, **variables: str) -> None:
        """Write ``.env``: what the test's own images and ports need, and some variables."""
        ports = {f"{name}_PORT": str(port) for name, port in self._ports.items()}
        everything = {**ports, **self._images, "SERVER_CPUS": "1", **variables}
        text = "".join(f"{name}='{value}'\n" for name, value in everything.items())
        (self.directory / ".env").write_text(text, "utf-8")

    def compose(self, *arguments: str, timeout_seconds: int = UP_SECONDS) -> str:
        """Run ``docker compose``, and return what it printed.

        Raises:
            EngineError: With all it said, if it failed.
        """
        return docker(
            *self._command(*arguments),
            timeout_seconds=timeout_seconds,
            cwd=self.directory,
            env=self._environment(),
        )

    def begin(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a command of compose, and wait for nothing."""
        return subprocess.Popen(  # noqa: S603 - a command of this test
            ["docker", *self._command(*arguments)],  # noqa: S607 - as in engine.py
            cwd=self.directory,
            env=self._environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def up(self, *arguments: str) -> None:
        """Bring services up, and wait until they are healthy."""
        self.compose("up", "--no-build", "--detach", "--wait", *arguments)

    def down(self) -> None:
        """Remove everything but the image."""
        self.compose("--profile", "*", "down", "--volumes", "--timeout", "1", "--remove-orphans")

    def containers(self, service: str) -> list[str]:
        """Return the ids of a service's running containers."""
        return self.compose("ps", "--quiet", service).split()

    def url(self, name: str = "SERVER") -> str:
        """Return where a published port is."""
        return f"http://127.0.0.1:{self._ports[name]}"

    def client(self, name: str = "SERVER") -> httpx.Client:
        """Return a client of a published port."""
        return httpx.Client(base_url=self.url(name), timeout=ANSWER_SECONDS)

    def said(self) -> str:
        """Return the last lines of every service, and how they are."""
        state = self.compose("--profile", "*", "ps", "--all")
        return state + self.compose("--profile", "*", "logs", "--no-color", "--tail", "60")

    def inspected(self, container: str) -> dict[str, object]:
        """Return what the engine knows of a container."""
        (found,) = json.loads(docker("inspect", container))
        known: dict[str, object] = found
        return known

    def _command(self, *arguments: str) -> list[str]:
        return ["compose", "--project-name", self.project, *arguments]

    def _environment(self) -> dict[str, str]:
        """Return this process's variables without those that ``.env`` is to decide."""
        mine = ("WEIGHTBANK_", "COMPOSE_", "POSTGRES_", *self._images, *self._ports)
        return {name: value for name, value in os.environ.items() if not name.startswith(mine)}
