"""Names that lead elsewhere: repositories that were renamed, commits that are others."""

from dataclasses import replace
from typing import Any

import pytest

from services.hub.errors import UpstreamError
from tests.hub.faults import Fault, Status
from tests.hub.messages import Request
from tests.hub.repository import FakeRepository
from tests.hub.server import HubServer
from tests.unit.services.hub.conftest import MEMBER, NAME, STRANGER, WEIGHTS_PATH, Services
from weightbank.errors import WeightbankError

HIDDEN = "corp/secret"


class AnotherCommit(Fault):
    """A mirror has but one commit of each repository, whatever it is asked for."""

    def __init__(self, commit: str) -> None:
        self._commit = commit

    def of_request(self, request: Request) -> Request:
        """Ask for the main branch."""
        return replace(request, path=request.path.replace(self._commit, "main"))


@pytest.mark.parametrize("token", [None, STRANGER, "hf_never_seen"])
@pytest.mark.parametrize("options", [{}, {"is_offline": True}, {"is_down": True}])
def test_a_new_name_is_not_told_when_it_is_private(
    services: Services,
    hub: HubServer,
    public: FakeRepository,
    token: str | None,
    options: dict[str, Any],
) -> None:
    """It was public under its old name; its commits are known here."""
    services.hub().locate(NAME, "main", WEIGHTS_PATH)
    hub.add_user(STRANGER)
    hub.rename(NAME, HIDDEN)
    public.private = True
    hub.grant(MEMBER, HIDDEN)
    services.clock.advance(61)
    services.hub().locate(NAME, "main", WEIGHTS_PATH, token=MEMBER)
    if options.pop("is_down", False):
        hub.inject(Status(503))
    client = services.hub(**options)
    for revision in ("main", public.head):
        with pytest.raises(WeightbankError) as caught:
            client.locate(NAME, revision, WEIGHTS_PATH, token=token)
        assert HIDDEN not in str(caught.value)


def test_a_commit_leads_to_itself(
    services: Services, hub: HubServer, public: FakeRepository
) -> None:
    """Or to nothing: who pins one must not get what is of today."""
    old = public.head
    public.commit({WEIGHTS_PATH: b"other"})
    hub.inject(AnotherCommit(old))
    client = services.hub()
    with pytest.raises(UpstreamError):
        client.snapshot(NAME, old)
    with pytest.raises(UpstreamError):
        services.upstream().locate(NAME, old, WEIGHTS_PATH, None)
    assert client.snapshot(NAME, "main").commit == public.head
