"""The bounds of every question, and where it may be led."""

import itertools
import time
from collections.abc import Iterator

import httpx2
import pytest
from huggingface_hub import get_session, set_client_factory
from huggingface_hub.utils._http import default_client_factory

from services.hub.errors import (
    OfflineError,
    RedirectRefusedError,
    UpstreamError,
)
from services.hub.session import ANSWER_BYTES, Timeouts, asking, bound_answer
from tests.hub.faults import Headers, OtherContent, Redirect
from tests.unit.services.hub.conftest import (
    MEMBER,
    NAME,
    WEIGHTS_PATH,
    Services,
)
from weightbank.errors import WeightbankError


class Drip(httpx2.SyncByteStream):
    """Pieces without an end, each of them soon enough."""

    def __iter__(self) -> Iterator[bytes]:
        """Go on and on."""
        return itertools.repeat(b" ")


def test_an_answer_that_never_ends_is_not_waited_for() -> None:
    """Even if each of its pieces comes soon enough."""
    response = httpx2.Response(200, stream=Drip(), request=httpx2.Request("GET", "http://a"))
    bound_answer(response, time.monotonic() + 0.01)
    with pytest.raises(httpx2.ReadTimeout):
        response.read()


@pytest.mark.usefixtures("public")
def test_an_answer_that_is_too_long_is_not_read(services: Services) -> None:
    """Whatever it says of its length."""
    services.server.inject(OtherContent(b" " * (ANSWER_BYTES + 1)))
    with pytest.raises(UpstreamError, match="too long"):
        services.upstream().snapshot(NAME, "main", None)


@pytest.mark.usefixtures("public")
@pytest.mark.parametrize(
    ("location", "error"),
    [
        ("http://127.0.0.9:1/a", RedirectRefusedError),
        ("file:///etc/passwd", RedirectRefusedError),
        ("//localhost:1/a", RedirectRefusedError),
        ("https://user:secret@hf.co/", RedirectRefusedError),
        ("http://[", RedirectRefusedError),
    ],
)
def test_no_question_follows_a_redirect_elsewhere(
    services: Services, location: str, error: type[Exception]
) -> None:
    """What is listed for files goes for answers too."""
    services.server.inject(Redirect(location), "/api/")
    with pytest.raises(error) as caught:
        services.upstream().snapshot(NAME, "main", MEMBER)
    assert services.asked() == 1
    assert not any(part in str(caught.value) for part in ("passwd", "secret"))


@pytest.mark.usefixtures("public")
def test_no_question_tells_a_token_to_others_than_the_hub(services: Services) -> None:
    """Even if the library would: it trusts all of the Hub's own names."""
    services.upstream()
    with asking(services.hosts(), Timeouts()):
        for url in (services.server.storage_url, services.server.url):
            get_session().get(f"{url}/a", headers={"Authorization": f"Bearer {MEMBER}"})
    assert [request.token for request in services.server.requests] == [None, MEMBER]


@pytest.mark.usefixtures("public")
def test_no_question_follows_redirects_for_ever(services: Services) -> None:
    """A few, and then it is over."""
    services.server.inject(Redirect(f"/api/models/{NAME}"), "/api/")
    services.server.inject(Redirect(f"/{NAME}/resolve/main/{WEIGHTS_PATH}"), "/resolve/")
    with pytest.raises(UpstreamError):
        services.upstream().snapshot(NAME, "main", None)
    with pytest.raises(UpstreamError):
        services.upstream().locate(NAME, "main", WEIGHTS_PATH, None)
    assert services.asked() <= 30


@pytest.mark.usefixtures("public")
def test_the_storage_that_a_question_is_led_to_sees_no_token(services: Services) -> None:
    """It may be asked, as it is listed, and as nobody."""
    services.server.add_user(MEMBER)
    services.server.inject(Redirect(f"{services.server.storage_url}/a"), "/api/")
    with pytest.raises(WeightbankError):
        services.upstream().snapshot(NAME, "main", MEMBER)
    assert services.server.count(host="storage") == 1
    assert not services.server.storage_saw_authorization


@pytest.mark.usefixtures("public")
def test_the_machines_own_token_is_never_used(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is nobody, even where somebody is logged in."""
    monkeypatch.setenv("HF_TOKEN", "hf_of_the_machine")
    upstream = services.upstream()
    located = upstream.locate(NAME, "main", WEIGHTS_PATH, None)
    upstream.snapshot(NAME, "main", None)
    upstream.visibility(NAME, None)
    upstream.check(NAME, "main", WEIGHTS_PATH, None)
    upstream.read(located, 0, 1, None)
    assert {request.token for request in services.server.requests} == {None}


@pytest.mark.usefixtures("public")
def test_cookies_are_not_kept(services: Services) -> None:
    """They would be of whoever asked before."""
    services.server.inject(Headers({"Set-Cookie": "token=secret; Path=/"}))
    upstream = services.upstream()
    for _ in range(2):
        located = upstream.locate(NAME, "main", WEIGHTS_PATH, None)
        upstream.read(located, 0, 1, None)
    assert not any("cookie" in request.headers for request in services.server.requests)


@pytest.mark.usefixtures("public")
def test_another_client_in_this_process_is_replaced_before_a_question(services: Services) -> None:
    """Ours has bounds, that one might not; the hooks it had are kept."""
    called: list[httpx2.URL] = []
    upstream = services.upstream()

    def factory() -> httpx2.Client:
        client = default_client_factory()
        client.event_hooks["request"].append(lambda request: called.append(request.url))
        return client

    set_client_factory(factory)
    try:
        services.server.inject(Redirect("http://127.0.0.9:1/a"), "/api/")
        with pytest.raises(RedirectRefusedError):
            upstream.snapshot(NAME, "main", None)
    finally:
        set_client_factory(default_client_factory)
    assert len(called) == 2


@pytest.mark.usefixtures("public")
def test_others_in_this_process_ask_as_they_like(services: Services) -> None:
    """Our bounds hold for our questions."""
    services.upstream(hosts="")
    assert get_session().get(f"{services.server.storage_url}/a").status_code == 403


@pytest.mark.usefixtures("public")
def test_the_librarys_offline_mode_is_respected(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As everywhere else in the process."""
    upstream = services.upstream()
    located = upstream.locate(NAME, "main", WEIGHTS_PATH, None)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(OfflineError):
        upstream.snapshot(NAME, "main", None)
    with pytest.raises(OfflineError):
        upstream.read(located, 0, 1, None)
