"""What a failed question means for a caller."""

import pytest

from services.hub.errors import (
    GatedRepositoryError,
    InvalidHubTokenError,
    UnknownFileError,
    UnknownRepositoryError,
    UnknownRevisionError,
    UpstreamBusyError,
    UpstreamError,
    UpstreamUnavailableError,
)
from services.hub.session import Timeouts
from tests.hub.falsehoods import rate_limited
from tests.hub.faults import Cut, Fault, Gate, Status
from tests.unit.services.hub.conftest import (
    GATED,
    NAME,
    PRIVATE,
    STRANGER,
    WEIGHTS_PATH,
    Services,
)
from weightbank.errors import WeightbankError


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
