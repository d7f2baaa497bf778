"""Every block of code of README.md and docs/ does what its page says."""

from collections.abc import Callable

import pytest

from tests.docs.blocks import ROOT, pages, read_blocks
from tests.docs.page_runner import PageRunner


@pytest.mark.parametrize("page", [page for page in pages() if read_blocks(page)])
def test_a_reader_can_follow_the_page(page: str, runner_of: Callable[[str], PageRunner]) -> None:
    """Its blocks run in order, print what it says they print, and its specs resolve."""
    runner = runner_of((ROOT / page).read_text("utf-8"))
    for block in read_blocks(page):
        runner.run(block)
