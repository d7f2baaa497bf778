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

SEEDS = (20260701, 20260702, 20260703, 20260704)
"""Of one round each, as many as it takes."""

_ALL_PHASES = "examples,coverage,fuzzing,stateful"
_SHARE_OF_FIRST = 0.5
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
    before, cases, seconds = len(target.lines), 0, 0.0
    for seed in SEEDS:
        # All phases first; what they leave to be asked is drawn anew.
        left = math.ceil(_SHARE_OF_FIRST * CASES) if seed == SEEDS[0] else CASES - cases
        phases = _ALL_PHASES if seed == SEEDS[0] else "fuzzing"
        report, output = ask(target, tag, tmp_path, seed=seed, phases=phases, cases=left)
        assert report["failures"] == report["errors"] == [], output
        assert report["complete"], output
        assert report["operations"]["tested"] == OPERATIONS[tag], output
        cases += report["test_cases"]["generated"]
        seconds += report["running_time"]
        if cases >= CASES:
            break
    print(f"{tag}: {cases} cases, {seconds:.0f} s")  # noqa: T201 - a figure to report
    assert cases >= CASES
    answered = [line for line in target.logged()[before:] if line["event"] == "request"]
    assert len(answered) >= CASES
    assert {line["status"] for line in answered if line["status"] >= 500} <= _DOCUMENTED


def ask(
    target: Target, tag: str, directory: Path, *, seed: int, phases: str, cases: int
) -> tuple[dict[str, Any], str]:
    """Have schemathesis ask; return its report, and what it says of it."""
    path = directory / f"{seed}.json"
    excluded = _CHECKS_THAT_DO_NOT_FIT.get(tag, ())
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(_CONFIGURATION)),
        *("run", f"{target.url}/openapi.json", "--no-color", "--seed", str(seed)),
        *("--include-tag", tag, "--max-examples", str(math.ceil(cases / OPERATIONS[tag]))),
        *("--phases", phases, "--report", "json", "--report-json-path", str(path)),
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
    return report, output
