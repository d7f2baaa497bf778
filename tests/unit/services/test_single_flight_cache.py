"""A cache that loads once what many ask for."""

import asyncio

import pytest

from services.single_flight_cache import SingleFlightCache


def test_a_cache_drops_what_was_used_longest_ago() -> None:
    """By weight; and loads again what failed."""

    async def main() -> None:
        cache: SingleFlightCache[str, str] = SingleFlightCache(capacity=4, weigh=len)
        loads: list[str] = []

        async def load(value: str) -> str:
            loads.append(value)
            if value == "bad":
                raise ValueError(value)
            return value

        for key in ("aa", "bb", "aa", "cc", "aa", "bb"):
            assert await cache.get(key, lambda key=key: load(key)) == key  # type: ignore[misc]
        assert loads == ["aa", "bb", "cc", "bb"]
        for _ in range(2):
            with pytest.raises(ValueError, match="bad"):
                await cache.get("bad", lambda: load("bad"))
        assert loads[-2:] == ["bad", "bad"]
        cache.drop("aa")
        assert cache.peek("aa") is None

    asyncio.run(main())
