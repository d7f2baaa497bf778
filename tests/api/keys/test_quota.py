"""How many bytes a key gets."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx

from services.keys.quotas import day_of, seconds_of_day_left
from tests.api.checkpoints.conftest import CHECKPOINT, content, hub_settings, tiny  # noqa: F401
from tests.api.conftest import Api, LiveServer
from tests.api.keys.conftest import KeyRing
from tests.hub.server import HubServer

LARGE: dict[str, Any] = {
    "layers": [{"name": "e", "type": "Embedding", "num_embeddings": 3000, "embedding_dim": 512}]
}
"""6 MB: a stream of several chunks."""


def stored(api: Api, ring: KeyRing, spec: dict[str, Any]) -> tuple[str, int]:
    """Path and size of a spec's weights, posted with another key."""
    posted = api.post("/v1/specs", json=spec, headers=ring.headers("write")).json()
    return f"/v1/weights/{posted['id']}?seed=1", posted["bytes"]


def settled(api: Api, ring: KeyRing, key_id: str) -> int:
    """Bytes of a key today, once the server has told all it knows."""
    access = api.app.state.wiring.access
    api.run(access._quotas.sweep(is_last=True))
    return ring.usage.used(day_of(datetime.now(UTC))).get(key_id, 0)


def test_a_quota_is_spent_to_the_byte(keyed_api: Api, ring: KeyRing) -> None:
    """What fits is sent, what does not is refused with what is left."""
    path, size = stored(keyed_api, ring, LARGE)
    headers, key = ring.make("read", bytes_per_day=size + 1000)
    assert len(keyed_api.get(path, headers=headers).content) == size
    refused = keyed_api.get(path, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (429, "quota_spent")
    assert "has 1,000 bytes left" in refused.json()["detail"]
    seconds_left = seconds_of_day_left(datetime.now(UTC))
    assert 0 <= int(refused.headers["retry-after"]) - seconds_left < 60
    part = {**headers, "Range": "bytes=0-999"}
    assert len(keyed_api.get(path, headers=part).content) == 1000
    assert keyed_api.get(path, headers={**headers, "Range": "bytes=0-0"}).status_code == 429
    assert settled(keyed_api, ring, key.id) == size + 1000


def test_what_has_no_body_costs_nothing(keyed_api: Api, ring: KeyRing) -> None:
    """HEAD, 304 and problems."""
    path, _ = stored(keyed_api, ring, LARGE)
    headers, key = ring.make("read", bytes_per_day=10)
    head = keyed_api.head(path, headers=headers)
    assert head.status_code == 200
    same = {**headers, "If-None-Match": head.headers["etag"]}
    assert keyed_api.get(path, headers=same).status_code == 304
    assert keyed_api.get("/v1/specs/x", headers=headers).status_code == 404
    assert keyed_api.head("/v1/presets", headers=headers).status_code == 200
    assert keyed_api.get(path, headers=headers).json()["code"] == "quota_spent"
    assert settled(keyed_api, ring, key.id) == 0


def test_an_answer_that_does_not_fit_holds_nothing(
    make_keyed_api: Callable[..., Api], ring: KeyRing
) -> None:
    """Neither its stream nor a place for it; the next one that fits is served."""
    api = make_keyed_api(limit_streams=1)
    path, size = stored(api, ring, LARGE)
    headers = ring.headers("read", bytes_per_day=size - 1)
    for _ in range(5):
        refused = api.get(path, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (429, "quota_spent")
    whole = api.get(path, headers=ring.headers("read"))
    assert len(whole.content) == size
    assert api.app.state.wiring.engine.streams == 0


def test_a_checkpoint_that_does_not_fit_holds_nothing(
    make_keyed_api: Callable[..., Api],
    ring: KeyRing,
    hub: HubServer,
    content: bytes,  # noqa: F811
) -> None:
    """Neither its file nor a place to send it from."""
    api = make_keyed_api(**hub_settings(hub), limit_checkpoint_streams=1)
    headers = ring.headers("checkpoints", bytes_per_day=len(content) - 1)
    for _ in range(5):
        refused = api.get(CHECKPOINT, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (429, "quota_spent")
    assert api.app.state.wiring.file_sender.streams == 0
    administrator = ring.headers("admin")
    assert api.get(CHECKPOINT, headers=administrator).content == content
    removed = api.request("DELETE", CHECKPOINT, headers=administrator).json()
    assert removed["left"] == []


def test_files_past_the_server_are_counted(
    make_keyed_server: Callable[..., LiveServer],
    ring: KeyRing,
    hub: HubServer,
    content: bytes,  # noqa: F811
) -> None:
    """What the kernel sends costs as much as what we send."""
    live = make_keyed_server(**hub_settings(hub))
    headers, _ = ring.make("checkpoints", bytes_per_day=2 * len(content))
    with live.client() as client:
        for _ in range(2):
            assert client.get(CHECKPOINT, headers=headers).content == content
        assert client.get(CHECKPOINT, headers=headers).json()["code"] == "quota_spent"


TERABYTES = {
    "layers": [{"name": "e", "type": "Embedding", "num_embeddings": 2**30, "embedding_dim": 256}]
}


def test_a_client_that_leaves_pays_for_what_it_got(
    make_keyed_server: Callable[..., LiveServer], ring: KeyRing
) -> None:
    """The rest is its again at once."""
    live = make_keyed_server()
    headers, key = ring.make("write", bytes_per_day=2**40 + 2**30)
    with live.client() as client:
        posted = client.post("/v1/specs", json=TERABYTES, headers=headers).json()
        path = f"/v1/weights/{posted['id']}?seed=1"
        with client.stream("GET", path, headers=headers) as response:
            assert response.status_code == 200
            parts = response.iter_bytes()
            next(parts)
            with client.stream("GET", path, headers=headers) as refused:
                assert (refused.status_code, response.num_bytes_downloaded > 0) == (429, True)
            parts.close()
        line = live.log.wait_for(outcome="disconnected")
        assert (line["key"], line["code"]) == (key.id, None)
        with client.stream("GET", path, headers=headers) as response:
            assert response.status_code == 200


def test_two_servers_share_a_quota(make_keyed_api: Callable[..., Api], ring: KeyRing) -> None:
    """Whatever they serve at the same time, together it is never more."""
    apis = [make_keyed_api(), make_keyed_api()]
    path, _ = stored(apis[0], ring, LARGE)
    answers = 40
    headers, key = ring.make("read", bytes_per_day=answers * 1000)
    part = {**headers, "Range": "bytes=0-999"}

    def ask(api: Api, count: int) -> list[httpx.Response]:
        async def gather() -> list[httpx.Response]:
            asked = [api._client.get(path, headers=part) for _ in range(count)]
            return list(await asyncio.gather(*asked))

        found: list[httpx.Response] = api.run(gather())
        return found

    responses = [*ask(apis[0], 30), *ask(apis[1], 30), *ask(apis[0], 10)]
    served = [response for response in responses if response.status_code == 206]
    refused = [response for response in responses if response.status_code == 429]
    assert len(served) + len(refused) == len(responses)
    assert len(served) <= answers
    for api in apis:
        settled(api, ring, key.id)
    # What one of them held and did not need is everybody's now.
    rest = [apis[1].get(path, headers=part) for _ in range(answers - len(served) + 1)]
    assert [response.status_code for response in rest] == [206] * (len(rest) - 1) + [429]
    assert settled(apis[1], ring, key.id) == answers * 1000


def test_a_key_without_a_quota_is_counted(keyed_api: Api, ring: KeyRing) -> None:
    """So that an operator sees who takes what."""
    path, size = stored(keyed_api, ring, LARGE)
    headers, key = ring.make("read")
    assert keyed_api.get(path, headers=headers).status_code == 200
    assert settled(keyed_api, ring, key.id) == size


def test_the_settings_quota_is_for_keys_that_say_nothing(
    make_keyed_api: Callable[..., Api], ring: KeyRing
) -> None:
    """A key's own wins, also if it is none."""
    api = make_keyed_api(key_bytes_per_day=5)
    assert api.get("/v1/presets", headers=ring.headers("read")).status_code == 429
    free = ring.headers("read", bytes_per_day=0)
    assert api.get("/v1/presets", headers=free).status_code == 200
