"""When keys were used last: noted in memory, and written a little later."""

from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from services.bounded_executor import BoundedExecutor, WorkObserver
from services.errors import OverloadedError, StoreUnavailableError
from services.keys.key import Key
from services.keys.store import KeyStore

_AT_MOST_EVERY = timedelta(minutes=1)
_MOST_REMEMBERED = 10_000


class UseNotes:
    """Notes uses of keys, each at most once a minute. For one event loop; has to be closed."""

    def __init__(
        self,
        store: KeyStore,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        observer: WorkObserver | None = None,
    ) -> None:
        self._store = store
        self._now = now
        self._noted: OrderedDict[str, datetime] = OrderedDict()
        self._unwritten: dict[str, datetime] = {}
        self._executor = BoundedExecutor("notes of keys", threads=1, limit=2, observer=observer)

    def note(self, key: Key) -> None:
        """Note that a key is used now; nothing is written yet."""
        now = self._now()
        noted = self._noted.get(key.id) or key.used_at
        if noted is not None and now - noted < _AT_MOST_EVERY:
            return
        self._noted[key.id] = self._unwritten[key.id] = now
        self._noted.move_to_end(key.id)
        if len(self._noted) > _MOST_REMEMBERED:
            forgotten, _ = self._noted.popitem(last=False)
            self._unwritten.pop(forgotten, None)

    async def write(self) -> None:
        """Write what was noted; while the store does not answer it is kept for the next time."""
        unwritten = dict(self._unwritten)
        if not unwritten:
            return
        self._unwritten.clear()
        try:
            await self._executor.run(lambda: self._store.mark_used(unwritten))
        except (StoreUnavailableError, OverloadedError):
            self._unwritten = {**unwritten, **self._unwritten}

    async def close(self) -> None:
        """Write the rest, and end the thread."""
        await self.write()
        self._executor.close()
