"""Secrets in text that came from outside."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.redaction import cut, redact
from services.keys.key_text import make_key

TOKEN = "hf_" + "aB3" * 11
KEY = make_key().reveal()


@pytest.mark.parametrize("secret", [TOKEN, KEY])
@pytest.mark.parametrize(
    "around",
    [
        "{}",
        "/v1/specs/{}",
        "/v1/{}/weights",
        "seed=1&x={}&dtype=float32",
        "prefix{}",
        "Authorization: Bearer {}",
        "{{'x-hf-token': '{}'}}",
        "https://u:{}@hub.example/x",
        "ü\n\x00{}\u2028",
    ],
)
def test_tokens_and_keys_go_wherever_they_stand(secret: str, around: str) -> None:
    """In whatever is around them; what is around stays, mostly."""
    assert secret not in redact(around.format(secret))
    assert secret[-12:] not in redact(around.format(secret))


@pytest.mark.parametrize("times", [1, 2, 3])
def test_percent_signs_hide_nothing(times: int) -> None:
    """Nor do percent signs that hide percent signs."""
    hidden = TOKEN.replace("_", "%5F").replace("h", "%68")
    for _ in range(times - 1):
        hidden = hidden.replace("%", "%25")
    assert TOKEN[3:] not in redact(f"seed=1&x={hidden}")


@pytest.mark.parametrize(
    "name",
    [
        "token",
        "hub_token",
        "X-HF-Token",
        "access_token",
        "api_key",
        "apikey",
        "key",
        "password",
        "secret",
        "sig",
        "X-Amz-Signature",
        "Authorization",
        "auth",
        "cookie",
        "client_secret_1",
    ],
)
def test_parameters_that_are_called_secrets_lose_their_values(name: str) -> None:
    """Whatever the value looks like, as queries have it and as documents do."""
    assert redact(f"seed=1&{name}=opaque-value") == f"seed=1&{name}=[redacted]"
    assert "opaque" not in redact(f'{{"{name}": "opaque value"}}')


def test_the_public_part_of_a_key_stays() -> None:
    """It says whose key that was."""
    assert redact(KEY).startswith(f"wb_{KEY.split('_')[1]}_")


@pytest.mark.parametrize(
    "text",
    [
        "/v1/weights/" + "0123456789abcdef" * 4,
        "seed=42&dtype=bfloat16",
        "revision=main&file=model.safetensors&num_classes=10",
        "Authorization is missing; accepted: Authorization: Bearer wb_...",
        "layers[3].bias: unknown key; accepted: name, type",
        "monkey=1",
        "100% of basic tokenizers",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    """Paths, queries and our own messages."""
    assert redact(text) == text


def test_many_secrets_at_once_are_hidden_as_one() -> None:
    """Taking them out one by one would take long."""
    assert redact("token=a&" * 1000) == "[redacted]"


def test_a_long_text_is_read_as_far_as_a_few_kilobytes() -> None:
    """And says how long it was."""
    shown = redact("a" * 100_000)
    assert len(shown) < 5000
    assert "100000 characters" in shown
    assert cut("abc", most_characters=3) == "abc"


@given(st.text(max_size=200), st.text(string.ascii_letters, min_size=6, max_size=40))
def test_no_text_around_saves_a_token(before: str, rest: str) -> None:
    """Whatever stands before it, and however often it is done."""
    shown = redact(f"{before}hf_{rest}")
    assert f"hf_{rest}" not in shown
    assert redact(shown) == shown


@given(st.text(max_size=300))
def test_any_text_can_be_redacted(text: str) -> None:
    """Half pairs of UTF-16 among it."""
    redact(text).encode()
    redact(text + "\ud800").encode()
