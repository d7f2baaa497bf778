"""What callers read of a conversion, whatever its process says."""

import json
import signal
from typing import Any

import pytest

from services.conversion.process import Ending
from services.conversion.refusal import KINDS
from services.conversion.verdicts import _WORDS, check_ending
from services.hub.errors import ConversionError

BOUNDS = {"memory_bytes": 2**30, "timeout_seconds": 0.5, "file_bytes": 2**20}


def ending(report: Any = None, **changes: Any) -> Ending:
    """How a process ended that wrote ten bytes."""
    fields = {"status": 0, "printed": b"", "is_late": False, "is_large": False}
    data = report if isinstance(report, bytes) else json.dumps(report).encode("ascii")
    return Ending(**{**fields, "report": data, "written_bytes": 10, **changes})


def message_of(report: Any = None, **changes: Any) -> str:
    """What a caller reads of an ending."""
    with pytest.raises(ConversionError) as caught:
        check_ending(ending(report, **changes), BOUNDS)
    return str(caught.value)


def test_a_report_of_what_was_written_is_believed() -> None:
    """Nothing is raised."""
    check_ending(ending({"kind": "converted", "size_bytes": 10}), BOUNDS)


def test_every_kind_has_words() -> None:
    """Those that the process reports, and those that only the server sees."""
    assert set(_WORDS) == KINDS | {"crashed", "slow"}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_can_be_said(kind: str) -> None:
    """With its value, its detail and the bounds."""
    message = message_of({"kind": kind, "value": "fc", "detail": "int"})
    assert message.partition(" ")[0] == _WORDS[kind][0]
    assert "{" not in message


@pytest.mark.parametrize(
    ("report", "message"),
    [
        (
            {"kind": "code", "value": "posix.system", "detail": ""},
            (
                "global 'posix.system' is called for by the pickle, and no state dict needs it: it "
                "can run code; accepted: pickles that call for torch's tensors and "
                "collections.OrderedDict alone"
            ),
        ),
        (
            {"kind": "entry", "value": "epoch", "detail": "int"},
            (
                "entry 'epoch' of the state dict is of type int, and is no tensor; accepted: a "
                "dict of tensors by name, or one under state_dict, model, or their _ema kin"
            ),
        ),
        (
            {"kind": "large", "value": 2097152},
            (
                "bytes 2097152 would be the size of the converted file; accepted: 1,048,576 bytes "
                "or fewer"
            ),
        ),
    ],
)
def test_refusals_say_what_is_wrong_with_what(report: dict[str, Any], message: str) -> None:
    """In one sentence."""
    assert message_of(report) == message


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"is_late": True, "status": -signal.SIGKILL}, "takes too long to be converted"),
        ({"status": -signal.SIGXCPU}, "what takes 0.5 s or less"),
        ({"is_large": True, "status": -signal.SIGKILL}, "would be the size of the converted file"),
        ({"status": -signal.SIGKILL}, "needs too much memory"),
        ({"status": -signal.SIGSEGV}, "ended the process that converted it (signal 11)"),
        ({"status": 1}, "ended the process that converted it (status 1)"),
    ],
)
def test_how_a_process_died_is_told(changes: dict[str, Any], words: str) -> None:
    """Even if it has reported success."""
    assert words in message_of({"kind": "converted", "size_bytes": 10}, **changes)


@pytest.mark.parametrize(
    "report",
    [
        b"",
        b"\xff",
        b"[" * 60_000,
        [],
        None,
        {},
        {"kind": "nonsense"},
        {"kind": ["code"]},
        {"kind": "slow"},
        {"kind": "converted"},
        {"kind": "converted", "size_bytes": 11},
        {"kind": "converted", "size_bytes": "10"},
    ],
)
def test_what_is_no_report_is_a_crash(report: Any) -> None:
    """So is a report of more or less than was written."""
    assert "ended the process that converted it (status 0)" in message_of(report)


@pytest.mark.parametrize("told", ["<script>\n", "x" * 10_000, {"a": 1}, None, 7, "{memory_bytes}"])
def test_words_of_the_process_are_not_passed_on(told: Any) -> None:
    """It may be a pickle's by now: details are single words, and values are quoted."""
    message = message_of({"kind": "tensor", "value": told, "detail": told})
    assert " is another; accepted: " in message
    assert message.isprintable()
    assert len(message) < 300
