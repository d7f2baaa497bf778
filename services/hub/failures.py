"""What it means for a caller that a question to the Hub failed.

Errors of huggingface_hub and httpx2 hold requests with tokens, and addresses with
signatures. None of them leaves this room: neither as a cause nor in a message.
"""

import re
from dataclasses import dataclass
from http import HTTPStatus

import httpx2
from huggingface_hub.errors import (
    DisabledRepoError,
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from services.hub.errors import (
    GatedRepositoryError,
    InvalidHubTokenError,
    OfflineError,
    UnknownFileError,
    UnknownRepositoryError,
    UnknownRevisionError,
    UpstreamBusyError,
    UpstreamError,
    UpstreamUnavailableError,
)
from weightbank.errors import NO_VALUE, WeightbankError

FAILURES = (
    httpx2.HTTPError,
    httpx2.InvalidURL,
    httpx2.StreamError,
    OSError,  # huggingface_hub's own, and what TLS has to say
    RuntimeError,  # of a client that is being closed
    AttributeError,  # these four: an answer that is no such answer
    LookupError,
    TypeError,
    ValueError,
)
"""What a question to the Hub can end in, beside our own errors."""

_DEFAULT_RETRY_SECONDS = 10
_LONGEST_RETRY_SECONDS = 3600
_INVALID_TOKEN = "invalid credentials"  # noqa: S105 - what the Hub says of one
_RATE_LIMIT = re.compile(r"r\s*=\s*0\s*;\s*t\s*=\s*(\d{1,9})")


@dataclass(frozen=True, slots=True)
class Subject:
    """What a question is about.

    Attributes:
        repository: As it was asked for.
        revision: Of it.
        file: In it.
    """

    repository: str
    revision: str | None = None
    file: str | None = None

    def __str__(self) -> str:
        """Return it in words."""
        path = self.repository if self.file is None else f"{self.repository}/{self.file}"
        return path if self.revision is None else f"{path} at {self.revision}"


def failure_of(error: Exception, subject: Subject) -> WeightbankError:
    """Return the error that a caller is told.

    Args:
        error: One of ``FAILURES``, or our own already.
        subject: Of the question.

    Examples:
        >>> str(failure_of(httpx2.ConnectError("https://secret"), Subject("gpt2", "main")))
        'gpt2 at main cannot be had: the Hub does not answer, and it is not kept here \
for this caller; accepted: try again in 10 s'
    """
    if isinstance(error, WeightbankError):
        return error
    if isinstance(error, OfflineModeIsEnabled):
        return OfflineError(str(subject))
    if isinstance(error, HfHubHTTPError):
        return _refusal_of(error, subject)
    is_silence = isinstance(error, httpx2.TransportError | RuntimeError)
    if is_silence and not isinstance(error, httpx2.UnsupportedProtocol | RecursionError):
        is_unreachable = isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout)
        return UpstreamUnavailableError(str(subject), is_unreachable=is_unreachable)
    return _unusable(subject, "cannot be understood")


def told_of(error: WeightbankError, subject: Subject) -> WeightbankError:
    """Return an error in words of what was asked for.

    A repository that was renamed may be private by now, and so is its new name.

    Args:
        error: In words of the repository's name of today.
        subject: As it was asked for.

    Examples:
        >>> str(told_of(OfflineError("corp/secret"), Subject("gpt2"))).partition(":")[0]
        'gpt2 cannot be had'
    """
    match error:
        case UnknownRepositoryError():
            return _unknown_repository(subject)
        case GatedRepositoryError():
            return _gated(subject)
        case OfflineError():
            return OfflineError(str(subject))
        case UpstreamBusyError() | UpstreamUnavailableError():
            return type(error)(str(subject), retry_after_seconds=error.retry_after_seconds)
        case _:
            is_unusable = isinstance(error, UpstreamError)
            return _unusable(subject, "cannot be understood") if is_unusable else error


