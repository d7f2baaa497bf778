"""Whether this process can answer, and if not, why."""

import asyncio
from collections.abc import Callable, Mapping

from services.bounded_check import TIMEOUT_SECONDS, BoundedCheck, CheckResult, in_own_thread
from services.bounded_executor import BoundedExecutor
from weightbank.errors import WeightbankError

Look = Callable[[], str | None]
"""A blocking look at something; returns what is wrong with it, and does not raise."""


class Readiness:
    """Asks the devices, the store and the disks, and knows whether the server ends."""

    def __init__(
        self,
        *,
        missing_devices: Callable[[], list[str]],
        check_store: Callable[[], None],
        executor: BoundedExecutor,
        looks: Mapping[str, Look] | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        """Ask nothing yet.

        Args:
            missing_devices: Names those that should make chunks, if all are down or hang.
            check_store: Raises if the store does not answer.
            executor: Runs ``check_store``.
            looks: What else is looked at, by name; each in a thread of its own.
            timeout_seconds: How long each may take.
        """
        self._missing_devices = missing_devices
        self._check_store = check_store
        self._executor = executor
        self._is_draining = False
        self._checks = [BoundedCheck("store", self._ask_store, timeout_seconds=timeout_seconds)]
        for name, look in (looks or {}).items():
            self._checks.append(BoundedCheck(name, _asking(look), timeout_seconds=timeout_seconds))

    def drain(self) -> None:
        """Be ready no more."""
        self._is_draining = True

    def close(self) -> None:
        """Wait for no look any longer."""
        for check in self._checks:
            check.close()

    async def results(self) -> list[CheckResult]:
        """Return all that was looked at; it takes no longer than one look may."""
        asked = await asyncio.gather(*(check.result() for check in self._checks))
        return [self._server(), self._devices(), *asked]

    async def reasons(self) -> list[str]:
        """Return why this process is not ready; nothing if it is."""
        return reasons_in(await self.results())

    def _server(self) -> CheckResult:
        return CheckResult("server", "is shutting down" if self._is_draining else None)

    def _devices(self) -> CheckResult:
        missing = ", ".join(self._missing_devices())
        reason = f"none is at work, of {missing}; the log says why" if missing else None
        return CheckResult("devices", reason)

    async def _ask_store(self) -> str | None:
        try:
            await self._executor.run(self._check_store)
        except WeightbankError as error:
            return str(error)
        return None


def reasons_in(results: list[CheckResult]) -> list[str]:
    """Return what is wrong, in words.

    Examples:
        >>> reasons_in([CheckResult("server"), CheckResult("disk", "is full")])
        ['disk: is full']
    """
    return [f"{result.name}: {result.reason}" for result in results if not result.is_ok]


def _asking(look: Look) -> Callable[[], "asyncio.Future[str | None]"]:
    return lambda: asyncio.ensure_future(in_own_thread(look))
