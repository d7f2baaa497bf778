"""What the Hub's client tells those who watch it."""

from typing import Literal, Protocol

Asked = Literal["snapshot", "visibility", "rights", "file", "read", "transfer"]


class HubObserver(Protocol):
    """Hears what happens, from any thread; must be quick, and not raise."""

    def asked(self, what: Asked, seconds: float, failure: str | None) -> None:
        """Hear of a question that the Hub was asked.

        Args:
            what: Kind of question; of a transfer, the time until it began.
            seconds: It took.
            failure: Code of the error it ended in, ``broken`` for a transfer that is
                worth another attempt; None if it went well.
        """

    def did_without(self, failure: str) -> None:
        """Hear of a question that was answered from memory, as the Hub did not.

        Args:
            failure: Code of the error that the Hub's silence would have been.
        """

    def forgot(self, problem: str) -> None:
        """Hear that the memory on disk could not be read or written, and why."""


class Unobserved:
    """Hears, and forgets."""

    def asked(self, what: Asked, seconds: float, failure: str | None) -> None:
        """See ``HubObserver.asked``."""

    def did_without(self, failure: str) -> None:
        """See ``HubObserver.did_without``."""

    def forgot(self, problem: str) -> None:
        """See ``HubObserver.forgot``."""
