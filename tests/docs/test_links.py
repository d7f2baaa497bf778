"""Every link of the repository's pages leads somewhere, and every test they name exists."""

from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, pages
from tests.docs.links import Link, find_links, find_tests, problem_of, problem_of_test

OTHERS = ["CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"]
PAGES = [*pages(), *(name for name in OTHERS if (ROOT / name).exists())]


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    """To a file of the repository, and to a heading of it."""
    path = ROOT / page
    for link in find_links(path.read_text("utf-8")):
        problem = problem_of(link, page=path, root=ROOT)
        assert problem is None, f"{page}:{link.line}: {link.target} {problem}"


@pytest.mark.parametrize("page", PAGES)
def test_tests_that_are_named_exist(page: str) -> None:
    """What a page says is held by a test is."""
    for link in find_tests((ROOT / page).read_text("utf-8")):
        problem = problem_of_test(link, root=ROOT)
        assert problem is None, f"{page}:{link.line}: {link.target} {problem}"


def test_the_threat_model_names_a_test_for_every_measure() -> None:
    """A row of its tables that has a measure has a test."""
    text = (ROOT / "docs" / "threat-model.md").read_text("utf-8")
    measures = text.split("## Boundaries")[1].split("## What is not protected")[0]
    rows = [line for line in measures.splitlines() if line.startswith("| ")]
    assert len(rows) > 25
    for row in rows:
        assert row.startswith("| threat |") or "`tests/" in row.split(" | ")[2], row


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("there.md", None),
        ("there.md#a-heading", None),
        ("#here", None),
        ("gone.md", "leads nowhere"),
        ("there.md#gone", "there.md has no heading 'gone'"),
        ("../..", "leads out of the repository"),
    ],
)
def test_a_wrong_link_is_noticed(target: str, problem: str | None, tmp_path: Path) -> None:
    """Of a page, of a heading, and beyond the repository."""
    root = tmp_path / "root"
    root.mkdir()
    (root / "page.md").write_text("# Here\n", "utf-8")
    (root / "there.md").write_text("# A heading\n", "utf-8")
    assert problem_of(Link(target, 1), page=root / "page.md", root=root) == problem


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("tests/test_a.py::test_b", None),
        ("tests/test_*.py", None),
        ("tests/test_a.py::test_gone", "has no test_gone"),
        ("tests/test_gone.py", "is no test"),
    ],
)
def test_a_test_that_is_gone_is_noticed(target: str, problem: str | None, tmp_path: Path) -> None:
    """By its file, and by its name."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_a.py").write_text("def test_b() -> None: ...\n", "utf-8")
    assert problem_of_test(Link(target, 1), root=tmp_path) == problem
