"""Log lines of errors."""

import io
import json

from app.logs import make_logger


def test_a_traceback_has_no_values_of_variables() -> None:
    """They may be bodies, addresses and passwords."""
    stream = io.StringIO()

    def fail(password: str) -> None:
        raise ValueError(len(password))

    try:
        fail("very-secret")
    except ValueError as error:
        make_logger("info", stream=stream).error("failed", exc_info=error)
    line = json.loads(stream.getvalue())
    frames = line["exception"][0]["frames"]
    assert frames[-1]["name"] == "fail"
    assert "very-secret" not in stream.getvalue()
