"""Arrays made in steps: in order of stages, by any threads, until an end of any kind."""

import threading
import time
import weakref
from collections.abc import Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weightbank.making import Making, Stages, Task

TIMEOUT_SECONDS = 60


def counting(stages: list[list[int]], log: list[tuple[int, int]] | None = None) -> Stages:
    """Count the steps of each task of each stage; stages name how many each task has."""
    out = np.zeros((len(stages), max((len(stage) for stage in stages), default=0)), np.int64)

    def task(stage: int, number: int, steps: int) -> Task:
        for step in range(steps):
            out[stage, number] += 1
            if log is not None:
                log.append((stage, number))
            if step < steps - 1:
                yield

    for index, stage in enumerate(stages):
        yield [task(index, number, steps) for number, steps in enumerate(stage)]
    return out


SHAPES = st.lists(st.lists(st.integers(1, 4), max_size=4), max_size=4)


@given(shape=SHAPES)
def test_one_thread_takes_one_step_after_another(shape: list[list[int]]) -> None:
    """Each step is one call; a task is ended before the next one is begun."""
    log: list[tuple[int, int]] = []
    making = Making(counting(shape, log))
    taken = 0
    while making.step():
        taken += 1
    assert making.done
    assert not making.ready
    assert log == sorted(log)
    assert taken == max(len(log), 1)
    assert [row[row > 0].tolist() for row in making.result()] == shape


@given(shape=SHAPES, threads=st.integers(1, 5))
def test_any_threads_take_all_steps(shape: list[list[int]], threads: int) -> None:
    """No step is lost or taken twice, and all who help come back."""
    log: list[tuple[int, int]] = []
    making = Making(counting(shape, log))
    with ThreadPoolExecutor(threads) as pool:
        for future in [pool.submit(making.complete) for _ in range(threads)]:
            assert future.result(TIMEOUT_SECONDS) is making.result()
    assert [row[row > 0].tolist() for row in making.result()] == shape
    stages = [stage for stage, _ in log]
    assert stages == sorted(stages)


