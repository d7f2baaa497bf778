"""Names are held to the Hub's rules before anybody is asked."""

import pytest
from huggingface_hub.utils import validate_repo_id
from hypothesis import given
from hypothesis import strategies as st

from services.hub.errors import (
    InvalidFileError,
    InvalidRepositoryError,
    InvalidRevisionError,
)
from services.hub.references import is_commit, parse_file, parse_repository, parse_revision

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    "name", ["gpt2", "openai-community/gpt2", "timm/resnet50.a1_in1k", "_a/b_", "A" * 96]
)
def test_names_of_repositories_are_taken(name: str) -> None:
    """With an owner and without."""
    assert parse_repository(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/",
        "a/",
        "/a",
        "a/b/c",
        "a//b",
        "..",
        "a/..",
        "../a",
        "a..b",
        "a--b/c",
        "-a/b",
        "a/b-",
        "a./b",
        "a/.b",
        "a/b.git",
        "a b/c",
        "a/b\n",
        "a/b%2e",
        "a/b?c",
        "a/b#c",
        "a@b/c",
        "café/crème",
        "a\\b",
        "a/b\x00",
        "A" * 97,
        "a/" + "b" * 95,
    ],
)
def test_other_names_are_no_repositories(name: str) -> None:
    """The error says what one looks like."""
    with pytest.raises(InvalidRepositoryError, match="accepted: owner/name or name"):
        parse_repository(name)


@given(st.text(alphabet="aZ9._-/ é%", max_size=12))
def test_what_is_taken_the_library_takes_too(name: str) -> None:
    """Else a caller would see an error of a library."""
    try:
        parse_repository(name)
    except InvalidRepositoryError:
        return
    validate_repo_id(name)


@pytest.mark.parametrize(
    "name", ["main", "v1.0", "refs/pr/4", "feature/größe", COMMIT, "a" * 256, "@", "a-b_c+d"]
)
def test_names_of_revisions_are_taken(name: str) -> None:
    """Branches, tags, proposals and commits."""
    assert parse_revision(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a" * 257,
        "/main",
        "main/",
        "a//b",
        "a..b",
        "..",
        "a/../b",
        ".hidden",
        "a/.b",
        "a.",
        "a.lock",
        "-option",
        "a\\b",
        "a@{1}",
        "a%2fb",
        "a b",
        "a\tb",
        "a\nb",
        "a\x00b",
        "a\x7fb",
        "a~1",
        "a^",
        "a:b",
        "a?b",
        "a*b",
        "a[b",
        "a\u2028b",
        "a\ud800b",
    ],
)
def test_other_names_are_no_revisions(name: str) -> None:
    """The error says what one looks like."""
    with pytest.raises(InvalidRevisionError, match="accepted: a branch, a tag"):
        parse_revision(name)


def test_only_whole_lowercase_hashes_are_commits() -> None:
    """Anything else may move."""
    assert is_commit(COMMIT)
    for moving in ("main", COMMIT[:39], COMMIT.upper(), COMMIT + "0", COMMIT[:-1] + "\n"):
        assert not is_commit(moving)


@pytest.mark.parametrize(
    "path", ["model.safetensors", "unet/model.safetensors", "a b/ö.bin", ".gitattributes", "a..b"]
)
def test_paths_of_files_are_taken(path: str) -> None:
    """In folders too, and with whatever letters."""
    assert parse_file(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/etc/passwd",
        "a/",
        "a//b",
        ".",
        "..",
        "../a",
        "a/../b",
        "a/./b",
        "a/..",
        "a\\b",
        "a\x00b",
        "a\nb",
        "a\ud800b",
        "a" * 1025,
    ],
)
def test_other_paths_are_no_files(path: str) -> None:
    """None leads out of its repository."""
    with pytest.raises(InvalidFileError, match="accepted: a path within the repository"):
        parse_file(path)


def test_long_names_are_shown_in_part() -> None:
    """An error must not repeat a megabyte."""
    with pytest.raises(InvalidRepositoryError) as caught:
        parse_repository("a" * 2**20)
    assert len(str(caught.value)) < 500
