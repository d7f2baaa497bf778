"""The tests of stores, on the PostgreSQL of the compose file."""

import os
import socket
import subprocess
import sys
from typing import Any

import pytest

from tests.compose.engine import ROOT
from tests.compose.stack import Stack
from tests.databases import POSTGRES

_PASSWORD = "of-this-test-alone"  # noqa: S105 - as it says
_PORT = 5432
_CONNECT_SECONDS = 10
_TESTS_SECONDS = 600


@pytest.fixture(scope="module")
def address(stack: Stack) -> str:
    """Of a database that may be emptied; nothing publishes it, so it is had by its container's."""
    stack.set(POSTGRES_PASSWORD=_PASSWORD)
    stack.up("postgres")
    (container,) = stack.containers("postgres")
    settings: Any = stack.inspected(container)["NetworkSettings"]
    (network,) = settings["Networks"].values()
    host = network["IPAddress"]
    try:
        socket.create_connection((host, _PORT), _CONNECT_SECONDS).close()
    except OSError as error:
        pytest.skip(f"addresses of containers cannot be reached from here: {error}")
    return f"postgresql://weightbank:{_PASSWORD}@{host}:{_PORT}/weightbank"


def test_stores_keep_to_their_tests_there(address: str) -> None:
    """Every test that is for both databases passes, and none is passed over."""
    environment = {name: value for name, value in os.environ.items() if name != "WB_TEST_COMPOSE"}
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "postgres", "tests"],
        cwd=ROOT,
        env={**environment, POSTGRES: address},
        capture_output=True,
        text=True,
        timeout=_TESTS_SECONDS,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout
    summary = ran.stdout.strip().splitlines()[-1]
    assert " passed" in summary, summary
    assert " skipped" not in summary, summary