class Held:
    """Two stages of two tasks, whose steps end when they are let go."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.may_end = {name: threading.Event() for name in ("a", "b", "c", "d")}
        self.making = Making(self._stages())
        self._pool = ThreadPoolExecutor(4)

    def _stages(self) -> Stages:
        yield [self._task("a"), self._task("b")]
        yield [self._task("c"), self._task("d")]
        return np.zeros(1)

    def _task(self, name: str) -> Task:
        self.begun.append(name)
        assert self.may_end[name].wait(TIMEOUT_SECONDS)
        yield

    def step(self) -> Any:
        """Begin a step in another thread, and return its future once it runs."""
        begun = len(self.begun)
        future = self._pool.submit(self.making.step)
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while len(self.begun) == begun:
            assert time.monotonic() < deadline
        return future

    def close(self) -> None:
        """Let everything end."""
        for event in self.may_end.values():
            event.set()
        self._pool.shutdown()


@pytest.fixture
def held() -> Iterator[Held]:
    """A making whose steps wait."""
    made = Held()
    yield made
    made.close()


def test_a_stage_begins_when_the_last_one_has_ended(held: Held) -> None:
    """What is left waits for steps of others, and can then be begun by anyone."""
    a, b = held.step(), held.step()
    assert (held.making.ready, held.making.step(), held.making.done) == (False, False, False)
    held.may_end["a"].set()
    assert a.result(TIMEOUT_SECONDS)
    # The task has not ended: whoever comes goes on with it, and finds its end.
    assert held.making.ready
    assert held.making.step()
    assert not held.making.ready
    assert not held.making.wait(timeout_seconds=0)
    held.may_end["b"].set()
    assert b.result(TIMEOUT_SECONDS)
    assert held.making.step()
    assert held.making.wait(timeout_seconds=0)
    assert held.begun == ["a", "b"]


def test_a_task_that_was_begun_goes_on_before_another(held: Held) -> None:
    """So there are no more half done than threads."""
    held.may_end["a"].set()
    assert held.step().result(TIMEOUT_SECONDS)
    assert held.making.step()
    assert held.begun == ["a"]


def test_cancelling_lets_a_step_end_and_begins_none(held: Held) -> None:
    """Who asks for the result is told so."""
    a = held.step()
    held.making.cancel()
    assert (held.making.done, held.making.ready, held.making.step()) == (True, False, False)
    held.may_end["a"].set()
    assert a.result(TIMEOUT_SECONDS)
    assert not held.making.step()
    assert held.begun == ["a"]
    with pytest.raises(CancelledError):
        held.making.complete()


class Block:
    """Some memory."""


def holding(blocks: list["weakref.ref[Block]"], failure: Exception | None = None) -> Stages:
    """Hold memory in a stage, in a task, and in one that is never begun."""

    def block() -> Block:
        made = Block()
        blocks.append(weakref.ref(made))
        return made

    def task(own: Block | None = None) -> Task:
        own = own or block()
        yield
        if failure is not None:
            raise failure
        yield

    of_stage = block()
    yield [task(), task(block())]
    del of_stage
    return np.zeros(1)


def test_cancelling_lets_go_of_all_memory() -> None:
    """At once, though somebody still holds the making."""
    blocks: list[weakref.ref[Block]] = []
    making = Making(holding(blocks))
    assert making.step()
    assert [block() is None for block in blocks] == [False, False, False]
    making.cancel()
    assert [block() is None for block in blocks] == [True, True, True]


def test_a_failure_lets_go_of_all_memory() -> None:
    """At once, though its traceback is still there to be shown."""
    blocks: list[weakref.ref[Block]] = []
    making = Making(holding(blocks, MemoryError("no room")))
    with pytest.raises(MemoryError, match="no room") as raised:
        making.complete()
    assert [block() is None for block in blocks] == [True, True, True]
    assert raised.traceback[-1].name == "task"


def test_a_failure_ends_it_for_all(held: Held) -> None:
    """Whoever helps gets the error, and steps under way change nothing."""

    def stages() -> Stages:
        yield from held._stages()
        raise ValueError("wrong")

    making = held.making = Making(stages())
    for event in held.may_end.values():
        event.set()
    with ThreadPoolExecutor(3) as pool:
        futures = [pool.submit(making.complete) for _ in range(3)]
    for future in futures:
        with pytest.raises(ValueError, match="wrong"):
            future.result(TIMEOUT_SECONDS)
    assert making.failed


def test_nothing_happens_before_the_first_step() -> None:
    """To begin is cheap: an error of the first line is one of the first step."""

    def stages() -> Stages:
        raise MemoryError("no room")
        yield

    making = Making(stages())
    assert making.ready
    assert making.step()
    assert making.done
    with pytest.raises(MemoryError):
        making.result()


def test_watchers_hear_of_each_step() -> None:
    """Of the last one too, and of a failure."""
    making, heard = Making(counting([[2], [1]])), []
    making.watch(lambda: heard.append(making.done))
    making.complete()
    assert heard == [False, False, True]
    failing: list[bool] = []
    making = Making(holding([], ValueError("wrong")))
    making.watch(lambda: failing.append(making.done))
    making.help()
    assert failing == [False, True]


def test_assistants_are_asked_once() -> None:
    """At the first step, by whoever takes it."""
    asked: list[Any] = []
    making = Making(counting([[2], [1]]), assist=asked.append)
    assert not asked
    making.complete()
    assert asked == [making.help]


def test_what_is_there_already_is_done() -> None:
    """Nothing is left to do; the array is read-only, as every one."""
    array = np.zeros(3)
    making = Making.made(array)
    assert (making.done, making.step()) == (True, False)
    assert making.result() is array
    assert not array.flags.writeable
