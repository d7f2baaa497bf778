"""Log lines that no client can end, begin or forge."""

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.logs import make_logger
from app.trace_context import CURRENT, RequestIds
from app.tracing import NoTracing

NASTY = '"}\n{"event": "forged", "level": "error"}\r\n\x1b[31m\u2028\u0085\x00\ud800'


def lines(line_format: str = "json", **fields: Any) -> list[str]:
    """What a logger writes of an event with these fields, split as any reader would."""
    stream = io.StringIO()
    make_logger("info", stream=stream, line_format=line_format).info("request", **fields)
    return stream.getvalue().splitlines()


@given(st.text())
def test_a_value_is_one_value_of_one_line(text: str) -> None:
    """Whatever it is, reading the line gives one event with one path."""
    (line,) = lines(path=text)
    found = json.loads(line)
    assert found["event"] == "request"
    assert set(found) == {"event", "level", "timestamp", "path"}
    assert line.isascii()
    assert line.isprintable()


@pytest.mark.parametrize("line_format", ["json", "console"])
def test_nothing_in_a_value_reaches_a_terminal(line_format: str) -> None:
    """No line feed, escape sequence or separator stands in a line, for programs or people."""
    (line,) = lines(line_format, path=NASTY, query=[NASTY], other={NASTY: NASTY})
    assert line.isascii()
    assert line.isprintable()


def test_a_line_for_people_has_quotes_about_what_could_pass_for_a_field() -> None:
    """A value cannot look like another field."""
    (line,) = lines("console", path="/x status=200", status=404, code=None)
    assert 'path="/x status=200" status=404' in line
    assert "code" not in line


def test_long_values_are_cut() -> None:
    """A line has a bound, whatever a client sends."""
    (line,) = lines(path="a" * 60_000, query="b" * 60_000)
    assert len(line) < 6000


def test_an_exception_loses_its_secrets() -> None:
    """In its text, at any depth."""
    stream = io.StringIO()
    secret = "hf_abcdefghijklmnop"  # noqa: S105 - what must not be there
    error = RuntimeError(f"https://u:{secret}@hub/x?token=abc")
    error.__cause__ = ValueError(f"Authorization: Bearer {secret}")
    make_logger("info", stream=stream).error("failed", exc_info=error)
    assert secret not in stream.getvalue()
    assert "abc" not in stream.getvalue().replace("hf_abc", "")
    assert "RuntimeError" in stream.getvalue()


def test_what_is_no_value_of_json_is_shown_as_text() -> None:
    """And loses its secrets, too."""
    (line,) = lines(what=object, also={1: {"hf_abcdefgh"}})
    assert "hf_abcdefgh" not in line
    assert json.loads(line)["what"] == "<class 'object'>"


def test_lines_have_the_ids_of_the_request_that_is_worked_for() -> None:
    """Unless they are about another one."""
    trace = NoTracing().begin({"headers": []}, "r")
    reset = CURRENT.set(trace)
    try:
        for fields in ({}, {"request_id": "r"}):
            (line,) = lines(**fields)
            found = json.loads(line)
            assert {key: found[key] for key in trace.ids.fields()} == trace.ids.fields()
        other = RequestIds("other", "t", "s")
        (line,) = lines(**other.fields())
        assert json.loads(line)["trace_id"] == "t"
    finally:
        CURRENT.reset(reset)
    (line,) = lines()
    assert "trace_id" not in line
