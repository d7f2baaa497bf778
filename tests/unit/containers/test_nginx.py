"""nginx's configuration, where it has to say what the servers say."""

import re
from pathlib import Path

import pytest

from app.middleware import _SANE_ID

CONFIGURATION = Path(__file__).parents[3] / "docker" / "nginx" / "nginx.conf"


@pytest.mark.parametrize("given", ["a", "run-12.rank_0", "a" * 64, "a" * 65, "a b", "a/b", ""])
def test_an_id_of_a_request_is_sane_for_both_or_for_none(given: str) -> None:
    """Else one request would have two ids, in two logs."""
    (pattern,) = re.findall(r'"~(\S+)" \$http_x_request_id;', CONFIGURATION.read_text("utf-8"))
    assert bool(re.search(pattern, given)) == bool(_SANE_ID.fullmatch(given.encode()))
