"""One process of many clients, who ask for everything, check every byte, and misbehave.

    python -m benchmarks.load_client

It reads one line of JSON, what to do, and answers with one, what was met. What the bytes
should be is generated here, by the library.
"""

import asyncio
import json
import random
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import weightbank
from benchmarks.load_wire import Connection, Response, parts_of
from benchmarks.server import server_at
from weightbank.file import WeightsFile

SMALL = {"layers": [{"name": "fc", "type": "Linear", "in_features": 784, "out_features": 256}]}
LARGE = {
    "layers": [{"name": "e", "type": "Embedding", "num_embeddings": 8192, "embedding_dim": 2048}]
}
HUGE = {
    "layers": [{"name": "e", "type": "Embedding", "num_embeddings": 2**19, "embedding_dim": 2**19}]
}
"""803 KB, 64 MiB and 1 TiB."""

SEED = 7
_MOST_RANGE_BYTES = 2**22
_HUGE_RANGE_BYTES = 2**16
_SLOW_RANGE_BYTES = 2**21
_SLOW_PIECE_BYTES = 2**16
_PAUSE_SECONDS = 0.05
_KEPT_ERRORS = 5
_SPECS = 64


@dataclass(frozen=True, slots=True)
class Orders:
    """What one process does.

    Attributes:
        url: Of the server.
        ids: Of the small, the large and the huge spec.
        clients: How many there are in the process.
        begin: Time of ``time.monotonic`` at which they begin.
        seconds: For which they go on.
        seed: Of their random numbers.
    """

    url: str
    ids: tuple[str, str, str]
    clients: int
    begin: float
    seconds: float
    seed: int


class Tally:
    """What the clients of one process have met."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {}
        self.refused: dict[str, int] = {}
        self.errors: list[str] = []
        self.error_count = 0
        self.received_bytes = 0

    def wrong(self, kind: str, what: object) -> None:
        """Count what should not have been."""
        self.error_count += 1
        if len(self.errors) < _KEPT_ERRORS:
            self.errors.append(f"{kind}: {what!r}"[:500])


class RefusedError(Exception):
    """503 with Retry-After: the server said that it has too much to do."""


@lru_cache(maxsize=3)
def file_of(index: int) -> WeightsFile:
    """Return one of the three files."""
    return weightbank.weights((SMALL, LARGE, HUGE)[index], seed=SEED)


@lru_cache(maxsize=2)
def whole(index: int) -> bytes:
    """Return all bytes of one of the files that fit."""
    return b"".join(file_of(index).chunks())


class Client:
    """One client, who does one thing after the other."""

    def __init__(self, orders: Orders, tally: Tally, number: int) -> None:
        self._orders = orders
        self._tally = tally
        self._random = random.Random(f"{orders.seed} {number}")  # noqa: S311 - it chooses ranges
        self._connection = Connection(server_at(orders.url))
        self._paths = [f"/v1/weights/{name}?seed={SEED}" for name in orders.ids]

    async def run(self) -> None:
        """Ask until the time is over."""
        end = self._orders.begin + self._orders.seconds
        while time.monotonic() < end:
            kind = self._random.choices(list(ACTIONS), [weight for weight, _ in ACTIONS.values()])[
                0
            ]
            began = time.perf_counter()
            try:
                await ACTIONS[kind][1](self)
            except RefusedError:
                self._tally.refused[kind] = self._tally.refused.get(kind, 0) + 1
                await asyncio.sleep(self._random.uniform(0.2, 1.0))
            except Exception as error:  # noqa: BLE001 - all of them are counted
                self._tally.wrong(kind, error)
                self._connection.close()
            else:
                self._tally.seconds.setdefault(kind, []).append(time.perf_counter() - began)
        self._connection.close()

    async def ask(
        self, path: str, *, method: str = "GET", body: bytes = b"", **headers: str
    ) -> Response:
        """Return an answer.

        Raises:
            RefusedError: If the server has too much to do, and says when to come again.
        """
        response = await self._connection.ask(method, path, body=body, headers=headers)
        self._tally.received_bytes += len(response.body)
        if response.status == 503 and "retry-after" in response.headers:  # noqa: PLR2004
            raise RefusedError
        return response

    async def fetch_whole(self) -> None:
        """All of the small file."""
        response = await self.ask(self._paths[0])
        check(response, 200, whole(0))

    async def fetch_range(self) -> None:
        """Any range of the large file."""
        start, stop = self._span(len(whole(1)), _MOST_RANGE_BYTES)
        response = await self.ask(self._paths[1], Range=f"bytes={start}-{stop - 1}")
        check(response, 206, whole(1)[start:stop])

    async def fetch_ranges(self) -> None:
        """Several, in one answer."""
        spans = [self._span(len(whole(1)), 2**16) for _ in range(self._random.randint(2, 6))]
        asked = ", ".join(f"{start}-{stop - 1}" for start, stop in spans)
        response = await self.ask(self._paths[1], Range=f"bytes={asked}")
        check(response, 206, None)
        found = parts_of(response)
        if found != [whole(1)[start:stop] for start, stop in spans]:
            raise ValueError(f"other bytes of {asked}")

    async def fetch_huge(self) -> None:
        """Some bytes of a file that is on nobody's disk."""
        start, stop = self._span(file_of(2).size_bytes, _HUGE_RANGE_BYTES)
        response = await self.ask(self._paths[2], Range=f"bytes={start}-{stop - 1}")
        check(response, 206, bytes(file_of(2).read(start, stop)))

    async def look(self) -> None:
        """Its size, without its bytes."""
        response = await self.ask(self._paths[1], method="HEAD")
        check(response, 200, b"")
        if response.headers["content-length"] != str(len(whole(1))):
            raise ValueError(response.headers)

    async def compare(self) -> None:
        """Whether it has changed, which it never has."""
        etag = (await self.ask(self._paths[0], method="HEAD")).headers["etag"]
        check(await self.ask(self._paths[0], **{"If-None-Match": etag}), 304, b"")
        start, stop = self._span(len(whole(0)), 1000)
        asked = {"If-Range": etag, "Range": f"bytes={start}-{stop - 1}"}
        check(await self.ask(self._paths[0], **asked), 206, whole(0)[start:stop])

    async def digest(self) -> None:
        """Its hashes, when they are there."""
        response = await self.ask(self._paths[1].replace("?", "/digests?"))
        if response.status == 202:  # noqa: PLR2004 - they are being computed
            return
        check(response, 200, None)
        if json.loads(response.body)["size"] != len(whole(1)):
            raise ValueError(response.body[:200])

    async def post(self) -> None:
        """A spec, which may be known."""
        spec = {"layers": [{"name": "p", "type": "Parameter", "init": "zeros"}]}
        spec["layers"][0]["shape"] = [self._random.randint(1, _SPECS)]  # type: ignore[assignment]
        body = json.dumps(spec).encode()
        response = await self.ask(
            "/v1/specs", method="POST", body=body, **{"Content-Type": "application/json"}
        )
        check(response, response.status if response.status in {200, 201} else 200, None)
        if json.loads(response.body)["tensors"] != 1:
            raise ValueError(response.body[:200])

    async def read_slowly(self) -> None:
        """A range, in small pieces with pauses between."""
        start = self._random.randrange(len(whole(1)) - _SLOW_RANGE_BYTES)
        stop = start + _SLOW_RANGE_BYTES
        with self._connection.slow(_SLOW_PIECE_BYTES, pause_seconds=_PAUSE_SECONDS):
            response = await self.ask(self._paths[1], Range=f"bytes={start}-{stop - 1}")
        check(response, 206, whole(1)[start:stop])

    async def leave(self) -> None:
        """In the middle of an answer."""
        path = self._paths[self._random.choice((1, 2))]
        await self._connection.leave(path, after_bytes=self._random.randrange(2**20))

    async def mistake(self) -> None:
        """What is answered with a problem document, and goes on."""
        path, headers, status = self._random.choice(MISTAKES)
        response = await self.ask(path.format(self._orders.ids[0]), **headers)
        check(response, status, None)
        if json.loads(response.body)["status"] != status:
            raise ValueError(response.body[:200])

    def _span(self, size_bytes: int, most_bytes: int) -> tuple[int, int]:
        start = self._random.randrange(size_bytes)
        # As many small ones as large ones.
        length = int(2 ** self._random.uniform(0, most_bytes.bit_length() - 1))
        return start, min(size_bytes, start + length)


