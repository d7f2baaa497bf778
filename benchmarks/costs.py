"""What a GB takes of the cores that server and client share, and the ceiling it sets."""

import math
import os
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from benchmarks.transfers import GB, Transfer, median_of


@dataclass(frozen=True, slots=True)
class Costs:
    """Processor seconds for each GB, medians of some transfers.

    Attributes:
        making: Of all threads of the server but its event loop; NaN where a server
            has no such thread, or its process is not known.
        sending: Of its event loop, or of the server where it has none.
        receiving: Of the clients.
    """

    making: float
    sending: float
    receiving: float

    @classmethod
    def of(cls, transfers: Sequence[Transfer], *, has_loop: bool) -> Self:
        """Return the costs of transfers, from a server with an event loop or without."""
        total = median_of(transfers, "server_seconds")
        receiving = median_of(transfers, "client_seconds")
        if not has_loop:
            return cls(math.nan, total, receiving)
        sending = median_of(transfers, "loop_seconds")
        return cls(total - sending, sending, receiving)

    def bound(self, name: str) -> str:
        """Return what bounds the rate of a case, as an item of a list."""
        total = self.making + self.sending + self.receiving
        return (
            f"- {name}: a GB takes {total:.2f} s of processor time; making is "
            f"{self.making / total:.0%} of it, sending {self.sending / total:.0%}, curl "
            f"{self.receiving / total:.0%}. {cores()} cores give at most {cores() / total:.2f} "
            f"GB/s, and the one thread that sends {1 / self.sending:.2f}."
        )


def cores() -> int:
    """Return the number of cores that server and clients share."""
    return len(os.sched_getaffinity(0))


def ceiling(transfer: Transfer) -> float:
    """Return the rate in GB/s at which the cores would do nothing but a transfer."""
    total_seconds = transfer.server_seconds + transfer.client_seconds
    return cores() * transfer.size_bytes / GB / total_seconds


def target(name: str, ratio: float, peers: Sequence[Transfer]) -> str:
    """Return what a ratio to the peer's transfers would ask for."""
    rate = ratio * statistics.median(peer.gigabytes_per_second for peer in peers)
    return (
        f"{ratio} of nginx would be {rate:.2f} GB/s, for which a GB of {name} might take "
        f"{cores() / rate:.2f} s in all."
    )
