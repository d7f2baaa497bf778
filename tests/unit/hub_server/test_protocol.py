"""The small Hub's answers, header by header."""

import gzip
import hashlib
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.hub.repository import FakeRepository
from tests.hub.server import HubServer
from tests.unit.hub_server.conftest import LONG_TEXT, SMALL_TEXT, WEIGHTS

NAME = "timm/resnet50.a1_in1k"


def _resolve(hub: HubServer, path: str, revision: str = "main") -> str:
    return f"{hub.url}/{NAME}/resolve/{revision}/{path}"


def _storage_link(hub: HubServer, http: httpx.Client) -> str:
    return http.head(_resolve(hub, "model.safetensors")).headers["Location"]


def test_a_small_file_is_answered_directly(
    hub: HubServer, http: httpx.Client, repository: FakeRepository
) -> None:
    """HEAD has the headers of GET."""
    head, get = (http.request(method, _resolve(hub, "config.json")) for method in ("HEAD", "GET"))
    assert (head.status_code, head.content, get.content) == (200, b"", SMALL_TEXT)
    assert head.headers == get.headers
    blob = b"blob %d\0%s" % (len(SMALL_TEXT), SMALL_TEXT)
    assert get.headers["ETag"] == f'"{hashlib.sha1(blob, usedforsecurity=False).hexdigest()}"'
    assert get.headers["X-Repo-Commit"] == repository.head
    assert get.headers["Content-Length"] == str(len(SMALL_TEXT))


def test_a_large_file_is_a_redirect_with_what_names_it(
    hub: HubServer, http: httpx.Client, repository: FakeRepository
) -> None:
    """Hash and size are quoted as the Hub quotes them, and Xet is not mentioned."""
    answer = http.get(_resolve(hub, "model.safetensors"))
    assert answer.status_code == 302
    assert answer.headers["X-Linked-Etag"] == f'"{hashlib.sha256(WEIGHTS).hexdigest()}"'
    assert answer.headers["X-Linked-Size"] == str(len(WEIGHTS))
    assert answer.headers["X-Repo-Commit"] == repository.head
    assert answer.headers["Location"].startswith(f"{hub.storage_url}/")
    assert not {"x-xet-hash", "link"} & set(answer.headers)


@pytest.mark.usefixtures("repository")
def test_the_storages_etag_is_its_own(hub: HubServer, http: httpx.Client) -> None:
    """Nobody may take it for the hash of the content."""
    answer = http.get(_storage_link(hub, http))
    assert answer.content == WEIGHTS
    assert hashlib.sha256(WEIGHTS).hexdigest() not in answer.headers["ETag"]
    assert "model.safetensors" in answer.headers["Content-Disposition"]


@pytest.mark.usefixtures("repository")
def test_the_storage_refuses_links_without_signature_and_old_ones(
    hub: HubServer, http: httpx.Client
) -> None:
    """A link ends; a new one is good again."""
    link = _storage_link(hub, http)
    assert http.get(link.partition("?")[0]).status_code == 403
    hub.expire_links()
    assert http.get(link).status_code == 403
    assert http.get(_storage_link(hub, http)).status_code == 200


@pytest.mark.usefixtures("repository")
def test_a_link_outlives_its_repository(hub: HubServer, http: httpx.Client) -> None:
    """The storage knows nothing of repositories."""
    link = _storage_link(hub, http)
    hub.delete(NAME)
    assert http.get(link).content == WEIGHTS


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-9", 0, 10),
        ("bytes=255990-", 255_990, 256_000),
        ("bytes=-7", 255_993, 256_000),
        ("bytes=255999-999999999", 255_999, 256_000),
        ("bytes=-999999999", 0, 256_000),
    ],
)
def test_a_range_is_answered_with_its_bytes(
    hub: HubServer, http: httpx.Client, asked: str, start: int, stop: int
) -> None:
    """An end beyond the file's is clamped."""
    answer = http.get(_storage_link(hub, http), headers={"Range": asked})
    assert (answer.status_code, answer.content) == (206, WEIGHTS[start:stop])
    assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{len(WEIGHTS)}"


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize("asked", ["bytes=256000-", "bytes=999999-9999999", "bytes=-0"])
def test_a_range_beyond_the_end_cannot_be_satisfied(
    hub: HubServer, http: httpx.Client, asked: str
) -> None:
    """The size is said."""
    answer = http.get(_storage_link(hub, http), headers={"Range": asked})
    assert (answer.status_code, answer.headers["Content-Range"]) == (416, "bytes */256000")


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize(
    "headers",
    [
        {"Range": "items=0-1"},
        {"Range": "bytes=9-5"},
        {"Range": "bytes=x-"},
        {"Range": "bytes=0-1,5-6"},
        {"Range": "bytes=0-1", "If-Range": '"another"'},
    ],
)
def test_a_range_that_means_nothing_is_ignored(
    hub: HubServer, http: httpx.Client, headers: dict[str, str]
) -> None:
    """The whole file is the answer, as it is to several ranges and to an old If-Range."""
    answer = http.get(_storage_link(hub, http), headers=headers)
    assert (answer.status_code, answer.content) == (200, WEIGHTS)


@pytest.mark.usefixtures("repository")
def test_raw_is_what_git_holds(hub: HubServer, http: httpx.Client) -> None:
    """A pointer in place of a large file."""
    answer = http.get(f"{hub.url}/{NAME}/raw/main/model.safetensors")
    assert answer.text == (
        "version https://git-lfs.github.com/spec/v1\n"
        f"oid sha256:{hashlib.sha256(WEIGHTS).hexdigest()}\nsize {len(WEIGHTS)}\n"
    )


