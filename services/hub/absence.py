"""What to do while the Hub does not answer: remember, and not ask in vain time and again."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar

from services.hub.errors import OfflineError, UpstreamBusyError, UpstreamUnavailableError
from services.hub.observer import HubObserver
from weightbank.errors import WeightbankError

Answer = TypeVar("Answer")

ABSENT = (UpstreamUnavailableError, UpstreamBusyError, OfflineError)
"""Errors that say nothing of what was asked, only that nobody answered."""

_PATIENCE_SECONDS = 5.0
"""How long the Hub is not asked again by those who can do without, once it failed."""

_EVERYBODY = ""
_CALLERS = 4096


class Absence:
    """Asks the Hub, or does without it. Thread-safe."""

    def __init__(
        self, *, is_offline: bool, clock: Callable[[], float], observer: HubObserver
    ) -> None:
        """Expect the Hub to answer.

        Args:
            is_offline: Whether it is never asked.
            clock: Says the time in seconds since 1970.
            observer: Hears of each answer from memory.
        """
        self.is_offline = is_offline
        self._clock = clock
        self._observer = observer
        self._lock = threading.Lock()
        # Since when, for how long and why not, by whom the Hub did not answer.
        self._silences: OrderedDict[str, tuple[float, float, str]] = OrderedDict()

    def ask(
        self,
        digest: str,
        question: Callable[[], Answer],
        remembered: Callable[[], Answer | None],
        *,
        subject: str,
    ) -> Answer:
        """Return the Hub's answer, or what is remembered while it gives none.

        Args:
            digest: Of the caller, whom the Hub may have told to wait.
            question: Asks the Hub.
            remembered: Returns what this caller may be told without the Hub, or None.
            subject: Of the question, in words.

        Raises:
            OfflineError: If nobody is asked, and nothing remembered.
            UpstreamUnavailableError: If the Hub does not answer, and likewise.
            UpstreamBusyError: If it has the caller wait, and likewise.
            WeightbankError: Whatever else ``question`` raises.
        """
        known_silence = self._silence(digest)
        if known_silence is not None:
            answer = remembered()
            if answer is not None:
                self._observer.did_without(known_silence)
                return answer
        self.check_online(subject)
        try:
            answer = question()
        except ABSENT as error:
            failure = error
        except WeightbankError:
            self._end_silence(digest)
            raise
        else:
            self._end_silence(digest)
            return answer
        self._begin_silence(digest, failure)
        answer = remembered()
        if answer is None:
            raise failure
        self._observer.did_without(failure.code)
        return answer

    def check_online(self, subject: str) -> None:
        """See that the Hub may be asked.

        Raises:
            OfflineError: If not.
        """
        if self.is_offline:
            raise OfflineError(subject)

    def _silence(self, digest: str) -> str | None:
        """Return the code of why the Hub would not answer now, as far as is known."""
        if self.is_offline:
            return OfflineError.code
        with self._lock:
            for key in (_EVERYBODY, digest):
                began, seconds, code = self._silences.get(key, (0.0, 0.0, ""))
                if 0 <= self._clock() - began < seconds:
                    return code
        return None

    def _begin_silence(self, digest: str, failure: Exception) -> None:
        """Remember a failure: one of the Hub is everybody's, a limit is the caller's."""
        if isinstance(failure, UpstreamBusyError):
            key, seconds = digest, float(failure.retry_after_seconds)
        else:
            key, seconds = _EVERYBODY, _PATIENCE_SECONDS
        code = getattr(failure, "code", "")
        with self._lock:
            self._silences[key] = (self._clock(), seconds, code)
            if len(self._silences) > _CALLERS:
                self._silences.popitem(last=False)

    def _end_silence(self, digest: str) -> None:
        with self._lock:
            self._silences.pop(_EVERYBODY, None)
            self._silences.pop(digest, None)
