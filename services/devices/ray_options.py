"""Which Ray cluster makes chunks, and what each of its actors takes there."""

import re
from dataclasses import dataclass

_ADDRESS = re.compile(r"auto|[^\s/@:]+:[0-9]+|\[[0-9A-Fa-f:]+\]:[0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class RayOptions:
    """A cluster, and our actors there.

    Attributes:
        address: ``HOST:PORT`` of its head node, or ``auto``.
        actors: How many; each is a device.
        actor_cpus: Processors that Ray keeps for each.
        actor_gpus: GPUs that Ray keeps for each; with any it works on one.
    """

    address: str
    actors: int
    actor_cpus: float
    actor_gpus: float


def is_cluster_address(text: str) -> bool:
    """Return whether an address can be that of a cluster.

    Examples:
        >>> is_cluster_address("head:6379"), is_cluster_address("auto")
        (True, True)

        Ray's client is something else, which would copy all bytes once more:

        >>> is_cluster_address("ray://head:10001")
        False
    """
    return _ADDRESS.fullmatch(text) is not None
