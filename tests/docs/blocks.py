"""Code blocks of a page, and what a page says of them.

An HTML comment right before a block, ``<!-- not run: REASON -->``, says that it cannot run
on a machine that runs tests, and why. Readers do not see it.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]

_MARK = re.compile(r"<!--\s*not run:\s*(?P<reason>.*?)\s*-->", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One fenced block.

    Attributes:
        page: Where it stands, from the root of the repository.
        line: Of the page, on which its first line of code stands, from 1.
        language: As the fence names it; empty where it does not.
        code: What is in it.
        reason: Why it is not run, or None if it is.
    """

    page: str
    line: int
    language: str
    code: str
    reason: str | None = None

    @property
    def place(self) -> str:
        """Where it stands, as an editor jumps to it."""
        return f"{self.page}:{self.line}"


def pages() -> list[str]:
    """Return all pages whose blocks are run, from the root of the repository."""
    found = (ROOT / "docs").rglob("*.md")
    pages = (path.relative_to(ROOT).as_posix() for path in found if "_build" not in path.parts)
    return ["README.md", *sorted(pages)]


def read_blocks(page: str) -> list[Block]:
    """Return the blocks of a page in the repository."""
    return find_blocks((ROOT / page).read_text("utf-8"), page=page)


def find_blocks(text: str, *, page: str) -> list[Block]:
    """Return the blocks of a page, in order.

    Directives of Sphinx, which are written as fences, are none.

    Examples:
        >>> text = "<!-- not run: needs a GPU -->" + chr(10) + "```sh" + chr(10) + "true"
        >>> find_blocks(text, page="a.md")
        [Block(page='a.md', line=3, language='sh', code='true', reason='needs a GPU')]
    """
    blocks, mark = [], None
    for token in MarkdownIt("commonmark").parse(text):
        if token.type == "fence":
            if not token.info.startswith("{"):
                blocks.append(_block(token, page=page, reason=mark))
            mark = None
        elif token.type == "html_block":
            found = _MARK.search(token.content)
            mark = None if found is None else found["reason"]
        elif token.type == "code_block":
            blocks.append(_block(token, page=page, reason=None))
        elif token.type.endswith("_open") and token.type != "list_item_open":
            mark = None
    return blocks


def _block(token: Token, *, page: str, reason: str | None) -> Block:
    assert token.map is not None
    is_fence = token.type == "fence"
    return Block(
        page=page,
        line=token.map[0] + (2 if is_fence else 1),
        language=token.info.strip() if is_fence else "indented",
        code=token.content,
        reason=reason,
    )
