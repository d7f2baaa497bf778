"""Splits a block where it says what a command prints.

Comment lines right below a command are its output. In Python only those right below a
``print(...)`` are, since comments there mostly speak of the next line::

    sha256sum model.safetensors
    # b25384f9...  model.safetensors

``...`` stands for any text in a line, and alone on a line for any lines.
"""

import ast
import re
import subprocess
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Segment:
    """Code, and what it prints.

    Attributes:
        line: On which it begins, counted from 0 in its block.
        code: To be run at once.
        expected: Lines that it prints, or None if nothing is said of them.
    """

    line: int
    code: str
    expected: tuple[str, ...] | None


def split_shell(code: str) -> list[Segment]:
    r"""Split commands of a shell.

    Examples:
        >>> [segment.expected for segment in split_shell("# a note\necho 1\n# 1\necho 2\n")]
        [('1',), None]
    """
    lines = code.splitlines(keepends=True)
    ends, begin = [], 0
    for index, line in enumerate(lines):
        if index == 0 or not _is_comment(line) or index < begin:
            continue
        above = lines[index - 1]
        if above.strip() and not _is_comment(above) and _is_complete("".join(lines[begin:index])):
            ends.append(index)
            begin = _end_of_comments(lines, index)
    return _cut(lines, ends)


def split_python(code: str) -> list[Segment]:
    r"""Split statements of Python.

    Examples:
        >>> split_python("print(1)\n# 1\n")
        [Segment(line=0, code='print(1)\n', expected=('1',))]
    """
    lines = code.splitlines(keepends=True)
    ends = [
        node.end_lineno
        for node in ast.parse(code).body
        if _is_print(node) and node.end_lineno is not None and node.end_lineno < len(lines)
    ]
    return _cut(lines, [end for end in ends if _is_comment(lines[end])])


def is_printed(expected: tuple[str, ...], printed: str) -> bool:
    r"""Whether lines are what was printed.

    Examples:
        >>> is_printed(("a...c", "..."), "abc\nand\nmore\n")
        True
        >>> is_printed(("a",), "a\nb\n")
        False
    """
    patterns = [
        r"(?:.*\n)*" if line.strip() == "..." else _line_pattern(line) + r"[ \t]*\n"
        for line in expected
    ]
    ended = printed if printed.endswith("\n") or not printed else printed + "\n"
    return re.fullmatch("".join(patterns), ended) is not None


def _line_pattern(line: str) -> str:
    return ".*".join(re.escape(part) for part in line.rstrip().split("..."))


def _cut(lines: list[str], ends: list[int]) -> list[Segment]:
    segments, begin = [], 0
    for end in ends:
        after = _end_of_comments(lines, end)
        expected = tuple(
            line.removeprefix("#").removeprefix(" ").rstrip("\n") for line in lines[end:after]
        )
        segments.append(Segment(begin, "".join(lines[begin:end]), expected))
        begin = after
    rest = "".join(lines[begin:])
    return [*segments, Segment(begin, rest, None)] if rest.strip() else segments


def _end_of_comments(lines: list[str], start: int) -> int:
    while start < len(lines) and _is_comment(lines[start]):
        start += 1
    return start


def _is_comment(line: str) -> bool:
    return line.startswith("# ") or line.strip() == "#"


def _is_print(node: ast.stmt) -> bool:
    if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Call):
        return False
    called = node.value.func
    return isinstance(called, ast.Name) and called.id == "print"


def _is_complete(code: str) -> bool:
    """Whether a shell would not read on, as within quotes or a here-document."""
    command = ["bash", "-n"]  # reads, and runs nothing
    found = subprocess.run(command, input=code, capture_output=True, text=True, check=False)  # noqa: S603
    return found.returncode == 0 and not found.stderr and not code.rstrip().endswith("\\")
