"""The pages build without a warning, and load nothing from elsewhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, pages

_LOADED = re.compile(
    r"""<(?:script|img|iframe|link|source|embed|object)\b[^>]*?\b(?:src|href|data)="([^"]*)\""""
    r"""|url\(\s*['"]?([^)'"]+)|@import\s+['"]([^'"]+)"""
)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages, as ``make docs`` makes them."""
    folder = tmp_path_factory.mktemp("html")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-n", "-q", "-E"]
    command += ["-d", str(folder / "doctrees"), "-b", "html", str(ROOT / "docs"), str(folder)]
    made = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    assert made.returncode == 0, made.stderr
    return folder


def test_every_page_is_built(built: Path) -> None:
    """And stands in the table of contents, or the build would have warned."""
    for page in pages():
        if page.startswith("docs/"):
            assert (built / page.removeprefix("docs/")).with_suffix(".html").exists(), page


def test_pages_load_nothing_from_elsewhere(built: Path) -> None:
    """No font, script, style or picture of another host: a cluster may have no way out."""
    loaded = set()
    for path in (*built.rglob("*.html"), *built.rglob("*.css")):
        for found in _LOADED.finditer(path.read_text("utf-8")):
            loaded.add(next(group for group in found.groups() if group is not None))
    assert any(target.endswith(".css") or ".css?" in target for target in loaded)
    foreign = {target for target in loaded if re.match(r"(https?:)?//", target)}
    assert not foreign


def test_links_to_code_lead_into_the_repository(built: Path) -> None:
    """What is no page is linked where it is kept."""
    text = (built / "ray.html").read_text("utf-8")
    assert 'href="https://github.com/weightbank/weightbank/blob/main/benchmarks/' in text
