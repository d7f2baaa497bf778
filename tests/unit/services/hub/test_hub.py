"""What there is, asked no more than needed."""

import threading

import pytest

from services.hub.errors import (
    InvalidFileError,
    InvalidHubTokenError,
    InvalidRepositoryError,
    InvalidRevisionError,
    LicenceNotAllowedError,
    RepositoryNotAllowedError,
    UnknownFileError,
    UnknownRepositoryError,
    UnknownRevisionError,
    UpstreamError,
)
from services.hub.hub import Hub
from services.hub.rights import MemoryTimes
from tests.hub.falsehoods import no_etag
from tests.hub.faults import Gate, OtherContent
from tests.hub.repository import FakeRepository
from tests.hub.server import HubServer
from tests.unit.services.hub.conftest import (
    MEMBER,
    NAME,
    PRIVATE,
    STRANGER,
    WEIGHTS,
    WEIGHTS_PATH,
    Services,
)
from weightbank.errors import WeightbankError

RENAMED = "timm/another"


def fetch(hub: Hub, *, token: str | None = None, offset: int = 0) -> bytes:
    """Return the weights of the usual repository."""
    located = hub.locate(NAME, "main", WEIGHTS_PATH, token=token)
    with hub.origin(located, token=token).open(offset) as pieces:
        return b"".join(pieces)


def test_a_file_is_found_and_fetched(services: Services, public: FakeRepository) -> None:
    """One question, and one for the bytes."""
    assert fetch(services.hub()) == WEIGHTS
    asked = [(request.method, request.path) for request in services.server.requests]
    assert asked[:2] == [
        ("GET", f"/api/models/{NAME}/revision/main"),
        ("GET", f"/{NAME}/resolve/{public.head}/{WEIGHTS_PATH}"),
    ]
    assert len(asked) == 3


@pytest.mark.parametrize("revision", ["main", "commit"])
def test_what_is_remembered_is_not_asked_for(
    services: Services, public: FakeRepository, revision: str
) -> None:
    """Neither by this process nor by another one."""
    revision = public.head if revision == "commit" else revision
    first = services.hub()
    expected = first.snapshot(NAME, revision), first.locate(NAME, revision, WEIGHTS_PATH)
    before = services.asked()
    services.clock.advance(9.9)
    for hub in (first, services.hub()):
        assert (hub.snapshot(NAME, revision), hub.locate(NAME, revision, WEIGHTS_PATH)) == expected
        hub.authorize(NAME, public.head)
    assert services.asked() == before


def test_a_branch_is_asked_for_again_after_a_while(
    services: Services, public: FakeRepository
) -> None:
    """And has then moved."""
    hub = services.hub()
    old = hub.locate(NAME, "main", WEIGHTS_PATH)
    public.commit({WEIGHTS_PATH: b"others"})
    services.clock.advance(9.9)
    assert hub.locate(NAME, "main", WEIGHTS_PATH) == old
    services.clock.advance(0.2)
    new = hub.locate(NAME, "main", WEIGHTS_PATH)
    assert (new.file.commit, new.size_bytes) == (public.head, 6)
    assert hub.locate(NAME, old.file.commit, WEIGHTS_PATH) == old


def test_another_process_has_a_branch_asked_for_only_once(
    services: Services, public: FakeRepository
) -> None:
    """Who remembers less than others looks at what they know."""
    one, other = services.hub(), services.hub()
    one.snapshot(NAME)
    services.clock.advance(11)
    other.snapshot(NAME)
    before = services.asked()
    assert one.snapshot(NAME).commit == public.head
    assert services.asked() == before


@pytest.mark.usefixtures("public")
def test_nothing_is_remembered_for_no_time_at_all(services: Services) -> None:
    """Zero seconds ask each time, and still answer."""
    hub = services.hub(times=MemoryTimes(revision_seconds=0, rights_seconds=0))
    for _ in range(2):
        before = services.asked()
        hub.snapshot(NAME)
        assert services.asked() > before


@pytest.mark.usefixtures("public")
def test_a_clock_that_was_set_back_makes_nothing_last_longer(services: Services) -> None:
    """What was said in the future counts as old."""
    hub = services.hub()
    hub.snapshot(NAME)
    services.clock.advance(-3600)
    before = services.asked()
    hub.snapshot(NAME)
    assert services.asked() > before


def test_a_public_repository_is_asked_about_once_for_all(
    services: Services, public: FakeRepository
) -> None:
    """And without anybody's token, after a while."""
    hub = services.hub()
    for token in (MEMBER, STRANGER):
        services.server.add_user(token)
    hub.locate(NAME, public.head, WEIGHTS_PATH, token=MEMBER)
    services.clock.advance(61)
    services.server.requests.clear()
    for token in (STRANGER, MEMBER, None):
        hub.locate(NAME, public.head, WEIGHTS_PATH, token=token)
    assert [request.token for request in services.server.requests] == [None]


