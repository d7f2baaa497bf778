"""A block is not run only for a reason that is one, and where a list says so."""

from collections import Counter

import pytest

from tests.docs.blocks import ROOT, find_blocks, pages, read_blocks
from tests.docs.not_run import NOT_RUN, REASONS

HOW = "add it to tests/docs/not_run.py if it cannot run where tests do"


@pytest.mark.parametrize("page", pages())
def test_marks_are_known(page: str) -> None:
    """Each has a reason, and is counted."""
    found = Counter(block.reason for block in read_blocks(page) if block.reason is not None)
    assert set(found) <= REASONS
    assert dict(found) == NOT_RUN.get(page, {}), HOW


def test_no_page_is_counted_that_is_gone() -> None:
    """The list is of pages that there are, and no reason is kept for later."""
    assert set(NOT_RUN) <= set(pages())
    assert {reason for counts in NOT_RUN.values() for reason in counts} == REASONS


@pytest.mark.parametrize("page", pages())
def test_marks_cannot_be_seen(page: str) -> None:
    """A line that begins with a percent sign is a comment in Sphinx, and text elsewhere."""
    for line in (ROOT / page).read_text("utf-8").splitlines():
        assert not line.startswith("% "), "write <!-- not run: REASON -->"


@pytest.mark.parametrize(
    "between", ["A paragraph.\n\n", "# A heading\n\n", "```sh\ntrue\n```\n\n", "- item\n\n"]
)
def test_a_mark_is_of_the_next_block_alone(between: str) -> None:
    """Something between the two, and it is of none."""
    text = f"<!-- not run: needs a GPU -->\n\n{between}```sh\nfalse\n```\n"
    assert find_blocks(text, page="a.md")[-1].reason is None


def test_a_mark_may_span_lines_and_stand_in_a_list() -> None:
    """As the block that it is of."""
    text = "- one\n\n  <!-- not run:\n  needs a GPU -->\n  ```sh\n  false\n  ```\n"
    (block,) = find_blocks(text, page="a.md")
    assert (block.reason, block.code) == ("needs a GPU", "false\n")
