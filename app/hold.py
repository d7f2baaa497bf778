"""Something that is closed when the last of its users is done with it."""

import threading
from collections.abc import Callable


class Hold:
    """Closes something once: when its owner has ended it and nobody uses it any more.

    A number of a descriptor that was closed is soon another file's. So a thread takes
    hold of what it belongs to before it uses the number, and the owner need not wait
    for the thread.

    Examples:
        >>> hold = Hold(lambda: print("closed"))
        >>> hold.take()
        True
        >>> hold.end()
        >>> hold.take()
        False
        >>> hold.give_back()
        closed
    """

    def __init__(self, close: Callable[[], None]) -> None:
        self._close = close
        self._lock = threading.Lock()
        self._users = 1
        self._has_ended = False

    def take(self) -> bool:
        """Use it until ``give_back``; return whether it may still be used."""
        with self._lock:
            if self._has_ended:
                return False
            self._users += 1
            return True

    def give_back(self) -> None:
        """Use it no more."""
        with self._lock:
            self._users -= 1
            is_last = self._users == 0
        if is_last:
            self._close()

    def end(self) -> None:
        """Let nobody take it any more. May be called more than once."""
        with self._lock:
            if self._has_ended:
                return
            self._has_ended = True
        self.give_back()
