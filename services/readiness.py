"""Whether this process can answer, and if not, why."""

from collections.abc import Callable

from services.bounded_executor import BoundedExecutor
from weightbank.errors import WeightbankError


class Readiness:
    """Asks the devices and the store, and knows whether the server ends."""

    def __init__(
        self,
        *,
        missing_devices: Callable[[], list[str]],
        check_store: Callable[[], None],
        executor: BoundedExecutor,
    ) -> None:
        """Ask nothing yet.

        Args:
            missing_devices: Names those that should make chunks, if all are down or hang.
            check_store: Raises if the store does not answer.
            executor: Runs ``check_store``.
        """
        self._missing_devices = missing_devices
        self._check_store = check_store
        self._executor = executor
        self._is_draining = False

    def drain(self) -> None:
        """Be ready no more."""
        self._is_draining = True

    async def reasons(self) -> list[str]:
        """Return why this process is not ready; nothing if it is."""
        reasons = []
        if self._is_draining:
            reasons.append("server: is shutting down")
        if missing := self._missing_devices():
            reasons.append(f"devices: none is at work, of {', '.join(missing)}; the log says why")
        try:
            await self._executor.run(self._check_store)
        except WeightbankError as error:
            reasons.append(f"store: {error}")
        return reasons
