"""No token and no signature leaves the client: not in errors, logs or representations."""

import logging
import traceback
from typing import TYPE_CHECKING

import pytest

from services.hub.hub import Hub
from services.hub.located import LocatedFile
from tests.hub.falsehoods import no_etag, rate_limited
from tests.hub.faults import Cut, Fault, OtherContent, Redirect, Status
from tests.hub.repository import FakeRepository
from tests.unit.services.hub.conftest import MEMBER, PRIVATE, WEIGHTS_PATH, Services

if TYPE_CHECKING:
    from collections.abc import Callable

FAULTS = [
    Cut(),
    Cut(after_bytes=3),
    OtherContent(b"no answer"),
    Redirect("https://evil.org/a?X-Amz-Signature=signature"),
    Redirect("http://["),
    Status(400),
    Status(401),
    Status(403),
    Status(404),
    Status(416),
    Status(500),
    rate_limited(3),
    no_etag(),
]
SECRETS = (MEMBER, "X-Amz-Signature", "signature", "Bearer")


def chain(error: BaseException | None) -> list[BaseException]:
    """Return an error with all that it is said to come of, or came while handling."""
    errors: list[BaseException] = []
    while error is not None and error not in errors:
        errors.append(error)
        error = error.__cause__ or error.__context__
    return errors


def check(error: BaseException) -> None:
    """See that an error and all behind it hold no secret, and no request that does."""
    for each in chain(error):
        shown = "".join(traceback.format_exception(each)) + repr(each) + repr(vars(each))
        assert not any(secret in shown for secret in SECRETS), shown
        assert type(each).__module__.split(".")[0] in {"services", "builtins"}, type(each)


def try_all(hub: Hub, located: LocatedFile) -> list[Exception]:
    """Do everything, and return what went wrong."""
    other = LocatedFile(located.file, located.size_bytes)

    def fetch() -> None:
        with hub.origin(other, token=MEMBER).open(1) as pieces:
            b"".join(pieces)

    calls: list[Callable[[], object]] = [
        lambda: hub.snapshot(PRIVATE, "main", token=MEMBER),
        lambda: hub.locate(PRIVATE, located.file.commit, WEIGHTS_PATH, token=MEMBER),
        lambda: hub.read(other, 0, 100, token=MEMBER),
        fetch,
    ]
    errors = []
    for call in calls:
        try:
            call()
        except Exception as error:  # noqa: BLE001 - whatever it is
            errors.append(error)
    return errors


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
@pytest.mark.parametrize("host", ["hub", "storage"])
def test_nothing_secret_is_in_an_error(
    services: Services, private: FakeRepository, fault: Fault, host: str
) -> None:
    """Whatever went wrong, and wherever; nor is it among what the error came of."""
    located = services.hub().locate(PRIVATE, "main", WEIGHTS_PATH, token=MEMBER)
    assert located.file.commit == private.head
    services.clock.advance(8 * 86_400)
    services.server.inject(fault, host=host)  # type: ignore[arg-type]
    for error in try_all(services.hub(), located):
        check(error)


@pytest.mark.usefixtures("private")
def test_nothing_secret_is_logged(services: Services, caplog: pytest.LogCaptureFixture) -> None:
    """Not even by the libraries, and not even when they are asked to."""
    for name in ("huggingface_hub", "httpx2", "httpcore2"):
        caplog.set_level(logging.DEBUG, name)
    caplog.set_level(logging.DEBUG)
    hub = services.hub()
    located = hub.locate(PRIVATE, "main", WEIGHTS_PATH, token=MEMBER)
    assert try_all(hub, located) == []
    services.server.inject(Redirect("https://evil.org/a?X-Amz-Signature=signature"), "/resolve/")
    assert try_all(hub, located)
    assert "httpx2" in caplog.text
    assert "httpcore2" in caplog.text
    for record in caplog.records:
        shown = f"{record.getMessage()} {record.args!r}"
        assert not any(secret in shown for secret in SECRETS), shown


@pytest.mark.usefixtures("private")
def test_nothing_secret_is_in_a_representation(services: Services) -> None:
    """A debugger may show it to anybody."""
    hub = services.hub(token=MEMBER)
    located = hub.locate(PRIVATE, "main", WEIGHTS_PATH)
    for shown in (hub, hub.origin(located), services.upstream().origin(located, MEMBER)):
        assert MEMBER not in repr(shown)
