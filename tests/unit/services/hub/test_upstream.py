"""Questions to the Hub, and what each failure means for a caller."""

import httpx2
import pytest
from huggingface_hub import get_session, set_client_factory
from huggingface_hub.utils._http import default_client_factory

from services.hub.errors import (
    GatedRepositoryError,
    InvalidHubTokenError,
    OfflineError,
    RedirectRefusedError,
    UnknownFileError,
    UnknownRepositoryError,
    UnknownRevisionError,
    UpstreamBusyError,
    UpstreamError,
    UpstreamUnavailableError,
)
from services.hub.session import ANSWER_BYTES, Timeouts
from tests.hub.falsehoods import WeakEtags, false_etag, no_commit, no_etag, rate_limited
from tests.hub.faults import Cut, Fault, Gate, Headers, OtherContent, Redirect, Slow, Status
from tests.hub.repository import FakeRepository
from tests.hub.server import HubServer
from tests.unit.services.hub.conftest import (
    FILES,
    GATED,
    MEMBER,
    NAME,
    PRIVATE,
    STRANGER,
    WEIGHTS,
    WEIGHTS_PATH,
    Services,
)
from weightbank.errors import WeightbankError


def test_a_snapshot_has_all_files_with_their_hashes(
    services: Services, public: FakeRepository
) -> None:
    """Of what is in git, git's; of large files, SHA-256."""
    snapshot = services.upstream().snapshot(NAME, "main", None)
    assert (snapshot.repository, snapshot.commit) == (NAME, public.head)
    assert (snapshot.licence, snapshot.is_restricted) == ("apache-2.0", False)
    assert set(snapshot.files) == set(FILES)
    weights, config = public.file(WEIGHTS_PATH), public.file("config.json")
    assert snapshot.files[WEIGHTS_PATH].hash == f"sha256:{weights.content.sha256}"
    assert snapshot.files[WEIGHTS_PATH].size_bytes == len(WEIGHTS)
    assert snapshot.files["config.json"].hash == f"git-sha1:{config.content.git_sha1}"


@pytest.mark.parametrize("revision", ["v1", "next", "refs/pr/7"])
def test_revisions_of_every_kind_are_found(
    services: Services, public: FakeRepository, revision: str
) -> None:
    """Tags, branches and proposals, with slashes in them."""
    proposed = public.pull_request(7, {"config.json": b"[]"})
    public.tag("v1")
    public.branch("next")
    expected = proposed if revision.startswith("refs") else public.head
    assert services.upstream().snapshot(NAME, revision, None).commit == expected


@pytest.mark.parametrize(("private", "gated"), [(True, False), (False, True), (True, "manual")])
def test_what_is_not_for_everybody_is_restricted(
    services: Services, hub: HubServer, *, private: bool, gated: bool | str
) -> None:
    """Whether it is private or gated."""
    repository = hub.add_repository("owner/name", FILES, private=private, gated=gated)
    hub.grant(MEMBER, repository)
    assert services.upstream().snapshot("owner/name", "main", MEMBER).is_restricted
    assert services.upstream().visibility("owner/name", MEMBER) == ("owner/name", True)


def test_a_repository_without_a_card_has_no_licence(services: Services, hub: HubServer) -> None:
    """What that means is the policy's to say."""
    hub.add_repository("owner/name", FILES, licence=None)
    assert services.upstream().snapshot("owner/name", "main", None).licence is None


def test_a_renamed_repository_is_found_under_its_name_of_today(
    services: Services, hub: HubServer, public: FakeRepository
) -> None:
    """By each kind of question."""
    hub.rename(NAME, "timm/another")
    upstream = services.upstream()
    assert upstream.snapshot(NAME, "main", None).repository == "timm/another"
    assert upstream.visibility(NAME, None) == ("timm/another", False)
    assert upstream.locate(NAME, "main", WEIGHTS_PATH, None).file.commit == public.head


def test_a_large_file_is_located_by_its_sha256(services: Services, public: FakeRepository) -> None:
    """Which the Hub links to, and is not the storage's own ETag."""
    located = services.upstream().locate(NAME, "main", WEIGHTS_PATH, None)
    assert located.file.hash == f"sha256:{public.file(WEIGHTS_PATH).content.sha256}"
    assert (located.size_bytes, located.file.commit) == (len(WEIGHTS), public.head)
    assert services.server.count(host="storage") == 0


