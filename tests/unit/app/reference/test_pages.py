"""Pages that are made of the code are those of the code."""

import pytest

from app.reference.pages import all_pages
from tests.docs.blocks import ROOT

HOW = "if the change is meant: make reference"


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    """All pages, as they are made now."""
    return all_pages()


@pytest.mark.parametrize(
    "name", ["http.md", "initializers.md", "layers.md", "nonlinearities.md", "presets.md"]
)
def test_a_page_says_what_the_code_does(name: str, made: dict[str, str]) -> None:
    """It was made again after the last change."""
    assert (ROOT / "docs" / "reference" / name).read_text("utf-8") == made[name], HOW


def test_no_page_is_forgotten(made: dict[str, str]) -> None:
    """Each is in the repository."""
    written = {path.name for path in (ROOT / "docs" / "reference").glob("*.md")}
    assert set(made) <= written
