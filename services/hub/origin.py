"""Where the bytes of a file come from, tried with one token after another."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from services.blobs.blob import Origin
from services.hub.absence import Absence
from services.hub.caller import Caller
from services.hub.failures import Subject
from services.hub.located import LocatedFile
from services.hub.rights import REFUSALS, Rights


@dataclass(frozen=True, slots=True)
class HubOrigin:
    """A blob's ``Origin``, for one caller.

    Attributes:
        origins: One for each token that may be good, the best one first.
        absence: Whether anybody is asked.
        rights: Hears of a refusal by the last of them.
        located: The file.
        caller: Who asks.
    """

    origins: tuple[Origin, ...]
    absence: Absence = field(repr=False)
    rights: Rights = field(repr=False)
    located: LocatedFile
    caller: Caller

    @contextmanager
    def open(self, offset: int) -> Iterator[Iterator[bytes]]:
        """Begin a transfer from an offset on, as ``Origin.open`` does."""
        file = self.located.file
        self.absence.check_online(str(Subject(file.repository, file.commit, file.path)))
        with ExitStack() as stack:
            yield self._enter(stack, offset)

    def _enter(self, stack: ExitStack, offset: int) -> Iterator[bytes]:
        *others, last = self.origins
        for origin in others:
            try:
                return stack.enter_context(origin.open(offset))
            except REFUSALS:
                continue
        try:
            return stack.enter_context(last.open(offset))
        except REFUSALS as error:
            self.rights.refused(self.located.file.repository, self.caller, error)
            raise
