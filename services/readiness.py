"""Whether this process can answer, and if not, why."""

import threading
from collections.abc import Callable

from services.bounded_executor import BoundedExecutor
from weightbank.errors import WeightbankError


class Readiness:
    """Warms the backend up in a thread, and asks the store."""

    def __init__(
        self,
        *,
        warm_up: Callable[[], None],
        check_store: Callable[[], None],
        executor: BoundedExecutor,
        on_error: Callable[[Exception], None],
    ) -> None:
        """Start nothing yet.

        Args:
            warm_up: Compiles or loads kernels; may take a minute.
            check_store: Raises if the store does not answer.
            executor: Runs ``check_store``.
            on_error: Told if ``warm_up`` failed.
        """
        self._warm_up = warm_up
        self._check_store = check_store
        self._executor = executor
        self._on_error = on_error
        self._backend = "backend: kernels are being loaded"
        self._draining = False

    def start(self) -> None:
        """Begin to warm up."""
        threading.Thread(target=self._work, name="warm-up", daemon=True).start()

    def drain(self) -> None:
        """Be ready no more."""
        self._draining = True

    async def reasons(self) -> list[str]:
        """Return why this process is not ready; nothing if it is."""
        reasons = []
        if self._draining:
            reasons.append("server: is shutting down")
        if self._backend:
            reasons.append(self._backend)
        try:
            await self._executor.run(self._check_store)
        except WeightbankError as error:
            reasons.append(f"store: {error}")
        return reasons

    def _work(self) -> None:
        try:
            self._warm_up()
        except Exception as error:  # noqa: BLE001 - whatever it is, the server must say so
            self._backend = "backend: kernels could not be loaded; the log says why"
            self._on_error(error)
        else:
            self._backend = ""