ACTIONS: dict[str, tuple[int, Callable[[Client], Any]]] = {
    "small file": (15, Client.fetch_whole),
    "range": (30, Client.fetch_range),
    "several ranges": (10, Client.fetch_ranges),
    "range of 1 TiB": (10, Client.fetch_huge),
    "HEAD": (10, Client.look),
    "conditions": (5, Client.compare),
    "digests": (3, Client.digest),
    "spec": (5, Client.post),
    "slow reader": (2, Client.read_slowly),
    "client that leaves": (5, Client.leave),
    "bad request": (5, Client.mistake),
}
"""What clients do, and how often."""

MISTAKES: tuple[tuple[str, dict[str, str], int], ...] = (
    ("/v1/weights/{}", {}, 422),
    ("/v1/weights/{}?seed=-1", {}, 422),
    ("/v1/weights/{}?sed=1", {}, 422),
    ("/v1/weights/{}?seed=1", {"Range": "bytes=5-4"}, 416),
    ("/v1/weights/{}?seed=1", {"If-Match": '"other"'}, 412),
    ("/v1/weights/abc?seed=1", {}, 404),
    ("/nowhere", {}, 404),
)


def check(response: Response, status: int, body: bytes | None) -> None:
    """See that an answer has a status, and these very bytes.

    Raises:
        ValueError: If not.
    """
    if response.status != status:
        raise ValueError(f"{response.status} {response.body[:300]!r}")
    if body is not None and response.body != body:
        raise ValueError(f"{len(response.body)} other bytes than the {len(body)} expected")


async def work(orders: Orders) -> Tally:
    """Let all clients of this process go on until their time is over."""
    tally = Tally()
    await asyncio.sleep(max(0.0, orders.begin - time.monotonic()))
    await asyncio.gather(*(Client(orders, tally, at).run() for at in range(orders.clients)))
    return tally


def main() -> None:
    """Do what the input says."""
    for index in (0, 1):
        whole(index)
    print(flush=True)
    given = json.loads(sys.stdin.readline())
    orders = Orders(**{**given, "ids": tuple(given["ids"])})
    print(json.dumps(vars(asyncio.run(work(orders)))), flush=True)


def as_line(orders: Orders) -> str:
    """Return orders as a process reads them."""
    return json.dumps(asdict(orders))


if __name__ == "__main__":
    main()
