"""Questions to the Hub, and what is read from its answers."""

import pytest

from services.hub.errors import (
    UnknownRevisionError,
    UpstreamError,
)
from services.hub.hosts import Hosts
from services.hub.upstream import Upstream
from tests.hub.falsehoods import WeakEtags, false_etag, no_commit, no_etag
from tests.hub.faults import Fault, Headers, OtherContent
from tests.hub.repository import FakeRepository
from tests.hub.server import HubServer
from tests.unit.services.hub.conftest import (
    FILES,
    MEMBER,
    NAME,
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


@pytest.mark.usefixtures("public")
def test_an_endpoint_may_have_a_path(services: Services) -> None:
    """As HF_ENDPOINT may."""
    endpoint = f"{services.server.url}/hub/"
    upstream = Upstream(endpoint, hosts=Hosts.parse("", endpoint=endpoint))
    for ask in (
        lambda: upstream.snapshot(NAME, "main", None),
        lambda: upstream.locate(NAME, "main", WEIGHTS_PATH, None),
    ):
        with pytest.raises(WeightbankError):
            ask()
    upstream.close()
    assert [request.path for request in services.server.requests] == [
        f"/hub/api/models/{NAME}/revision/main",
        f"/hub/{NAME}/resolve/main/{WEIGHTS_PATH}",
    ]