@pytest.mark.parametrize("resolve_cache", [False, True])
def test_a_small_file_is_located_by_gits_hash(
    services: Services, public: FakeRepository, *, resolve_cache: bool
) -> None:
    """Directly, or behind a redirect on the same host."""
    services.server.options.resolve_cache = resolve_cache
    located = services.upstream().locate(NAME, "main", "config.json", None)
    assert located.file.hash == f"git-sha1:{public.file('config.json').content.git_sha1}"
    assert located.size_bytes == len(FILES["config.json"])


def test_an_empty_file_has_a_size(services: Services, hub: HubServer) -> None:
    """Which is not the same as none."""
    hub.add_repository(NAME, {"empty.txt": b""})
    assert services.upstream().locate(NAME, "main", "empty.txt", None).size_bytes == 0


@pytest.mark.parametrize("fault", [no_etag(), false_etag("opaque-2"), false_etag("A" * 64)])
@pytest.mark.parametrize("path", sorted(FILES))
def test_a_hash_that_the_etag_is_not_comes_from_the_listing(
    services: Services, public: FakeRepository, fault: Fault, path: str
) -> None:
    """Mirrors have ETags of their own."""
    services.server.inject(fault, "/resolve/", method="HEAD")
    services.server.inject(Headers({"ETag": '"opaque"'}), "config.json", method="HEAD")
    located = services.upstream().locate(NAME, "main", path, None)
    assert located.file.hash.endswith(public.file(path).etag)
    assert located.size_bytes == len(FILES[path])


def test_a_weak_etag_is_as_good_as_its_hash(services: Services, public: FakeRepository) -> None:
    """What comes is held to it in any case."""
    services.server.inject(WeakEtags(), method="HEAD")
    located = services.upstream().locate(NAME, "main", WEIGHTS_PATH, None)
    assert located.file.hash == f"sha256:{public.file(WEIGHTS_PATH).content.sha256}"


def test_a_size_that_is_not_said_comes_from_the_listing(
    services: Services, public: FakeRepository
) -> None:
    """The redirect's own length is none of the file's."""
    services.server.inject(Headers({"X-Linked-Size": None}), method="HEAD")
    located = services.upstream().locate(NAME, "main", WEIGHTS_PATH, None)
    assert located.size_bytes == public.file(WEIGHTS_PATH).content.size_bytes


@pytest.mark.usefixtures("public")
def test_a_file_without_any_hash_cannot_be_had(services: Services) -> None:
    """It could not be verified."""
    services.server.inject(no_etag(), method="HEAD")
    services.server.inject(OtherContent(b"[]"), "/paths-info/")
    with pytest.raises(UpstreamError, match="no hash and size"):
        services.upstream().locate(NAME, "main", WEIGHTS_PATH, None)


@pytest.mark.usefixtures("public")
def test_a_file_without_a_commit_cannot_be_had(services: Services) -> None:
    """A proxy that drops the header makes a file of nowhere of it."""
    services.server.inject(no_commit(), method="HEAD")
    with pytest.raises(UpstreamError, match="cannot be understood"):
        services.upstream().locate(NAME, "main", WEIGHTS_PATH, None)


@pytest.mark.usefixtures("public")
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"null",
        b"not json",
        b"{}",
        b'{"id": "timm/x"}',
        b'{"id": "timm/x", "sha": "main", "siblings": []}',
        b'{"id": "../x", "sha": "%s", "siblings": []}' % (b"0" * 40),
        b'{"id": 7, "sha": "%s", "siblings": []}' % (b"0" * 40),
        b'{"id": "timm/x", "sha": "%s", "siblings": [{}]}' % (b"0" * 40),
        b'{"id": "timm/x", "sha": "%s", "cardData": {"license": "%s"}}' % (b"0" * 40, b"x" * 2000),
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_an_answer_that_is_none_is_the_upstreams_error(services: Services, content: bytes) -> None:
    """And not the caller's, nor ours."""
    services.server.inject(OtherContent(content), "/api/models/")
    with pytest.raises(UpstreamError, match="the Hub's answer"):
        services.upstream().snapshot(NAME, "main", None)


