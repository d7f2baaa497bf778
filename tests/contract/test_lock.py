"""What is installed for a server: all of it locked, by version and by hash."""

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCKS = ("server", "build", "sbom")
# What a server can be started with on any machine; torch is apart, its builds differ.
EXTRAS_OF_A_SERVER = ("server", "postgres", "tracing")
HOW = "make lock"


def project() -> dict[str, Any]:
    """The project's description."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def requirements(path: Path) -> dict[str, Requirement]:
    """The requirements of a file of pip's, by name; those for other systems are left out."""
    text = path.read_text("utf-8").replace("\\\n", " ")
    lines = (re.sub(r"#.*|--hash=\S+", "", line).strip() for line in text.splitlines())
    found = [Requirement(line) for line in lines if line]
    here = [one for one in found if one.marker is None or one.marker.evaluate()]
    return {canonicalize_name(one.name): one for one in here}


def lock(name: str) -> dict[str, Requirement]:
    """What a lock asks for."""
    return requirements(ROOT / "requirements" / f"{name}.txt")


def version_of(requirement: Requirement) -> str:
    """The one version that a requirement admits."""
    (specifier,) = requirement.specifier
    assert specifier.operator == "==", str(requirement)
    return specifier.version


def assert_holds(required: Requirement, locked: dict[str, Requirement]) -> None:
    """A lock has what is required, in a version that will do."""
    name = canonicalize_name(required.name)
    assert name in locked, f"{required}; {HOW}"
    assert version_of(locked[name]) in required.specifier, f"{required}; {HOW}"


def requirements_here(name: str, extras: set[str]) -> Iterator[Requirement]:
    """What an installed package needs on this system."""
    for line in requires(name) or []:
        required = Requirement(line)
        choices = [{"extra": extra} for extra in {"", *extras}]
        if required.marker is None or any(map(required.marker.evaluate, choices)):
            yield required


@pytest.mark.parametrize("name", LOCKS)
def test_everything_locked_has_one_version_and_hashes(name: str) -> None:
    """Else pip would take what an index happens to have."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")
    entries = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ").splitlines()
    assert entries
    for entry in entries:
        assert re.match(r"[a-z0-9-]+(\[[a-z,]+\])?==\S+ ", entry), entry
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry), entry


@pytest.mark.parametrize("path", sorted((ROOT / "requirements").iterdir()), ids=lambda p: p.name)
def test_no_lock_says_where_packages_come_from(path: Path) -> None:
    """That is for whoever installs: a hash is as good from a mirror."""
    text = path.read_text("utf-8")
    assert "://" not in text
    assert not re.search(r"--(extra-)?index|--find-links|--trusted-host", text)


@pytest.mark.parametrize("name", LOCKS)
def test_locks_have_the_versions_that_are_tested(name: str) -> None:
    """Tests run with constraints.txt, servers with a lock: the same versions."""
    tested = requirements(ROOT / "constraints.txt")
    for package, locked in lock(name).items():
        if package in tested:
            assert version_of(locked) == version_of(tested[package]), f"{package}; {HOW}"
    if name == "server":
        assert set(lock(name)) <= set(tested), "constraints.txt lacks what a server installs"


def test_the_lock_has_what_the_project_asks_for() -> None:
    """The library's own dependencies, and those of each extra that a server has."""
    described = project()["project"]
    extras = described["optional-dependencies"]
    lines = list(described["dependencies"])
    for extra in EXTRAS_OF_A_SERVER:
        lines += extras.get(extra, [])
    for line in lines:
        assert_holds(Requirement(line), lock("server"))


def test_the_lock_is_made_of_all_extras_of_a_server() -> None:
    """The command that makes it names those that there are, and no others."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    (line,) = re.findall(r"^\t\$\(LOCK\) .*requirements/server\.txt.*$", makefile, re.MULTILINE)
    there = set(project()["project"]["optional-dependencies"]) & set(EXTRAS_OF_A_SERVER)
    assert set(re.findall(r"--extra (\S+)", line)) == there


@pytest.mark.parametrize("name", LOCKS)
def test_locks_are_closed(name: str) -> None:
    """What a locked package needs is locked too, so that pip looks for nothing else."""
    locked = lock(name)
    looked_at = 0
    for package, requirement in locked.items():
        try:
            needed = list(requirements_here(package, requirement.extras))
        except PackageNotFoundError:
            continue  # the build's own packages are in no test environment
        looked_at += 1
        for one in needed:
            assert_holds(one, locked)
    assert looked_at


def test_a_build_needs_what_its_lock_has() -> None:
    """So that an installation without a build environment of its own finds its backend."""
    asked = requirements(ROOT / "requirements" / "build.in")
    for line in project()["build-system"]["requires"]:
        required = Requirement(line)
        assert str(asked[canonicalize_name(required.name)].specifier) == str(required.specifier)
        assert_holds(required, lock("build"))
    assert "editables" in lock("build"), "hatchling asks for it to install in place"


def test_the_bill_of_materials_is_made_with_the_tool_that_is_tested() -> None:
    """One version, for the build and for tests."""
    supply = [Requirement(line) for line in project()["project"]["optional-dependencies"]["supply"]]
    asked = requirements(ROOT / "requirements" / "sbom.in")["cyclonedx-bom"]
    assert asked in supply
