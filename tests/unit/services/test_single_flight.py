"""Calls shared by all who ask for the same at the same time."""

import asyncio
import gc
import weakref

import pytest

from services.single_flight import SingleFlight
from tests.blobs import PATIENCE_SECONDS
from tests.engines import eventually


class Calls:
    """Calls that return when a test says so.

    Attributes:
        count: Of those that began.
        released: Lets them end.
        error: What they raise; None to return how many there were.
    """

    def __init__(self) -> None:
        self.count = 0
        self.released = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self) -> int:
        """Call."""
        self.count += 1
        await self.released.wait()
        if self.error is not None:
            raise self.error
        return self.count

    async def wait_begun(self) -> None:
        """Wait until one began."""
        await eventually(lambda: self.count > 0)


def test_one_call_is_for_all_who_ask_meanwhile() -> None:
    """And none is kept: who asks afterwards calls again."""

    async def main() -> None:
        calls = Calls()
        flights: SingleFlight[str, int] = SingleFlight()
        asking = [asyncio.ensure_future(flights.run("key", calls)) for _ in range(5)]
        await calls.wait_begun()
        calls.released.set()
        assert await asyncio.gather(*asking) == [1] * 5
        assert await flights.run("key", calls) == 2

    asyncio.run(asyncio.wait_for(main(), PATIENCE_SECONDS))


def test_who_asks_when_a_call_has_just_ended_calls_again() -> None:
    """Also in the moment before anybody has heard of the end."""

    async def main() -> None:
        flights: SingleFlight[str, str] = SingleFlight()
        asking: list[asyncio.Task[str]] = []

        async def later() -> str:
            return "later"

        async def first() -> str:
            asking.append(asyncio.ensure_future(flights.run("key", later)))
            return "first"

        assert await flights.run("key", first) == "first"
        assert await asking[0] == "later"

    asyncio.run(asyncio.wait_for(main(), PATIENCE_SECONDS))


def test_calls_of_other_keys_are_others() -> None:
    """Each has its own."""

    async def main() -> None:
        first, second = Calls(), Calls()
        flights: SingleFlight[str, int] = SingleFlight()
        waiting = asyncio.ensure_future(flights.run("first", first))
        await first.wait_begun()
        second.released.set()
        assert await flights.run("second", second) == 1
        first.released.set()
        assert await waiting == 1

    asyncio.run(asyncio.wait_for(main(), PATIENCE_SECONDS))


def test_an_error_is_for_all_who_waited() -> None:
    """And for nobody after them."""

    async def main() -> None:
        calls = Calls()
        calls.error = ValueError("bad")
        flights: SingleFlight[str, int] = SingleFlight()
        asking = [asyncio.ensure_future(flights.run("key", calls)) for _ in range(3)]
        await calls.wait_begun()
        calls.released.set()
        for one in asking:
            with pytest.raises(ValueError, match="bad"):
                await one
        calls.error = None
        assert await flights.run("key", calls) == 2

    asyncio.run(asyncio.wait_for(main(), PATIENCE_SECONDS))


def test_who_leaves_takes_nothing_from_the_others() -> None:
    """Not even who began the call."""

    async def main() -> None:
        calls = Calls()
        flights: SingleFlight[str, int] = SingleFlight()
        first, second = (asyncio.ensure_future(flights.run("key", calls)) for _ in range(2))
        await calls.wait_begun()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        calls.released.set()
        assert await second == 1

    asyncio.run(asyncio.wait_for(main(), PATIENCE_SECONDS))


@pytest.mark.parametrize("error", [None, ValueError("bad")])
def test_a_call_that_all_have_left_ends_in_silence(error: Exception | None) -> None:
    """It ends whether somebody waits or not, and its error is nobody's to complain about."""
    complaints: list[object] = []

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, told: complaints.append(told))
        calls = Calls()
        calls.error = error
        flights: SingleFlight[str, int] = SingleFlight()
        only = asyncio.ensure_future(flights.run("key", calls))
        await calls.wait_begun()
        only.cancel()
        with pytest.raises(asyncio.CancelledError):
            await only
        calls.released.set()
        await eventually(lambda: not flights._calls)

    asyncio.run(asyncio.wait_for(main(), PATIENCE_SECONDS))
    assert complaints == []


def test_a_call_that_cannot_even_begin_fails_for_who_asked() -> None:
    """Whatever it raises before it is awaited."""

    async def main() -> None:
        flights: SingleFlight[str, int] = SingleFlight()

        def call() -> Calls:
            raise ValueError("bad")

        for _ in range(2):
            with pytest.raises(ValueError, match="bad"):
                await flights.run("key", call)  # type: ignore[arg-type]

    asyncio.run(main())


def test_an_error_holds_none_of_its_frames_once_it_is_dropped() -> None:
    """Nobody waits for a garbage collection: frames know buffers and open files."""

    class Buffer:
        """What a frame knows."""

    async def fail() -> int:
        raise ValueError("bad")

    async def caller(flights: SingleFlight[str, int]) -> "weakref.ref[Buffer]":
        buffer = Buffer()
        known = weakref.ref(buffer)
        try:
            await flights.run("key", fail)
        except ValueError:
            return known
        raise AssertionError(buffer)

    async def main() -> None:
        known = await caller(SingleFlight())
        await asyncio.sleep(0)
        assert known() is None

    gc.disable()
    try:
        asyncio.run(main())
    finally:
        gc.enable()