@pytest.mark.parametrize("revision", ["refs%2Fpr%2F1", "refs/pr/1"])
@pytest.mark.parametrize("route", ["resolve", "raw"])
def test_a_pull_request_may_be_quoted_or_not(
    hub: HubServer, http: httpx.Client, repository: FakeRepository, revision: str, route: str
) -> None:
    """The file's path begins after it in both spellings."""
    commit = repository.pull_request(1, {"a/b.txt": b"proposed"})
    answer = http.get(f"{hub.url}/{NAME}/{route}/{revision}/a/b.txt")
    assert (answer.content, answer.headers["X-Repo-Commit"]) == (b"proposed", commit)


@pytest.mark.usefixtures("repository")
def test_a_text_is_compressed_for_those_who_accept_it(hub: HubServer, http: httpx.Client) -> None:
    """It has no length then, a weak ETag, and no ranges."""
    headers = {"Accept-Encoding": "gzip, deflate", "Range": "bytes=0-9"}
    with http.stream("GET", _resolve(hub, "docs/long.txt"), headers=headers) as answer:
        raw = b"".join(answer.iter_raw())
    assert gzip.decompress(raw) == LONG_TEXT
    assert (answer.status_code, answer.headers["Content-Encoding"]) == (200, "gzip")
    assert "Content-Length" not in answer.headers
    assert answer.headers["ETag"].startswith('W/"')


@pytest.mark.usefixtures("repository")
def test_a_small_file_that_did_not_change_is_not_sent_again(
    hub: HubServer, http: httpx.Client
) -> None:
    """The ETag is answered with 304."""
    url = _resolve(hub, "config.json")
    etag = http.head(url).headers["ETag"]
    assert http.get(url, headers={"If-None-Match": etag}).status_code == 304
    assert http.get(url, headers={"If-None-Match": '"another"'}).status_code == 200


@pytest.mark.usefixtures("repository")
def test_paths_info_takes_json(hub: HubServer, http: httpx.Client) -> None:
    """As the JavaScript client sends it."""
    url = f"{hub.url}/api/models/{NAME}/paths-info/main"
    found = http.post(url, json={"paths": ["docs/long.txt"], "expand": True}).json()
    assert [entry["path"] for entry in found] == ["docs/long.txt"]


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize("flag", ["true", "True", "1"])
def test_a_tree_may_be_asked_for_in_several_spellings(
    hub: HubServer, http: httpx.Client, flag: str
) -> None:
    """With a slash at the end, and with any client's yes."""
    found = http.get(f"{hub.url}/api/models/{NAME}/tree/main/?recursive={flag}").json()
    assert "docs/long.txt" in [entry["path"] for entry in found]


@pytest.mark.usefixtures("repository")
def test_an_old_name_is_answered_with_the_new_one_on_every_route(
    hub: HubServer, http: httpx.Client
) -> None:
    """The rest of the address stays as it is."""
    hub.rename(NAME, "timm/new")
    answer = http.get(f"{hub.url}/api/models/{NAME}/tree/main?recursive=true")
    location = "/api/models/timm/new/tree/main?recursive=true"
    assert (answer.status_code, answer.headers["Location"]) == (307, location)
    answer = http.get(_resolve(hub, "docs/long.txt", "refs%2Fpr%2F1"))
    location = "/timm/new/resolve/refs%2Fpr%2F1/docs/long.txt"
    assert (answer.status_code, answer.headers["Location"]) == (307, location)


def test_an_old_name_of_a_private_repository_tells_nothing(
    hub: HubServer, http: httpx.Client
) -> None:
    """Only those with rights are led to the new name."""
    hub.add_repository("owner/old", {"config.json": b"{}"}, private=True)
    hub.rename("owner/old", "owner/new")
    hub.grant("hf_member", "owner/new")
    url = f"{hub.url}/owner/old/resolve/main/config.json"
    assert http.get(url).status_code == 401
    assert http.get(url, headers={"Authorization": "Bearer hf_member"}).status_code == 307


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/a/b/c",
        "/api/agent-harnesses",
        "/api/models",
        "/api/models/",
        "/api/resolve-cache/models/a",
    ],
)
def test_anything_else_is_not_there(hub: HubServer, http: httpx.Client, path: str) -> None:
    """Without a code of the Hub's, unless a repository is meant."""
    assert http.get(hub.url + path).status_code in {401, 404}


@pytest.mark.usefixtures("repository")
def test_every_answer_says_how_much_may_be_asked(hub: HubServer, http: httpx.Client) -> None:
    """The API and files have limits of their own."""
    api = http.get(f"{hub.url}/api/models/{NAME}")
    assert api.headers["RateLimit"].startswith('"api";r=')
    file = http.get(_resolve(hub, "config.json"))
    assert file.headers["RateLimit"].startswith('"resolvers";r=')


def test_commits_are_the_same_in_every_run(hub: HubServer) -> None:
    """They follow from the name, the content and what came before."""
    made = [hub.add_repository(name, {"a": b"a"}).head for name in ("owner/one", "owner/two")]
    assert made[0] != made[1]
    assert made[0] == "9172070e757cbdd460cbc968fa7bfc9bb4719581"


@pytest.mark.usefixtures("repository")
def test_many_clients_are_served_at_once(hub: HubServer, http: httpx.Client) -> None:
    """Each has all bytes."""
    link = _storage_link(hub, http)
    with ThreadPoolExecutor(8) as pool:
        contents = list(pool.map(lambda _: httpx.get(link).content, range(16)))
    assert contents == [WEIGHTS] * 16
