"""How long a transfer is tried again."""

import pytest

from services.blobs.patience import Patience, Persistence


def test_pauses_double_up_to_a_bound() -> None:
    """And there is no further attempt after the last one."""
    patience = Patience(attempts=5, first_pause_seconds=1.0, longest_pause_seconds=3.0)
    persistence = Persistence(patience, now=0.0)
    assert [persistence.pause_seconds(0.0) for _ in range(5)] == [1.0, 2.0, 3.0, 3.0, None]


def test_progress_begins_anew() -> None:
    """Both the attempts and the time."""
    persistence = Persistence(Patience(attempts=2, stalled_seconds=10.0), now=0.0)
    assert persistence.pause_seconds(1.0) is not None
    persistence.progressed(9.0)
    assert persistence.pause_seconds(9.0) is not None
    assert persistence.pause_seconds(18.0) is not None
    assert persistence.pause_seconds(18.0) is None


def test_no_attempt_begins_after_the_time_without_progress() -> None:
    """However many are left."""
    persistence = Persistence(Patience(attempts=1000, stalled_seconds=10.0), now=0.0)
    assert persistence.pause_seconds(9.5) is not None
    assert persistence.pause_seconds(9.9) is None


@pytest.mark.parametrize(("asked", "pause"), [(0.1, 0.2), (7.0, 7.0), (61.0, None), (None, 0.2)])
def test_the_other_side_may_ask_for_a_longer_pause(
    asked: float | None, pause: float | None
) -> None:
    """It gets it, unless that is longer than patience."""
    persistence = Persistence(Patience(), now=0.0)
    assert persistence.pause_seconds(0.0, asked_seconds=asked) == pause
