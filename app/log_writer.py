"""Log lines that never hold up a request.

Theory of operation: whoever reads our standard output may stop reading, and a
write to a full pipe waits for ever; on an event loop, every client would wait with
it. So lines go through a bounded queue to one thread that writes them. When the
queue is full lines are dropped, and the next one that gets through says how many.
A reader that went away ends the writing, not the service.
"""

import contextlib
import queue
import threading
from collections.abc import Callable
from typing import TextIO

_MOST_LINES = 10_000
_CLOSE_SECONDS = 2.0


class LogWriter:
    r"""What a logger writes to: takes text at once, and writes it in a thread.

    Args:
        stream: Where lines go in the end.
        most_lines: That may wait; more are dropped.
        on_drop: Told of each line that is dropped.

    Examples:
        >>> import io
        >>> stream = io.StringIO()
        >>> writer = LogWriter(stream)
        >>> writer.write("a line\n")
        >>> writer.close()
        >>> stream.getvalue()
        'a line\n'
    """

    def __init__(
        self,
        stream: TextIO,
        *,
        most_lines: int = _MOST_LINES,
        on_drop: Callable[[], None] = lambda: None,
    ) -> None:
        self._stream = stream
        self._on_drop = on_drop
        self._lines: queue.Queue[str | None] = queue.Queue(most_lines)
        self._dropped = 0
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @property
    def dropped(self) -> int:
        """Lines dropped since the last one that got through."""
        return self._dropped

    def write(self, text: str) -> None:
        """Take a line; it never waits, and never fails."""
        with self._lock:
            if self._thread is None:
                # A daemon: a reader that never comes back must not keep us alive.
                self._thread = threading.Thread(target=self._run, name="log", daemon=True)
                self._thread.start()
            try:
                if self._dropped:
                    self._lines.put_nowait(f'{{"event": "dropped {self._dropped} log lines"}}\n')
                    self._dropped = 0
                self._lines.put_nowait(text)
            except queue.Full:
                self._dropped += 1
                self._on_drop()

    def flush(self) -> None:
        """Do nothing: the thread flushes what it writes."""

    def close(self) -> None:
        """Write what waits, for as long as a moment allows."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is None:
            return
        with contextlib.suppress(queue.Full):
            self._lines.put(None, timeout=_CLOSE_SECONDS)
        thread.join(_CLOSE_SECONDS)

    def _run(self) -> None:
        while (line := self._lines.get()) is not None:
            # OSError: the reader went away; ValueError: the stream was closed.
            with contextlib.suppress(OSError, ValueError):
                self._stream.write(line)
                self._stream.flush()