def _refusal_of(error: HfHubHTTPError, subject: Subject) -> WeightbankError:
    """Return what an answer means that says no."""
    status = error.response.status_code
    if isinstance(error, GatedRepoError):
        return _gated(subject)
    if isinstance(error, RepositoryNotFoundError | DisabledRepoError):
        return _unknown_repository(subject)
    if isinstance(error, RevisionNotFoundError):
        return _unknown_revision(subject)
    if isinstance(error, EntryNotFoundError):
        return _unknown_file(subject)
    if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.REQUEST_TIMEOUT} or status >= 500:  # noqa: PLR2004 - the server's own errors
        return _later(error.response, subject)
    return _refusal_by_status(error, subject)


def _refusal_by_status(error: HfHubHTTPError, subject: Subject) -> WeightbankError:
    """Return what a status means alone, as mirrors say it, without the Hub's code."""
    status = error.response.status_code
    if status == HTTPStatus.UNAUTHORIZED:
        said = f"{error.server_message} {error.response.headers.get('X-Error-Message')}".lower()
        return _invalid_token() if _INVALID_TOKEN in said else _unknown_repository(subject)
    if status == HTTPStatus.FORBIDDEN:
        return _gated(subject)
    if status == HTTPStatus.NOT_FOUND:
        return _unknown_repository(subject) if subject.file is None else _unknown_file(subject)
    return _unusable(subject, f"has the status {status}")


def _later(response: httpx2.Response, subject: Subject) -> WeightbankError:
    seconds = retry_after_seconds(response) or _DEFAULT_RETRY_SECONDS
    if response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
        return UpstreamBusyError(str(subject), retry_after_seconds=seconds)
    return UpstreamUnavailableError(str(subject), retry_after_seconds=seconds)


def retry_after_seconds(response: httpx2.Response) -> int | None:
    """Return when a server wants to be asked again, at most an hour; None if it did not say.

    Examples:
        >>> retry_after_seconds(httpx2.Response(429, headers={"Retry-After": "30"}))
        30
        >>> retry_after_seconds(httpx2.Response(429, headers={"RateLimit": '"api";r=0;t=55'}))
        55
    """
    text = response.headers.get("Retry-After", "").strip()
    if not re.fullmatch(r"[0-9]{1,9}", text):
        match = _RATE_LIMIT.search(response.headers.get("RateLimit", ""))
        if match is None:
            return None
        text = match[1]
    return min(max(int(text), 1), _LONGEST_RETRY_SECONDS)


def _invalid_token() -> WeightbankError:
    return InvalidHubTokenError(
        "token of the Hub",
        NO_VALUE,
        "is not known to the Hub, or not any longer",
        "a token that is valid, or none for what everybody may read",
    )


def _gated(subject: Subject) -> WeightbankError:
    return GatedRepositoryError(
        "repository",
        subject.repository,
        "is for those whom its owner lets in, and this caller is not among them",
        "a token of somebody who asked for access on the repository's page and was let in; "
        "a fine-grained token needs the permission to read gated repositories",
    )


def _unknown_repository(subject: Subject) -> WeightbankError:
    return UnknownRepositoryError(
        "repository",
        subject.repository,
        "does not exist, or is private and this caller's token may not read it",
        "a repository of models that this caller may read",
    )


def _unknown_revision(subject: Subject) -> WeightbankError:
    return UnknownRevisionError(
        "revision",
        subject.revision or "main",
        f"does not exist in {subject.repository}",
        "a branch, a tag, refs/pr/NUMBER or a commit of it",
    )


def _unknown_file(subject: Subject) -> WeightbankError:
    return UnknownFileError(
        "file",
        subject.file or NO_VALUE,
        f"does not exist in {Subject(subject.repository, subject.revision)}",
        "a file that the repository has at this revision",
    )


def _unusable(subject: Subject, problem: str) -> WeightbankError:
    return UpstreamError(str(subject), NO_VALUE, f"cannot be had: the Hub's answer {problem}")
