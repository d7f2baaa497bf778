"""The text of a key."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.keys.key_text import _ALPHABET, KEY_CHARACTERS, is_key_id, make_key, parse_key


def test_a_key_is_read_back() -> None:
    """In both its parts, from a text of one length."""
    made = make_key()
    text = made.reveal()
    assert parse_key(text) == made
    assert len(text) == KEY_CHARACTERS == 75
    assert is_key_id(made.id)


def test_no_two_keys_are_equal() -> None:
    """Neither in their ids nor in their secrets."""
    made = [make_key() for _ in range(200)]
    assert len({key.id for key in made}) == len({key.secret for key in made}) == 200


def test_a_secret_has_more_than_32_random_bytes() -> None:
    """Five bits a character."""
    assert len(make_key().secret) * 5 >= 32 * 8
    assert len(set(_ALPHABET)) == 32


def test_nothing_in_a_key_is_read_as_something_else() -> None:
    """No letter that looks like a digit, and nothing that a shell sees."""
    assert not set(_ALPHABET) & set("ilou")
    assert set(_ALPHABET) <= set(string.ascii_lowercase + string.digits)


KEY = make_key().reveal()


@given(
    position=st.integers(0, KEY_CHARACTERS - 1),
    letter=st.sampled_from(_ALPHABET + "_-ABCilou \n"),
)
def test_one_wrong_letter_is_noticed(position: int, letter: str) -> None:
    """Wherever it is, without asking anybody."""
    wrong = KEY[:position] + letter + KEY[position + 1 :]
    assert (parse_key(wrong) is None) == (wrong != KEY)


@given(position=st.integers(0, KEY_CHARACTERS - 2))
def test_two_letters_the_wrong_way_round_are_noticed(position: int) -> None:
    """A typing error, too."""
    wrong = KEY[:position] + KEY[position + 1] + KEY[position] + KEY[position + 2 :]
    assert (parse_key(wrong) is None) == (wrong != KEY)


@pytest.mark.parametrize(
    "text",
    ["", "wb_", KEY[:-1], KEY + "0", KEY.upper(), KEY + "\n", " " + KEY, KEY * 1000, "wb_é"],
)
def test_what_is_no_key_is_none(text: str) -> None:
    """Of any length."""
    assert parse_key(text) is None


def test_no_text_of_a_key_shows_its_secret() -> None:
    """Nor does its hash's owner."""
    made = make_key()
    assert made.secret not in f"{made!r} {made}"
