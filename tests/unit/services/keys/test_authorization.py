"""The Authorization header."""

import pytest

from services.keys.authorization import read_authorization
from services.keys.errors import InvalidKeyError, MissingKeyError
from services.keys.key_text import make_key

KEY = make_key()
TEXT = KEY.reveal()


@pytest.mark.parametrize(
    "value",
    [
        f"Bearer {TEXT}",
        f"bearer {TEXT}",
        f"BEARER {TEXT}",
        f"  Bearer \t {TEXT}\t ",
    ],
)
def test_a_key_is_found(value: str) -> None:
    """However the scheme and the spaces are written."""
    assert read_authorization([value]) == KEY


@pytest.mark.parametrize("values", [[], [""], ["  ", "\t"]])
def test_nothing_is_a_missing_key(values: list[str]) -> None:
    """Also an empty header."""
    with pytest.raises(MissingKeyError):
        read_authorization(values)


@pytest.mark.parametrize(
    "values",
    [
        ["Bearer"],
        ["Bearer "],
        [TEXT],
        [f"Bearer{TEXT}"],
        [f"Basic {TEXT}"],
        [f"Token {TEXT}"],
        [f"Bearer {TEXT} {TEXT}"],
        [f"Bearer {TEXT},"],
        [f'Bearer "{TEXT}"'],
        [f"Bearer Bearer {TEXT}"],
        [f"Bearer {TEXT[:-1]}"],
        [f"Bearer {TEXT}x"],
        [f"Bearer {TEXT.upper()}"],
        [f"Bearer \xa0{TEXT}"],
        ["Bearer \xff\x00" + "x" * 60_000],
        [f"Bearer {TEXT}", f"Bearer {TEXT}"],
        ["", f"Bearer {TEXT}"],
        ["Bearer hf_aaaaaaaaaaaaaaaaaaaa"],
    ],
)
def test_anything_else_is_refused_unseen(values: list[str]) -> None:
    """The message has nothing of what was sent."""
    with pytest.raises(InvalidKeyError) as caught:
        read_authorization(values)
    shown = f"{caught.value} {caught.value!r} {caught.value.value!r}"
    assert KEY.secret[:8] not in shown.lower()
    assert "hf_" not in shown
    assert len(shown) < 300