@pytest.mark.usefixtures("public")
def test_what_a_listing_does_not_say_counts_against_it(services: Services) -> None:
    """Unsaid sizes and hashes are unknown, and unsaid rights are restricted."""
    said = b'{"id": "timm/x", "sha": "%s", "siblings": [{"rfilename": "a"}, {"rfilename": "../b"}]}'
    services.server.inject(OtherContent(said % (b"0" * 40)), "/api/models/")
    snapshot = services.upstream().snapshot(NAME, "main", None)
    assert snapshot.is_restricted
    assert [(file.path, file.size_bytes, file.hash) for file in snapshot.files.values()] == [
        ("a", None, None)
    ]


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        (b'"cardData": {"license": ["Apache-2.0", "mit"]}', "apache-2.0,mit"),
        (b'"tags": ["license:mit"]', "mit"),
        (b'"cardData": {"license": ""}, "tags": ["other"]', None),
    ],
)
@pytest.mark.usefixtures("public")
def test_licences_are_read_from_card_or_tags(
    services: Services, card: bytes, licence: str | None
) -> None:
    """Several of them too."""
    said = b'{"id": "timm/x", "sha": "%s", "siblings": [], %s}' % (b"0" * 40, card)
    services.server.inject(OtherContent(said), "/api/models/")
    assert services.upstream().snapshot(NAME, "main", None).licence == licence


@pytest.mark.usefixtures("private", "gated", "public")
@pytest.mark.parametrize(
    ("repository", "revision", "path", "token", "error"),
    [
        ("owner/none", "main", WEIGHTS_PATH, None, UnknownRepositoryError),
        ("owner/none", "main", WEIGHTS_PATH, STRANGER, UnknownRepositoryError),
        (PRIVATE, "main", WEIGHTS_PATH, None, UnknownRepositoryError),
        (PRIVATE, "main", WEIGHTS_PATH, STRANGER, UnknownRepositoryError),
        (PRIVATE, "main", WEIGHTS_PATH, "hf_bad", InvalidHubTokenError),
        (GATED, "main", WEIGHTS_PATH, None, GatedRepositoryError),
        (GATED, "main", WEIGHTS_PATH, STRANGER, GatedRepositoryError),
        (NAME, "none", WEIGHTS_PATH, None, UnknownRevisionError),
        (NAME, "0" * 40, WEIGHTS_PATH, None, UnknownRevisionError),
        (NAME, "main", "none.bin", None, UnknownFileError),
    ],
)
def test_a_refusal_says_whose_matter_it_is(
    services: Services,
    *,
    repository: str,
    revision: str,
    path: str,
    token: str | None,
    error: type[WeightbankError],
) -> None:
    """And what would help."""
    with pytest.raises(error, match="accepted: "):
        services.upstream().locate(repository, revision, path, token)


@pytest.mark.usefixtures("private", "gated")
def test_listings_are_refused_as_files_are(services: Services) -> None:
    """But everybody may see what a gated repository has."""
    upstream = services.upstream()
    for repository, token, error in (
        (PRIVATE, None, UnknownRepositoryError),
        (PRIVATE, STRANGER, UnknownRepositoryError),
        (PRIVATE, "hf_bad", InvalidHubTokenError),
    ):
        with pytest.raises(error):
            upstream.snapshot(repository, "main", token)
        with pytest.raises(error):
            upstream.visibility(repository, token)
    with pytest.raises(UnknownRevisionError):
        upstream.snapshot(GATED, "none", STRANGER)
    assert upstream.snapshot(GATED, "main", None).is_restricted


@pytest.mark.usefixtures("public")
@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, UpstreamError),
        (401, UnknownRepositoryError),
        (403, GatedRepositoryError),
        (404, UnknownRepositoryError),
        (408, UpstreamUnavailableError),
        (418, UpstreamError),
        (429, UpstreamBusyError),
        (451, UpstreamError),
        (500, UpstreamUnavailableError),
        (503, UpstreamUnavailableError),
        (504, UpstreamUnavailableError),
    ],
)
def test_a_status_alone_says_enough(
    services: Services, status: int, error: type[WeightbankError]
) -> None:
    """Mirrors and proxies know no codes of the Hub."""
    services.server.inject(Status(status))
    with pytest.raises(error):
        services.upstream().snapshot(NAME, "main", None)


