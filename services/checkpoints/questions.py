"""Questions to the Hub, off the loop: what is remembered waits for no answer to others.

Theory of operation: there are two lines. Whoever can be answered from memory stands in
one that never waits for the network. All others stand in a second one; it may stand
still for as long as the Hub takes to answer those ahead.
"""

from services.bounded_executor import BoundedExecutor
from services.hub.hub import Hub
from services.hub.located import LocatedFile, RepositorySnapshot


class Questions:
    """Asks the Hub, or remembers, for callers. For one event loop."""

    def __init__(self, hub: Hub, *, asking: BoundedExecutor, recalling: BoundedExecutor) -> None:
        """Ask nothing yet.

        Args:
            hub: Whom to ask.
            asking: Runs what waits for the network.
            recalling: Runs what asks nobody.
        """
        self._hub = hub
        self._asking = asking
        self._recalling = recalling

    async def snapshot(
        self, repository: str, revision: str, *, token: str | None
    ) -> RepositorySnapshot:
        """See ``Hub.snapshot``."""
        known = await self._recalling.run(
            lambda: self._hub.recall_snapshot(repository, revision, token=token)
        )
        if known is not None:
            return known
        return await self._asking.run(lambda: self._hub.snapshot(repository, revision, token=token))

    async def locate(
        self, repository: str, revision: str, path: str, *, token: str | None
    ) -> LocatedFile:
        """See ``Hub.locate``."""
        known = await self._recalling.run(
            lambda: self._hub.recall_file(repository, revision, path, token=token)
        )
        if known is not None:
            return known
        return await self._asking.run(
            lambda: self._hub.locate(repository, revision, path, token=token)
        )

    async def read(
        self, located: LocatedFile, start: int, stop: int, *, token: str | None
    ) -> bytes:
        """See ``Hub.read``."""
        return await self._asking.run(lambda: self._hub.read(located, start, stop, token=token))

    async def distrust(self, file_hash: str) -> None:
        """See ``Hub.distrust``."""
        await self._recalling.run(lambda: self._hub.distrust(file_hash))
