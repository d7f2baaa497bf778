"""Which faults meet which requests, and how often."""

import threading
from dataclasses import dataclass

from tests.hub.faults import Fault
from tests.hub.messages import Request


@dataclass(slots=True)
class _Planned:
    fault: Fault
    path_contains: str
    method: str | None
    host: str | None
    skip: int
    times: int | None

    def meets(self, request: Request) -> bool:
        return (
            self.path_contains in request.path
            and self.method in (None, request.method)
            and self.host in (None, request.host)
        )


class FaultPlan:
    """Faults in the order they were added; a request may meet several."""

    def __init__(self) -> None:
        self._planned: list[_Planned] = []
        self._added: list[Fault] = []
        self._lock = threading.Lock()

    def add(
        self,
        fault: Fault,
        *,
        path_contains: str,
        method: str | None,
        host: str | None,
        skip: int,
        times: int | None,
    ) -> None:
        """Plan a fault for the next ``times`` matching requests after ``skip`` of them."""
        with self._lock:
            self._added.append(fault)
            self._planned.append(_Planned(fault, path_contains, method, host, skip, times))

    def remove(self, fault: Fault) -> None:
        """Let a fault meet no further request, and release what it holds."""
        with self._lock:
            self._planned = [planned for planned in self._planned if planned.fault is not fault]
        fault.release()

    def take(self, request: Request) -> list[Fault]:
        """Return the faults that this request meets, and count it."""
        met = []
        with self._lock:
            for planned in [planned for planned in self._planned if planned.meets(request)]:
                if planned.skip:
                    planned.skip -= 1
                elif planned.times is None:
                    met.append(planned.fault)
                elif planned.times:
                    planned.times -= 1
                    met.append(planned.fault)
        return met

    def release(self) -> None:
        """Release whatever is held, as a server does that stops."""
        with self._lock:
            added = list(self._added)
        for fault in added:
            fault.release()