@pytest.mark.usefixtures("public")
@pytest.mark.parametrize(("said", "expected"), [(30, 30), (0, 1), (99_999, 3600)])
def test_a_limit_says_when_to_come_back(services: Services, said: int, expected: int) -> None:
    """Within an hour."""
    services.server.inject(rate_limited(said))
    with pytest.raises(UpstreamBusyError) as caught:
        services.upstream().locate(NAME, "main", WEIGHTS_PATH, None)
    assert caught.value.retry_after_seconds == expected


@pytest.mark.usefixtures("public")
@pytest.mark.parametrize("fault", [Cut(), Cut(after_bytes=10)])
def test_a_cut_answer_is_none(services: Services, fault: Fault) -> None:
    """Whenever it was cut."""
    services.server.inject(fault)
    with pytest.raises(UpstreamUnavailableError):
        services.upstream().snapshot(NAME, "main", None)


@pytest.mark.usefixtures("public")
def test_a_hub_that_is_down_is_unavailable(services: Services) -> None:
    """And found again once it is back."""
    upstream = services.upstream()
    services.server.stop()
    with pytest.raises(UpstreamUnavailableError):
        upstream.snapshot(NAME, "main", None)
    services.server.start()
    assert upstream.snapshot(NAME, "main", None).repository == NAME


@pytest.mark.usefixtures("public")
@pytest.mark.parametrize("after_bytes", [None, 10])
def test_a_hub_that_hangs_is_not_waited_for(services: Services, after_bytes: int | None) -> None:
    """Neither before its answer nor within."""
    services.server.inject(Gate(after_bytes))
    upstream = services.upstream(timeouts=Timeouts(read_seconds=0.2, answer_seconds=10))
    with pytest.raises(UpstreamUnavailableError):
        upstream.snapshot(NAME, "main", None)


@pytest.mark.usefixtures("public")
def test_an_answer_that_never_ends_is_not_waited_for(services: Services) -> None:
    """Even if each of its pieces comes soon enough."""
    drip = Slow(piece_bytes=1)
    drip.allow(3)
    services.server.inject(drip)
    upstream = services.upstream(timeouts=Timeouts(read_seconds=5, answer_seconds=0.3))
    with pytest.raises(UpstreamUnavailableError):
        upstream.snapshot(NAME, "main", None)


@pytest.mark.usefixtures("public")
def test_an_answer_that_is_too_long_is_not_read(services: Services) -> None:
    """Whatever it says of its length."""
    services.server.inject(OtherContent(b" " * (ANSWER_BYTES + 1)))
    with pytest.raises(UpstreamError, match="too long"):
        services.upstream().snapshot(NAME, "main", None)


@pytest.mark.usefixtures("public")
@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.9:1/a",
        "file:///etc/passwd",
        "//localhost:1/a",
        "https://u:p@hf.co/",
        "http://[",
    ],
)
def test_no_question_follows_a_redirect_elsewhere(services: Services, location: str) -> None:
    """What is listed for files goes for answers too."""
    services.server.inject(Redirect(location), "/api/")
    with pytest.raises((RedirectRefusedError, UpstreamError, UpstreamUnavailableError)) as caught:
        services.upstream().snapshot(NAME, "main", MEMBER)
    assert services.asked() == 1
    assert "passwd" not in str(caught.value)


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


@pytest.mark.usefixtures("public")
def test_an_observer_hears_of_each_question(services: Services) -> None:
    """And of what came of it."""
    upstream = services.upstream()
    located = upstream.locate(NAME, "main", WEIGHTS_PATH, None)
    upstream.read(located, 0, 8, None)
    with pytest.raises(UnknownRevisionError):
        upstream.snapshot(NAME, "none", None)
    assert services.heard.questions == [
        ("file", None),
        ("transfer", None),
        ("snapshot", "unknown_revision"),
    ]


def test_an_endpoint_may_have_a_path(services: Services) -> None:
    """As HF_ENDPOINT may."""
    with pytest.raises(UnknownRepositoryError):
        services.upstream().snapshot(NAME, "main", None)
    asked = services.server.requests.matching()
    assert asked[0].path == f"/api/models/{NAME}/revision/main"
