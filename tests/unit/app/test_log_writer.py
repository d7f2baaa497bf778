"""Log lines that never hold up a request."""

import io
import threading

import pytest

from app.log_writer import LogWriter


class StoppedReader(io.StringIO):
    """A pipe that nobody reads, until somebody does."""

    def __init__(self) -> None:
        super().__init__()
        self.writing = threading.Event()
        self.reading = threading.Event()

    def write(self, text: str) -> int:
        """Wait for a reader."""
        self.writing.set()
        assert self.reading.wait(10)
        return super().write(text)


class GoneReader(io.StringIO):
    """A pipe whose reader went away."""

    def write(self, text: str) -> int:
        """Fail as a pipe without a reader does."""
        raise BrokenPipeError(text)


def test_a_stopped_reader_holds_nobody_up_and_drops_are_told() -> None:
    """Lines beyond the bound are dropped, and the next that gets through counts them."""
    stream = StoppedReader()
    writer = LogWriter(stream, most_lines=3)
    writer.write("1\n")
    assert stream.writing.wait(10)
    for number in range(2, 8):
        writer.write(f"{number}\n")
    assert writer.dropped == 3
    stream.reading.set()
    writer.close()
    writer.write("8\n")
    writer.close()
    assert stream.getvalue() == '1\n2\n3\n4\n{"event": "dropped 3 log lines"}\n8\n'


@pytest.mark.parametrize("broken", [GoneReader(), None])
def test_a_reader_that_went_away_is_no_error(broken: io.StringIO | None) -> None:
    """Neither a broken pipe nor a closed stream reaches who logs."""
    stream = broken or io.StringIO()
    if broken is None:
        stream.close()
    writer = LogWriter(stream)
    writer.write("a\n")
    writer.close()
    assert writer.dropped == 0
