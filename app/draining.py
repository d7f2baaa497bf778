"""A server that finishes before it ends, and says meanwhile that it will.

Theory of operation: uvicorn closes its listener at the first signal, so that nobody
can ask it whether it is ready. We keep it open while answers are under way: /readyz
says 503 and a new stream is refused with Retry-After, which sends a client to another
replica, until the last answer has ended or the deadline has come. What is left then
is cut off by a reset; a client resumes it elsewhere by Range.
"""

import time
from collections.abc import Callable
from types import FrameType

import uvicorn

_CUT_OFF_SECONDS = 1


class DrainingServer(uvicorn.Server):
    """uvicorn's server, which drains at the first signal and ends at the second."""

    def __init__(
        self, config: uvicorn.Config, *, drain: Callable[[], None], timeout_seconds: int
    ) -> None:
        """Serve nothing yet.

        Args:
            config: Of uvicorn; its graceful time-out is set here.
            drain: Called once, on the loop, at the first signal.
            timeout_seconds: From the first signal until what runs is cut off.
        """
        config.timeout_graceful_shutdown = _CUT_OFF_SECONDS
        super().__init__(config)
        self._drain = drain
        self._drain_seconds = max(0, timeout_seconds - _CUT_OFF_SECONDS)
        self._deadline: float | None = None
        self._has_drained = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to drain at the first signal; end at the next."""
        if self._deadline is None:
            self._deadline = time.monotonic() + self._drain_seconds
            self._captured_signals.append(sig)  # it is raised again in the end
        else:
            super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        """Go on as uvicorn does, ten times a second; see whether draining is over."""
        if self._deadline is not None:
            if not self._has_drained:
                self._has_drained = True
                self._drain()
            if not self.server_state.tasks or time.monotonic() >= self._deadline:
                self.should_exit = True
        return await super().on_tick(counter)
