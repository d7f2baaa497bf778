"""The list of what is installed: complete, with licences, and the same each time."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from packaging.utils import canonicalize_name

from tests.contract.test_lock import ROOT, lock, version_of

TOOL = Path(sys.executable).with_name("cyclonedx-py")
TIMEOUT_SECONDS = 120


def make_bill(path: Path, **environment: str) -> bytes:
    """What the build's script lists of the environment that runs the tests.

    The build checks its own, smaller list against CycloneDX's schema; of this one it takes long.
    """
    inherited = {key: value for key, value in os.environ.items() if key != "SOURCE_DATE_EPOCH"}
    script = str(ROOT / "docker" / "sbom.sh")
    subprocess.run(  # noqa: S603 - the project's own script
        ["/bin/sh", script, sys.executable, str(path), str(TOOL), "--no-validate"],
        env=inherited | environment,
        check=True,
        timeout=TIMEOUT_SECONDS,
    )
    return path.read_bytes()


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A list as the build makes it."""
    return make_bill(tmp_path_factory.mktemp("bill") / "sbom.json")


@pytest.fixture(scope="module")
def bill(text: bytes) -> dict[str, Any]:
    """The same, read."""
    read: dict[str, Any] = json.loads(text)
    return read


def test_it_lists_all_that_a_server_installs(bill: dict[str, Any]) -> None:
    """With the versions of the lock."""
    listed = {canonicalize_name(one["name"]): one["version"] for one in bill["components"]}
    for name, requirement in lock("server").items():
        assert listed[name] == version_of(requirement)


def test_it_has_the_licence_of_each(bill: dict[str, Any]) -> None:
    """A platform team asks for them first."""
    named = {canonicalize_name(one["name"]): one for one in bill["components"]}
    assert [name for name in lock("server") if not named[name].get("licenses")] == []


def test_it_is_of_this_project(bill: dict[str, Any]) -> None:
    """In the format that it says."""
    subject = bill["metadata"]["component"]
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert (subject["name"], subject["licenses"][0]["license"]["id"]) == (
        "weightbank",
        "Apache-2.0",
    )


def test_it_is_the_same_each_time(text: bytes, tmp_path: Path) -> None:
    """No serial number and no clock: two builds can be compared."""
    assert make_bill(tmp_path / "again.json") == text
    assert b"timestamp" not in text
    assert b"serialNumber" not in text


def test_its_time_is_the_one_that_the_build_says(tmp_path: Path) -> None:
    """SOURCE_DATE_EPOCH, as elsewhere in reproducible builds."""
    dated = json.loads(make_bill(tmp_path / "dated.json", SOURCE_DATE_EPOCH="1700000000"))
    assert dated["metadata"]["timestamp"].startswith("2023-11-14T22:13:20")
