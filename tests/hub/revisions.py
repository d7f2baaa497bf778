"""Revisions in the paths of requests."""

import re
from collections.abc import Sequence


def split_revision(segments: Sequence[str]) -> tuple[str, str]:
    """Return the revision that a path begins with, and the rest of it.

    Args:
        segments: Of the path, unquoted one by one: a slash within one was quoted.

    Examples:
        >>> split_revision(["refs/pr/1", "a", "b.txt"])
        ('refs/pr/1', 'a/b.txt')
        >>> split_revision(["refs", "pr", "1", "a"])
        ('refs/pr/1', 'a')
    """
    if re.fullmatch(r"refs/(pr|convert)/[^/]+", "/".join(segments[:3])):
        return "/".join(segments[:3]), "/".join(segments[3:])
    return "/".join(segments[:1]), "/".join(segments[1:])
