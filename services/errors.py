"""Errors that only a service can have: unknown ids, overload, a store that is away.

WeightbankError
├── UnknownSpecError           no spec of this id is stored here
├── SpecInUseError             a name stands for the spec
├── MissingSeedError           weights were asked for without a seed
├── ChunkFailedError           bytes could not be made, time and again: our mistake
└── RetryError                 not now; carries ``retry_after_seconds``
    ├── OverloadedError        a bound on work at one time is reached
    ├── StoreUnavailableError  the database does not answer
    ├── NoDeviceError          nothing that makes chunks could be started
    └── ShuttingDownError      the server stops

StartupError                   the process cannot start; one line for its operator
"""

from collections.abc import Sequence

from weightbank.errors import NO_VALUE, WeightbankError


class UnknownSpecError(WeightbankError):
    """No spec of this id is stored here."""

    code = "unknown_spec"

    def __init__(self, spec_id: str) -> None:
        super().__init__(
            "id",
            spec_id,
            "is not the id of a spec that is stored here",
            "the id of a stored spec, 64 lowercase hexadecimal digits",
        )


class SpecInUseError(WeightbankError):
    """A spec cannot be removed, because versions of names stand for it.

    Examples:
        >>> print(SpecInUseError("0" * 64, names=["vision/resnet50@3"]).accepted)
        a spec that no name needs; retire these first: vision/resnet50@3
    """

    code = "spec_in_use"

    def __init__(self, spec_id: str, *, names: Sequence[str]) -> None:
        shown = ", ".join(names) or "names that were made a moment ago"
        accepted = f"a spec that no name needs; retire these first: {shown}"
        super().__init__("id", spec_id, "is what names stand for", accepted)


class MissingSeedError(WeightbankError):
    """Weights were asked for without a seed."""

    code = "missing_seed"

    def __init__(self, *, suggested_seed: int | None, accepted: str) -> None:
        hint = "" if suggested_seed is None else f"; the spec was stored with seed={suggested_seed}"
        super().__init__("seed", NO_VALUE, "is missing", f"{accepted}{hint}")


class ChunkFailedError(WeightbankError):
    """Bytes of a file could not be made, time and again.

    What went wrong is in the log: it is our mistake, and says nothing to a client.

    Examples:
        >>> str(ChunkFailedError(0, 4096, 3))
        'bytes [0, 4096] could not be made in 3 attempts'
    """

    code = "generation_failed"

    def __init__(self, start: int, stop: int, attempts: int) -> None:
        super().__init__("bytes", [start, stop], f"could not be made in {attempts} attempts")


class RetryError(WeightbankError):
    """Not now; the same request may succeed later.

    Attributes:
        retry_after_seconds: When to try again.
    """

    code = "overloaded"

    def __init__(
        self, argument: str, problem: str, *, retry_after_seconds: int, accepted: str | None = None
    ) -> None:
        self.retry_after_seconds = retry_after_seconds
        accepted = accepted or f"try again in {retry_after_seconds} s"
        super().__init__(argument, NO_VALUE, problem, accepted)


class OverloadedError(RetryError):
    """A bound on work at one time is reached.

    Examples:
        >>> str(OverloadedError("streams", limit=2))
        'streams are taken, all 2; accepted: try again in 1 s'
    """

    code = "overloaded"

    def __init__(self, what: str, *, limit: int, retry_after_seconds: int = 1) -> None:
        super().__init__(what, f"are taken, all {limit}", retry_after_seconds=retry_after_seconds)


class StoreUnavailableError(RetryError):
    """The database does not answer."""

    code = "store_unavailable"

    def __init__(self) -> None:
        super().__init__("store", "does not answer", retry_after_seconds=5)


class NoDeviceError(RetryError):
    """Nothing that makes chunks could be started; it is being tried again."""

    code = "no_device"

    def __init__(self) -> None:
        super().__init__("devices", "could not be started, none of them", retry_after_seconds=5)


class ShuttingDownError(RetryError):
    """The server stops, and does not wait for this answer any longer."""

    code = "shutting_down"

    def __init__(self) -> None:
        super().__init__("server", "is shutting down", retry_after_seconds=5)


class StartupError(Exception):
    """The process cannot start. The message is one line for whoever started it."""
