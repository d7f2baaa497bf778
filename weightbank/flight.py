"""A place in something that takes long: an array that is made, or bytes that arrive."""

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

from weightbank.making import Prepared

Callback = Callable[[], None]


class Awaited(Protocol):
    """What a flight is a place in: an array that is made, or bytes that arrive.

    ``Making`` is one. Every method may be called from several threads at once.
    """

    @property
    def done(self) -> bool:
        """Whether it is over, however it ended."""

    @property
    def failed(self) -> bool:
        """Whether it is over, and ended with an error."""

    @property
    def ready(self) -> bool:
        """Whether a step could be begun now; never where nobody can help."""

    def step(self) -> bool:
        """Take a step, if one can be begun now; return whether one was taken."""

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """Wait until a step can be begun or it is over; return whether that is so."""

    def complete(self) -> Prepared:
        """Take steps and wait until it is over; as ``result``."""

    def result(self) -> Prepared:
        """Return the array once it is done; an empty one where there is nothing to return.

        Raises:
            BaseException: Whatever ended it.
        """


class Flight:
    """A place in something awaited: whoever holds it may help, and has to leave.

    Thread-safe. A context manager that leaves at its end.

    Args:
        awaited: What it is a place in. Whoever goes on with it calls ``tell`` of all
            places afterwards.
        leave: Called once, when this place is left.
    """

    def __init__(self, awaited: Awaited, leave: Callback) -> None:
        self._awaited: Awaited | None = awaited
        self._leave = leave
        self._lock = threading.Lock()
        self._on_progress: list[Callback] = []
        self._on_done: list[Callback] = []

    @property
    def done(self) -> bool:
        """Whether it is over: the array is there, or an error, or this place was left."""
        awaited = self._awaited
        return awaited is None or awaited.done

    @property
    def failed(self) -> bool:
        """Whether it is over, and ended with an error."""
        awaited = self._awaited
        return awaited is not None and awaited.failed

    @property
    def ready(self) -> bool:
        """Whether a step could be begun now."""
        awaited = self._awaited
        return awaited is not None and awaited.ready

    def step(self) -> bool:
        """Take a step of the making, of some tens of milliseconds at most.

        Returns:
            Whether one was taken. If not, either it is done, or all that is left
            waits for steps that others are taking: ``add_progress_callback``.
        """
        awaited = self._awaited
        return awaited is not None and awaited.step()

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """Wait until a step can be begun or it is done; return whether that is so."""
        awaited = self._awaited
        return awaited is None or awaited.wait(timeout_seconds)

    def complete(self) -> Prepared:
        """Take steps until it is done, and return the array; as ``result`` raises."""
        assert self._awaited is not None, "left"
        return self._awaited.complete()

    def result(self) -> Prepared:
        """Return the array once it is done.

        Raises:
            BaseException: Whatever ended the making, for everybody in the flight.
        """
        assert self._awaited is not None, "left"
        return self._awaited.result()

    def add_done_callback(self, callback: Callback) -> None:
        """Have a function called once when it is done, at once if it is.

        It is called by whoever took the last step, and not if this place was left
        before. It must neither block nor raise.
        """
        with self._lock:
            if not self.done:
                self._on_done.append(callback)
                return
        callback()

    def add_progress_callback(self, callback: Callback) -> None:
        """Have a function called after each step, whoever took it: try to begin another.

        It must neither block nor raise.
        """
        self._on_progress.append(callback)

    def tell(self) -> None:
        """Call who wants to hear of a step."""
        done: list[Callback] = []
        if self.done:
            with self._lock:
                done, self._on_done = self._on_done, []
        for callback in (*self._on_progress, *done):
            callback()

    def leave(self) -> None:
        """Take no more interest; the last one to leave cancels what is not done.

        May be called more than once. The array lives on where somebody holds it.
        """
        with self._lock:
            leave, self._leave = self._leave, _do_nothing
            self._awaited = None
            self._on_progress, self._on_done = [], []
        leave()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.leave()


def _do_nothing() -> None:
    """Stand in for leaving, once that is done."""
