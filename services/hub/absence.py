"""What to do while the Hub does not answer: remember, and not ask in vain time and again.

Anybody can ask what makes the Hub fail. That one question failed is a reason to do
without an answer to others only where nothing but time is lost: a right that could be
taken away by now rests on a question about itself.
"""

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
"""How long the Hub is not asked again by those who can do without, once it failed.

It is longer where the failure itself took long.
"""

_WAITS_BETWEEN = 3
_LONGEST_PATIENCE_SECONDS = 60.0

_EVERYBODY = "everybody"
_UNREACHABLE = "unreachable"
_SILENCES = 4096


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
        restricted: str | None = None,
    ) -> Answer:
        """Return the Hub's answer, or what is remembered while it gives none.

        Args:
            digest: Of the caller, whom the Hub may have told to wait.
            question: Asks the Hub.
            remembered: Returns what this caller may be told without the Hub, or None.
            subject: Of the question, in words.
            restricted: The repository that a right is asked for which not everybody has.

        Raises:
            OfflineError: If nobody is asked, and nothing remembered.
            UpstreamUnavailableError: If the Hub does not answer, and likewise.
            UpstreamBusyError: If it has the caller wait, and likewise.
            WeightbankError: Whatever else ``question`` raises.
        """
        right = None if restricted is None else f"{digest} {restricted}"
        known_silence = self._silence(digest, right)
        if known_silence is not None:
            answer = remembered()
            if answer is not None:
                self._observer.did_without(known_silence)
                return answer
        self.check_online(subject)
        began = self._clock()
        try:
            answer = question()
        except ABSENT as error:
            failure = error
        except WeightbankError:
            self._end_silence(digest, right)
            raise
        else:
            self._end_silence(digest, right)
            return answer
        waited_seconds = max(0.0, self._clock() - began)
        self._begin_silence(digest, right, failure, waited_seconds)
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

    def _silence(self, digest: str, right: str | None) -> str | None:
        """Return the code of why the Hub would not answer now, as far as is known."""
        if self.is_offline:
            return OfflineError.code
        keys = (_EVERYBODY, digest) if right is None else (_UNREACHABLE, right)
        with self._lock:
            for key in keys:
                began, seconds, code = self._silences.get(key, (0.0, 0.0, ""))
                if 0 <= self._clock() - began < seconds:
                    return code
        return None

    def _begin_silence(
        self, digest: str, right: str | None, failure: Exception, waited_seconds: float
    ) -> None:
        """Remember a failure: one of the Hub is everybody's, a limit is the caller's."""
        # Who waited long for nothing does so seldom: others would wait as long.
        patience = max(_PATIENCE_SECONDS, _WAITS_BETWEEN * waited_seconds)
        patience = min(patience, _LONGEST_PATIENCE_SECONDS)
        if isinstance(failure, UpstreamBusyError):
            silences = {digest: float(failure.retry_after_seconds)}
        else:
            silences = {_EVERYBODY: patience}
        if isinstance(failure, UpstreamUnavailableError) and failure.is_unreachable:
            silences[_UNREACHABLE] = patience
        if right is not None:
            silences[right] = min(*silences.values(), _LONGEST_PATIENCE_SECONDS)
        code = getattr(failure, "code", "")
        with self._lock:
            for key, seconds in silences.items():
                self._silences[key] = (self._clock(), seconds, code)
                self._silences.move_to_end(key)
            while len(self._silences) > _SILENCES:
                self._silences.popitem(last=False)

    def _end_silence(self, digest: str, right: str | None) -> None:
        with self._lock:
            for key in (_EVERYBODY, _UNREACHABLE, digest, right):
                self._silences.pop(key or "", None)
