"""Keys and servers in processes of their own: who starts, and who is let in."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.database import database_url, open_database
from services.keys.store import SqlKeyStore
from tests.keys import new_key
from tests.servers import SECONDS, environment, serving, start, wait_until

pytestmark = pytest.mark.slow

ANYWHERE = "0.0.0.0"  # noqa: S104 - it is refused, or asks for keys


def keys(tmp_path: Path, *arguments: str, said: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command beside servers."""
    completed = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "app", "keys", *arguments],
        env=environment(tmp_path),
        input=said,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert completed.returncode == 0, completed.stderr
    return completed


def make(tmp_path: Path, *scopes: str, **fields: Any) -> str:
    """Make a key as the command does, which another test runs: a process takes seconds."""
    text, key = new_key(scopes=scopes, **fields)
    directory = tmp_path / "data"
    directory.mkdir(exist_ok=True)
    database = open_database(database_url("", data_directory=directory))
    assert SqlKeyStore(database).add(key)
    database.dispose()
    return text.reveal()


def test_others_cannot_reach_a_server_without_keys(tmp_path: Path) -> None:
    """It does not start, and says in a line what to do; nothing has listened by then."""
    refused = start(tmp_path, host=ANYWHERE, port="0")
    assert refused.returncode == 1
    assert refused.stdout == ""
    (line,) = refused.stderr.splitlines()
    for said in (
        "weightbank cannot start: others can reach WEIGHTBANK_HOST '0.0.0.0'",
        "python -m app keys create --label NAME --scope admin",
        "WEIGHTBANK_KEYS=required",
        "WEIGHTBANK_KEYS=off",
    ):
        assert said in line


def test_keys_that_count_no_more_are_none(tmp_path: Path) -> None:
    """A server that nobody can use does not start either."""
    key = keys(tmp_path, "create", "--label", "test", "--scope", "admin").stdout.strip()
    keys(tmp_path, "revoke", "-", said=f"{key}\n")
    assert start(tmp_path, host=ANYWHERE, port="0").returncode == 1


@pytest.mark.parametrize("mode", ["auto", "required", "off"])
def test_others_can_reach_a_server_that_knows_who_may(tmp_path: Path, mode: str) -> None:
    """With a key, or the word that one will come, or that none is needed."""
    if mode == "auto":
        make(tmp_path, "read")
    settings = environment(tmp_path, host=ANYWHERE, port="0", keys=mode)
    process = subprocess.Popen(
        [sys.executable, "-m", "app"], env=settings, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        port = process.stdout.readline().strip().rpartition(":")[2]
        answer = httpx.get(f"http://127.0.0.1:{port}/v1/presets", timeout=SECONDS)
        assert answer.status_code == (200 if mode == "off" else 401)
    finally:
        process.kill()
        process.communicate()


def test_a_revoked_key_ends_on_every_server(tmp_path: Path) -> None:
    """Both took it a moment ago; both refuse it soon, and neither has its text in the log."""
    key = make(tmp_path, "write")
    headers = {"Authorization": f"Bearer {key}"}
    with (
        serving(tmp_path, keys="required") as (one, first),
        serving(tmp_path, keys="required") as (other, second),
        httpx.Client(headers=headers, timeout=SECONDS) as client,
    ):
        for url in (one, other):
            assert client.get(f"{url}/v1/presets").status_code == 200
        keys(tmp_path, "revoke", "-", said=f"{key}\n")
        for url in (one, other):
            wait_until(lambda url=url: client.get(f"{url}/v1/presets").status_code == 401)
        assert client.get(f"{one}/v1/presets").json()["code"] == "invalid_key"
        logged = []
        for process in (first, second):
            process.send_signal(signal.SIGTERM)
            logged.extend(process.communicate(timeout=SECONDS))
    text = "".join(logged)
    assert key.split("_")[1] in text
    assert key.split("_")[2][:10] not in text


def test_two_servers_never_send_more_than_a_quota(tmp_path: Path) -> None:
    """And what they held is everybody's once they have stopped."""
    quota = 100_000
    key = make(tmp_path, "write", bytes_per_day=quota)
    headers = {"Authorization": f"Bearer {key}", "Accept-Encoding": "identity"}
    received = 0
    with (
        serving(tmp_path, keys="required") as (one, first),
        serving(tmp_path, keys="required") as (other, second),
        httpx.Client(headers=headers, timeout=SECONDS) as client,
    ):
        codes: list[int] = []
        while codes[-2:] != [429, 429]:  # of one server each
            index = len(codes)
            answer = client.get(f"{(one, other)[index % 2]}/v1/nonlinearities")
            codes.append(answer.status_code)
            received += len(answer.content) if answer.status_code == 200 else 0
            assert len(codes) < 200
        assert set(codes) == {200, 429}
        assert received <= quota
        for process in (first, second):
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=SECONDS)
    (listed,) = json.loads(keys(tmp_path, "list", "--json").stdout)
    assert listed["bytes_today"] == received
    assert listed["used_at"] is not None
