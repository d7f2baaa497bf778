"""Links of Markdown pages, and where they lead."""

import itertools
import re
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

_NOT_OURS = ("http://", "https://", "mailto:")
_TEST = re.compile(r"tests/[\w/.-]+")


@dataclass(frozen=True, slots=True)
class Link:
    """A link of a page.

    Attributes:
        target: As it is written.
        line: Near which it stands, from 1.
    """

    target: str
    line: int


def find_links(text: str) -> list[Link]:
    """Return the links of a page to places of the repository.

    Examples:
        >>> find_links("See [a](b.md#c), [d](https://e.example) and `[f](g.md)`.")
        [Link(target='b.md#c', line=1)]
    """
    return [
        Link(str(token.attrs["href"]), line)
        for token, line in _inline(text)
        if token.type == "link_open" and not str(token.attrs["href"]).startswith(_NOT_OURS)
    ]


def find_tests(text: str) -> list[Link]:
    """Return the tests that a page names, as ``path`` or ``path::function``.

    Examples:
        >>> find_tests("Held by `tests/unit/test_promise.py::test_ranges`.")
        [Link(target='tests/unit/test_promise.py::test_ranges', line=1)]
    """
    return [
        Link(token.content, line)
        for token, line in _inline(text)
        if token.type == "code_inline" and _TEST.match(token.content) and " " not in token.content
    ]


def problem_of(link: Link, *, page: Path, root: Path) -> str | None:
    """Return what is wrong with a link, or None."""
    path, _, anchor = link.target.partition("#")
    target = (page.parent / path).resolve() if path else page
    if not target.exists():
        return "leads nowhere"
    if not target.is_relative_to(root):
        return "leads out of the repository"
    if anchor and anchor not in anchors(target.read_text("utf-8")):
        return f"{target.name} has no heading {anchor!r}"
    return None


def problem_of_test(link: Link, *, root: Path) -> str | None:
    """Return what is wrong with a test that a page names, or None."""
    path, _, function = link.target.partition("::")
    if "*" in path:
        return None if list(root.glob(path)) else "is no test"
    if not (root / path).exists():
        return "is no test"
    if function and f"def {function}(" not in (root / path).read_text("utf-8"):
        return f"has no {function}"
    return None


def anchors(text: str) -> set[str]:
    """Return what a link can name in a page, as GitHub and MyST make it of headings.

    Examples:
        >>> sorted(anchors("# The spec" + chr(10) + "## What's `new`, here?"))
        ['the-spec', 'whats-new-here']
    """
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    found: set[str] = set()
    for opening, inline in itertools.pairwise(tokens):
        if opening.type == "heading_open":
            words = "".join(child.content for child in inline.children or ())
            slug = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
            number = 1
            unique = slug
            while unique in found:
                unique, number = f"{slug}-{number}", number + 1
            found.add(unique)
    return found


def _inline(text: str) -> list[tuple[Token, int]]:
    """Return all that stands within paragraphs and cells, with its line."""
    found, line = [], 1
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        if token.map is not None:
            line = token.map[0] + 1
        found += [(child, line) for child in token.children or ()]
    return found
