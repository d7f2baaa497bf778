"""What containers are made and run with, checked without an engine."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from app.environment_example import environment_example
from app.settings import PREFIX, Settings, load_settings

ROOT = Path(__file__).parents[3]
COMPOSE = ROOT / "docker-compose.yml"
EXAMPLE = ROOT / ".env.example"
DOCKERFILES = [ROOT / "Dockerfile", *sorted(ROOT.glob("tests/compose/stand_ins/*/Dockerfile"))]
HOW = "if the change is meant: python -m app.environment_example > .env.example"


def tool(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program that was installed beside this Python."""
    command = [str(Path(sys.executable).with_name(name)), *arguments]
    return subprocess.run(  # noqa: S603 - a program of ours
        command, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The compose file, its anchors resolved."""
    reader = YAML(typ="safe", pure=True)
    parsed: dict[str, Any] = reader.load(COMPOSE)
    return parsed


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_hadolint_finds_nothing(path: Path) -> None:
    """Not even a matter of style."""
    finished = tool("hadolint", "--config", str(ROOT / ".hadolint.yaml"), str(path))
    assert (finished.returncode, finished.stdout + finished.stderr) == (0, "")


def test_the_compose_file_is_one() -> None:
    """By the schema of the Compose specification."""
    finished = tool("check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE))
    assert finished.returncode == 0, finished.stdout + finished.stderr


def test_every_service_is_confined_and_bounded(compose: dict[str, Any]) -> None:
    """Its file system is only read, no rights are to be gained, and what it takes is bounded."""
    for name, service in compose["services"].items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["restart"] == "unless-stopped", name
        assert service["init"], name
        assert {"cpus", "memory", "pids"} <= set(service["deploy"]["resources"]["limits"]), name
        assert service["logging"]["options"]["max-size"], name
    root = {"postgres"}  # begins as root, and says why
    for name, service in compose["services"].items():
        assert name in root or "build" in service or service["user"], name


def test_nothing_is_published_beyond_this_machine(compose: dict[str, Any]) -> None:
    """Whoever wants that has to say so."""
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_servers_have_time_to_finish(compose: dict[str, Any]) -> None:
    """The engine kills later than they end by themselves."""
    stated = compose["services"]["server"]["stop_grace_period"]
    found = re.fullmatch(r"\$\{STOP_GRACE_PERIOD:-(\d+)s\}", stated)
    assert found is not None
    assert int(found[1]) >= Settings().shutdown_timeout_seconds + 10


def test_images_have_a_version(compose: dict[str, Any]) -> None:
    """None is whatever came last."""
    for service in compose["services"].values():
        found = re.fullmatch(r"\$\{[A-Z]+_IMAGE:-(.+):(.+)\}", service["image"])
        assert found is not None, service["image"]
        assert "latest" not in found[2]


def test_the_example_has_every_setting() -> None:
    """With its default and its description, as the code has them."""
    text = EXAMPLE.read_text("utf-8")
    assert text == environment_example(), HOW
    for name in Settings.model_fields:
        assert f"\n#{PREFIX}{name.upper()}=" in text


def test_the_example_has_every_variable_of_the_compose_file() -> None:
    """With the same default."""
    text = EXAMPLE.read_text("utf-8")
    asked = re.findall(r"\$\{([A-Z_]+):-([^{}]*)\}", COMPOSE.read_text("utf-8"))
    assert len(asked) > 20
    for name, default in asked:
        if not name.startswith(PREFIX):
            assert f"\n#{name}={default}\n" in text, name


def test_the_defaults_of_the_example_are_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    """Taking away each mark of a comment changes nothing."""
    lines = re.findall(rf"^#({PREFIX}[A-Z_]+)=(.*)$", EXAMPLE.read_text("utf-8"), re.MULTILINE)
    assert len(lines) == len(Settings.model_fields)
    usual = Settings()
    for name, value in lines:
        monkeypatch.setenv(name, value)
    assert load_settings(dict(lines)) == usual
