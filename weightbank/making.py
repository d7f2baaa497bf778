"""An array that takes long, made in short steps by all who have time for it.

Theory of operation: work comes in stages, one after another. A stage is a number of
tasks that do not meet, and a task is taken further by a step at a time, each by any
one thread. A task that was begun goes on before another is begun: no more of them
are half done, and hold memory, than there are threads. Whoever ends the last task of
a stage begins the next one; what the stages return after the last is the array.
"""

import threading
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import CancelledError
from typing import Any

from numpy.typing import NDArray

Prepared = NDArray[Any]
"""What was made, read-only: it is shared."""

Task = Iterator[None]
"""Each ``next`` is a step of bounded length; the last one ends the iterator."""

Stages = Generator[Iterable[Task], None, Prepared]
"""Yields the tasks of one stage after another and returns the array.

What stands between two stages is done while others wait: it has to be short.
"""

Pieces = Iterator[int]
"""Work in small pieces: yields after each how many operations it was."""

STEP_OPERATIONS = 2**23
"""Operations of one step; each takes about a nanosecond of one core."""

Help = Callable[[], None]
Assist = Callable[[Help], None]
"""Has some other threads call a function, and does not wait for them."""

_ENDED = object()


def paced(pieces: Pieces, step_operations: int = STEP_OPERATIONS) -> Task:
    """Put pieces of work together to steps worth taking.

    No piece should be of more operations than a step; then no step is of twice as many.

    Examples:
        >>> len(list(paced(iter([10, 20, 30, 40, 50]), step_operations=50)))
        2
    """
    operations = 0
    for done in pieces:
        operations += done
        if operations >= step_operations:
            yield
            operations = 0


class Making:
    """An array on its way. Thread-safe; nothing is made but by steps.

    Args:
        stages: The work. Not even memory is asked for before the first step.
        assist: Called once, at the first step: threads that help of themselves.

    Examples:
        >>> import numpy as np
        >>> def stages() -> Stages:
        ...     out = np.zeros(4)
        ...     def half(start: int) -> Task:
        ...         for index in range(start, start + 2):
        ...             out[index] = index
        ...             yield
        ...     yield [half(0), half(2)]
        ...     return out
        >>> Making(stages()).complete().tolist()
        [0.0, 1.0, 2.0, 3.0]
    """

    def __init__(self, stages: Stages, *, assist: Assist | None = None) -> None:
        self._changed = threading.Condition()
        self._stages: Stages | None = stages
        self._assist = assist
        self._waiting: deque[Task] = deque()
        self._paused: list[Task] = []
        self._running = 0
        self._array: Prepared | None = None
        self._error: BaseException | None = None
        self._watchers: list[Callable[[], None]] = []

    @classmethod
    def made(cls, array: Prepared) -> "Making":
        """Return the making of an array that is there already."""

        def stages() -> Stages:
            yield ()
            return array

        making = cls(stages())
        making.step()
        return making

    @classmethod
    def once(cls, make: Callable[[], Prepared]) -> "Making":
        """Return the making of an array in a single step."""
        made: list[Prepared] = []

        def task() -> Task:
            made.append(make())
            yield from ()

        def stages() -> Stages:
            yield [task()]
            return made[0]

        return cls(stages())

    @property
    def done(self) -> bool:
        """Whether it is over: made, failed or cancelled."""
        return self._stages is None

    @property
    def failed(self) -> bool:
        """Whether it is over, and there is no array."""
        return self._error is not None

    @property
    def ready(self) -> bool:
        """Whether a step can be begun now."""
        with self._changed:
            return self._is_ready()

    def step(self) -> bool:
        """Take one step, if one can be begun now.

        Returns:
            Whether one was taken. If not, all is over, or all that is left waits for
            steps that others are taking.
        """
        with self._changed:
            if not self._is_ready():
                return False
            assist, self._assist = self._assist, None
            watchers = self._watchers
            task = self._take()
        if task is not None:
            self._run(task, assist)
        for watcher in watchers:
            watcher()
        return True

    def help(self) -> None:
        """Take steps until it is over, and wait where only others can go on."""
        while not self.done:
            if not self.step():
                self.wait()

    def complete(self) -> Prepared:
        """Return the array, helping to make it; raise what ``result`` raises."""
        self.help()
        return self.result()

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """Wait until a step can be begun or it is over; return whether that is so."""
        with self._changed:
            return self._changed.wait_for(lambda: self.done or self._is_ready(), timeout_seconds)

    def result(self) -> Prepared:
        """Return the array.

        Raises:
            BaseException: Whatever a step raised; it is the end of all others.
            CancelledError: If it was cancelled.
        """
        if self._error is not None:
            raise self._error
        assert self._array is not None, "not done"
        return self._array

    def cancel(self) -> None:
        """Begin no further step, and let go of all memory but that of steps under way."""
        with self._changed:
            self._end(None, CancelledError())

    def watch(self, watcher: Callable[[], None]) -> None:
        """Have a function called after each step, by the thread that took it."""
        self._watchers.append(watcher)

    def _is_ready(self) -> bool:
        # If nothing runs, there is a task to go on with or a stage to begin.
        return not self.done and bool(self._paused or self._waiting or not self._running)

    def _take(self) -> Task | None:
        """Return a task to take further; None if beginning a stage ended everything."""
        self._begin_stage_if_due()
        if self.done:
            return None
        self._running += 1
        return self._paused.pop() if self._paused else self._waiting.popleft()

    def _run(self, task: Task, assist: Assist | None) -> None:
        """Take a step of a task, and put it back unless that was its last."""
        try:
            if assist is not None:
                assist(self.help)
            ended = next(task, _ENDED) is _ENDED
        except BaseException as error:  # noqa: BLE001 - all who wait must hear of any end
            # What the failed step worked on goes now, not when the last one has heard.
            traceback.clear_frames(error.__traceback__)
            with self._changed:
                self._end(None, error)
            return
        with self._changed:
            self._running -= 1
            if not (ended or self.done):
                self._paused.append(task)
            self._begin_stage_if_due()
            self._changed.notify_all()

    def _begin_stage_if_due(self) -> None:
        """Begin the next stage when the last task of this one has ended."""
        while not (self.done or self._paused or self._waiting or self._running):
            assert self._stages is not None
            try:
                self._waiting.extend(next(self._stages))
            except StopIteration as end:
                self._end(end.value, None)
            except BaseException as error:  # noqa: BLE001 - as in _run
                self._end(None, error)

    def _end(self, array: Prepared | None, error: BaseException | None) -> None:
        """Keep what came of it, and let go of all else."""
        if self.done:
            return
        if array is not None:
            array.setflags(write=False)
        self._array, self._error = array, error
        self._stages = None
        self._watchers = []
        self._waiting.clear()
        self._paused.clear()
        self._changed.notify_all()
