"""Many clients at once, for a moment: ``make load`` has more of them, for minutes."""

import pytest

from benchmarks.load import ACTIONS, MB, run_load


@pytest.mark.slow
def test_fifty_clients_get_what_they_ask_for() -> None:
    """Every byte, or a refusal that says when to come again; and nothing stays behind."""
    met = run_load(clients=50, seconds=10, processes=2)
    assert met.errors == []
    assert set(met.seconds) | set(met.refused) == set(ACTIONS)
    assert sum(map(len, met.seconds.values())) > 200
    assert met.growth("rss") < 32 * MB
    assert met.growth("threads") < 16
