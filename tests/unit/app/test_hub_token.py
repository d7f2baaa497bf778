"""The caller's own token of the Hub."""

import pytest
from starlette.requests import Request

from app.hub_token import read_hub_token
from services.hub.errors import InvalidHubTokenError

TOKEN = "hf_abcDEF0123"  # noqa: S105 - it opens nothing


def request(*values: str) -> Request:
    """A request that brings these tokens."""
    headers = [(b"x-hf-token", value.encode("latin-1")) for value in values]
    return Request({"type": "http", "headers": headers})


@pytest.mark.parametrize("values", [(), ("",), (" ",), ("", "")])
def test_a_request_need_not_bring_one(values: tuple[str, ...]) -> None:
    """An empty header is none."""
    assert read_hub_token(request(*values)) is None


@pytest.mark.parametrize(
    "value", [TOKEN, f" {TOKEN} ", f"Bearer {TOKEN}", f"bearer {TOKEN}", f"BEARER  {TOKEN}"]
)
def test_a_token_is_read_as_people_send_it(value: str) -> None:
    """Alone, or as the Hub itself takes it."""
    assert read_hub_token(request(value)) == TOKEN


@pytest.mark.parametrize(
    "values",
    [
        ("two words",),
        ("Bearer",),
        ("Bearer ",),
        ("Bearer two words",),
        (f"Basic {TOKEN}",),
        ("hf_\xe9",),
        ("hf_\x7f",),
        ("hf_tab\tin",),
        ("x" * 513,),
        (TOKEN, TOKEN),
        (TOKEN, ""),
        ("", TOKEN),
    ],
)
def test_what_cannot_be_a_token_is_refused(values: tuple[str, ...]) -> None:
    """Nothing of it is shown: it may be one that was mistyped."""
    with pytest.raises(InvalidHubTokenError) as caught:
        read_hub_token(request(*values))
    assert str(caught.value) == (
        "X-HF-Token is not a token; accepted: one token of the Hub, as in hf_..., without spaces"
    )
    assert repr(caught.value.value) == ""


def test_the_longest_token_is_taken() -> None:
    """As the Hub's client takes it."""
    assert read_hub_token(request("x" * 512)) == "x" * 512