def test_the_same_question_at_the_same_time_is_asked_once(
    services: Services, public: FakeRepository
) -> None:
    """Whoever comes while it is under way waits for its answer."""
    gate = Gate(None)
    services.server.inject(gate, "/api/models/")
    hub, answers = services.hub(), list[str]()
    threads = [
        threading.Thread(target=lambda: answers.append(hub.snapshot(NAME).commit)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    gate.wait_for_arrival()
    gate.release()
    for thread in threads:
        thread.join(30)
    assert answers == [public.head] * 8
    assert services.asked() == 1


def test_a_file_is_located_even_if_the_listing_has_no_hash(
    services: Services, public: FakeRepository
) -> None:
    """By one more question, and never again."""
    said = b'{"id": "%s", "sha": "%s", "private": false, "gated": false, "siblings": [%s]}' % (
        NAME.encode(),
        public.head.encode(),
        b'{"rfilename": "model.safetensors"}',
    )
    services.server.inject(OtherContent(said), "/api/models/")
    hub = services.hub()
    located = hub.locate(NAME, "main", WEIGHTS_PATH)
    assert located.file.hash == f"sha256:{public.file(WEIGHTS_PATH).content.sha256}"
    assert services.server.count(method="HEAD") == 1
    assert hub.locate(NAME, "main", WEIGHTS_PATH) == located
    assert services.server.count(method="HEAD") == 1


def test_a_file_that_nothing_could_be_held_to_is_not_located(
    services: Services, public: FakeRepository
) -> None:
    """Neither the listing nor the file's own headers have its hash."""
    said = b'{"id": "%s", "sha": "%s", "siblings": [{"rfilename": "model.safetensors"}]}'
    content = said % (NAME.encode(), public.head.encode())
    services.server.inject(OtherContent(content), "/api/models/", method="GET")
    services.server.inject(OtherContent(b"[]"), "/paths-info/")
    services.server.inject(no_etag(), method="HEAD")
    with pytest.raises(UpstreamError, match="no hash and size"):
        services.hub().locate(NAME, "main", WEIGHTS_PATH)


@pytest.mark.usefixtures("public")
@pytest.mark.parametrize(
    ("repository", "revision", "path", "error"),
    [
        ("a/b/c", "main", "a", InvalidRepositoryError),
        (NAME, "a..b", "a", InvalidRevisionError),
        (NAME, "main", "../a", InvalidFileError),
    ],
)
def test_names_are_checked_before_anybody_is_asked(
    services: Services, *, repository: str, revision: str, path: str, error: type[WeightbankError]
) -> None:
    """They become parts of addresses."""
    with pytest.raises(error):
        services.hub().locate(repository, revision, path)
    assert services.asked() == 0


@pytest.mark.usefixtures("public")
@pytest.mark.parametrize("token", ["two words", "a\r\nX-Evil: 1", "größe", "a" * 513])
def test_tokens_are_checked_before_anybody_is_told(services: Services, token: str) -> None:
    """They become parts of headers, and are not repeated."""
    with pytest.raises(InvalidHubTokenError) as caught:
        services.hub().snapshot(NAME, token=token)
    assert token not in str(caught.value)
    assert services.asked() == 0


@pytest.mark.usefixtures("public")
def test_what_is_not_there_is_unknown(services: Services) -> None:
    """And is asked for again by the next caller: it may have come."""
    hub = services.hub()
    with pytest.raises(UnknownRepositoryError):
        hub.snapshot("owner/none")
    with pytest.raises(UnknownRevisionError):
        hub.snapshot(NAME, "none")
    with pytest.raises(UnknownFileError, match=r"'none\.bin' does not exist"):
        hub.locate(NAME, "main", "none.bin")
    services.server.add_repository("owner/none", {"a": b"a"})
    assert hub.locate("owner/none", "main", "a").size_bytes == 1


@pytest.mark.usefixtures("public")
def test_a_repository_that_is_not_allowed_is_not_asked_for(services: Services) -> None:
    """The Hub need not know what was wanted."""
    with pytest.raises(RepositoryNotAllowedError):
        services.hub(allowed="owner/*").snapshot(NAME)
    assert services.asked() == 0


@pytest.mark.parametrize("licences", ["mit", "!apache-2.0"])
def test_a_licence_that_is_not_accepted_is_refused(
    services: Services, public: FakeRepository, licences: str
) -> None:
    """By the answer and by what is remembered, of branches and commits."""
    services.hub().snapshot(NAME)
    for revision in ("main", public.head):
        with pytest.raises(LicenceNotAllowedError):
            services.hub(licences=licences).locate(NAME, revision, WEIGHTS_PATH)


def test_a_renamed_repository_goes_on_under_its_old_name(
    services: Services, hub: HubServer, public: FakeRepository
) -> None:
    """Answers name it as it is called today; what is remembered is one."""
    client = services.hub()
    old = client.locate(NAME, "main", WEIGHTS_PATH)
    hub.rename(NAME, RENAMED)
    services.clock.advance(11)
    new = client.locate(NAME, "main", WEIGHTS_PATH)
    assert new.file.repository == RENAMED
    assert (new.file.hash, new.file.commit) == (old.file.hash, public.head)
    before = services.asked()
    assert client.locate(RENAMED, public.head, WEIGHTS_PATH) == new
    assert client.locate(NAME, public.head, WEIGHTS_PATH) == new
    assert services.asked() == before
    assert fetch(client) == WEIGHTS


def test_a_commit_of_a_renamed_repository_is_not_asked_for_again(
    services: Services, hub: HubServer, public: FakeRepository
) -> None:
    """But who may read it is, under whatever name."""
    client = services.hub()
    client.snapshot(NAME, public.head)
    hub.rename(NAME, RENAMED)
    services.clock.advance(61)
    hub.requests.clear()
    client.authorize(NAME, public.head)
    assert [request.status for request in hub.requests] == [307, 200]


def test_a_new_name_has_to_be_allowed_too(
    services: Services, hub: HubServer, public: FakeRepository
) -> None:
    """Whether it is learned by a branch or by a question about rights."""
    client = services.hub(allowed="timm/*")
    client.snapshot(NAME)
    hub.rename(NAME, "evil/other")
    services.clock.advance(61)
    for revision in (public.head, "main"):
        with pytest.raises(RepositoryNotAllowedError, match="has a new name"):
            client.snapshot(NAME, revision)


def test_a_name_may_come_to_be_another_repositorys(
    services: Services, hub: HubServer, public: FakeRepository
) -> None:
    """The branch is then that of the new one."""
    client = services.hub()
    hub.rename(NAME, RENAMED)
    client.snapshot(NAME)
    other = hub.add_repository(NAME, {"b": b"b"})
    services.clock.advance(11)
    snapshot = client.snapshot(NAME)
    assert (snapshot.repository, snapshot.commit) == (NAME, other.head)
    assert client.snapshot(RENAMED).commit == public.head


def test_what_was_located_is_listed(services: Services, public: FakeRepository) -> None:
    """By repository, by commit and by content; in another process too."""
    client = services.hub()
    old = client.locate(NAME, "main", WEIGHTS_PATH)
    config = client.locate(NAME, "main", "config.json")
    public.commit({WEIGHTS_PATH: b"others"})
    services.clock.advance(11)
    new = client.locate(NAME, "main", WEIGHTS_PATH)
    again, before = services.hub(), services.asked()
    assert set(again.known_files(NAME)) == {old, config, new}
    assert set(again.known_files(NAME, old.file.commit)) == {old, config}
    assert list(again.known_files(NAME, "main")) == [new]
    assert list(again.known_files(NAME, "none")) == []
    assert list(again.places(old.file.hash)) == [old]
    assert services.asked() == before


@pytest.mark.usefixtures("private")
def test_places_of_content_are_told_only_of_public_repositories(services: Services) -> None:
    """Whoever has a file need not learn who else has it."""
    client = services.hub()
    located = client.locate(PRIVATE, "main", WEIGHTS_PATH, token=MEMBER)
    assert list(client.places(located.file.hash)) == []
    assert list(client.known_files(PRIVATE)) == [located]


def test_what_is_forgotten_is_asked_for_again(
    services: Services, hub: HubServer, public: FakeRepository
) -> None:
    """All of a repository, under the name it had too."""
    client = services.hub()
    hub.rename(NAME, RENAMED)
    client.locate(NAME, "main", WEIGHTS_PATH)
    client.forget(NAME)
    assert list(client.known_files(RENAMED)) == []
    before = services.asked()
    client.snapshot(RENAMED, public.head)
    assert services.asked() == before + 1


def test_what_is_distrusted_is_asked_for_again(services: Services, public: FakeRepository) -> None:
    """By each process that believed it, whoever noticed first."""
    wrong = services.server.add_repository("owner/wrong", {WEIGHTS_PATH: b"wrong"})
    size, sha256 = len(WEIGHTS), public.file(WEIGHTS_PATH).content.sha256
    false_hash = wrong.file(WEIGHTS_PATH).content.sha256
    lie = (
        b'{"id": "%s", "sha": "%s", "private": false, "gated": false, "siblings": [{"rfilename": '
        b'"model.safetensors", "lfs": {"sha256": "%s", "size": %d, "pointerSize": 130}}]}'
    ) % (NAME.encode(), public.head.encode(), false_hash.encode(), size)
    services.server.inject(OtherContent(lie), "/api/models/timm", times=1)
    one, other = services.hub(), services.hub()
    believed = {hub.locate(NAME, public.head, WEIGHTS_PATH) for hub in (one, other)}
    assert {located.file.hash for located in believed} == {f"sha256:{false_hash}"}
    for hub in (one, other):
        hub.distrust(f"sha256:{false_hash}")
        assert hub.locate(NAME, public.head, WEIGHTS_PATH).file.hash == f"sha256:{sha256}"
