"""Keys, required by a line in ``.env``."""

import httpx
import pytest

from tests.compose.conftest import SPEC, YAML
from tests.compose.stack import Stack


@pytest.fixture(scope="module", autouse=True)
def _up(stack: Stack) -> None:
    stack.set(WEIGHTBANK_KEYS="required", WEIGHTBANK_LIMIT_RANGES="3")
    stack.up()


def test_nobody_gets_in_without_a_key(stack: Stack) -> None:
    """Though the server is healthy."""
    with stack.client() as client:
        assert client.get("/readyz").status_code == httpx.codes.OK
        answer = client.post("/v1/specs", content=SPEC, headers=YAML)
    assert answer.status_code == httpx.codes.UNAUTHORIZED


def test_a_key_that_was_made_inside_opens(stack: Stack) -> None:
    """``docker compose exec`` makes it beside the server that runs."""
    arguments = ("keys", "create", "--label", "test", "--scope", "write")
    key = stack.compose("exec", "server", "python", "-m", "app", *arguments).strip()
    bearer = {"Authorization": f"Bearer {key}"}
    with stack.client() as client:
        answer = client.post("/v1/specs", content=SPEC, headers={**YAML, **bearer})
    assert answer.status_code == httpx.codes.CREATED


def test_settings_of_env_reach_the_server(stack: Stack) -> None:
    """All of them do, as they stand there."""
    said = stack.compose("exec", "server", "printenv", "WEIGHTBANK_LIMIT_RANGES")
    assert said.strip() == "3"
