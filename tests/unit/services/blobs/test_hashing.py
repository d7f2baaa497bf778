"""Hashes of content that comes piece by piece."""

from hypothesis import given
from hypothesis import strategies as st

from services.blobs import BlobKey
from services.blobs.hashing import HASH, ContentHash
from tests.blobs import git_key_of, key_of


@given(st.lists(st.binary(max_size=100)), st.sampled_from([key_of, git_key_of]))
def test_any_partition_has_the_hash_of_the_whole(
    pieces: list[bytes], key_of_content: object
) -> None:
    """And no other content has it."""
    content = b"".join(pieces)
    key = key_of_content(content)  # type: ignore[operator]
    hashed = ContentHash(key)
    for piece in pieces:
        hashed.update(piece)
    assert hashed.is_right
    hashed.update(b"x")
    assert not hashed.is_right


def test_git_knows_a_file_by_the_same_hash() -> None:
    """``printf hello | git hash-object --stdin``."""
    hashed = ContentHash(BlobKey("git-sha1:b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0", 5))
    hashed.update(b"hello")
    assert hashed.is_right


def test_no_hash_leads_out_of_the_directory() -> None:
    """They become names of files."""
    assert HASH.fullmatch("sha256:" + 64 * "a")
    for bad in ("sha256:" + 63 * "a", "sha256:../" + 61 * "a", "sha1:" + 40 * "a", 64 * "a"):
        assert not HASH.fullmatch(bad)
    assert not HASH.fullmatch("sha256:" + 64 * "A")
    assert not HASH.fullmatch("sha256:" + 64 * "a" + "\n")
