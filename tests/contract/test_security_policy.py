"""SECURITY.md: true of this version, and without a dead end."""

import re
from pathlib import Path

import pytest

from app.settings import PREFIX, Settings
from tests.contract.test_lock import project

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "SECURITY.md").read_text("utf-8")


def test_this_version_is_supported() -> None:
    """A release that nobody fixes is not made."""
    major, minor, _ = project()["project"]["version"].split(".")
    assert f"| {major}.{minor} | yes |" in TEXT


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)h][^)]*)\)", TEXT))))
def test_what_it_points_to_is_there(target: str) -> None:
    """In the repository."""
    assert (ROOT / target).exists()


def test_settings_that_it_names_are_settings() -> None:
    """Else somebody relies on one that nobody reads."""
    named = set(re.findall(rf"\b{PREFIX}(\w+)", TEXT))
    assert named
    assert {name.lower() for name in named} <= set(Settings.model_fields)


def test_reports_go_where_the_project_is() -> None:
    """Privately, and to no address that might belong to nobody."""
    project_url = project()["project"]["urls"]["Changelog"].split("/blob/")[0]
    assert f"{project_url}/security/advisories/new" in TEXT
    assert not re.search(r"[\w.]+@[\w-]+\.\w+", TEXT)
