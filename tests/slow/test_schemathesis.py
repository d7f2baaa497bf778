"""Thousands of requests that the interface's description allows, and as many that it does not.

schemathesis makes them from ``/openapi.json`` and holds each answer against it: documented
status, media type, headers and schema; what breaks the schema is refused, what keeps to it
is not; an unknown method is answered with 405 and Allow; no server error.
"""

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.contract.update_openapi import openapi_document
from tests.slow.conftest import Target

CASES = 2000
"""Of each group of routes, at least."""

_CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
_ROOT = Path(__file__).parents[2]
_SECONDS = 600
_DOCUMENTED = {503, 504, 507}

_CHECKS_THAT_DO_NOT_FIT = {
    # DELETE makes room on the disk; whoever asks again gets the file from the Hub anew.
    "checkpoints": ("use_after_free",),
}


def operations() -> dict[str, int]:
    """How many operations each group of routes has."""
    counts: dict[str, int] = {}
    for methods in openapi_document()["paths"].values():
        for operation in methods.values():
            counts[operation["tags"][0]] = counts.get(operation["tags"][0], 0) + 1
    return counts


OPERATIONS = operations()


@pytest.mark.slow
@pytest.mark.parametrize("tag", OPERATIONS)
def test_a_group_of_routes_keeps_its_word(target: Target, tag: str, tmp_path: Path) -> None:
    """Thousands of answers are as described, and none is an error that is not."""
    before = len(target.lines)
    report, output = ask(target, tag, tmp_path)
    assert report["failures"] == report["errors"] == [], output
    assert report["complete"], output
    assert report["operations"]["tested"] == OPERATIONS[tag], output
    assert report["test_cases"]["generated"] >= CASES, output
    answered = [line for line in target.logged()[before:] if line["event"] == "request"]
    assert len(answered) >= CASES
    assert {line["status"] for line in answered if line["status"] >= 500} <= _DOCUMENTED


def ask(target: Target, tag: str, directory: Path) -> tuple[dict[str, Any], str]:
    """Have schemathesis ask; return its report, and what it says of it."""
    path = directory / "report.json"
    excluded = _CHECKS_THAT_DO_NOT_FIT.get(tag, ())
    command = [
        *(sys.executable, "-m", "schemathesis.cli"),
        *("--config-file", str(_CONFIGURATION)),
        *("run", f"{target.url}/openapi.json", "--no-color"),
        *("--include-tag", tag, "--max-examples", str(math.ceil(CASES / OPERATIONS[tag]))),
        *("--report", "json", "--report-json-path", str(path)),
        *(("--exclude-checks", ",".join(excluded)) if excluded else ()),
    ]
    done = subprocess.run(  # noqa: S603 - our own words
        command,
        cwd=_ROOT,
        env=os.environ | {"WEIGHTBANK_TEST_KEY": target.key},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    output = done.stdout + done.stderr
    assert path.exists(), output
    report: dict[str, Any] = json.loads(path.read_text("utf-8"))
    print(f"{tag}: {report['test_cases']['generated']} cases, {report['running_time']:.0f} s")  # noqa: T201
    return report, output
