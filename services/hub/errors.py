"""Errors of checkpoints that come from elsewhere: names, rights, the upstream, the disk.

WeightbankError
├── InvalidRepositoryError        no repository has such a name
├── InvalidRevisionError          no branch, tag or commit has such a name
├── InvalidFileError              no file that we serve has such a path
├── UnknownRepositoryError        the Hub has none, or shows it to others only
├── UnknownRevisionError          the repository has none
├── UnknownFileError              the repository has none at this revision
├── InvalidHubTokenError          the Hub knows no such token
├── GatedRepositoryError          its owner has not let this caller in
├── RepositoryNotAllowedError     this server's allow-list has it not
├── LicenceNotAllowedError        this server's licence policy has it not
├── PickleRefusedError            a pickle can run code when it is loaded
├── InvalidCheckpointError        the file's header cannot be believed
├── ConversionError               a pickle could not be converted
├── CorruptFileError              the bytes have another hash or size than the Hub says
├── RedirectRefusedError          the Hub points to a host that is not to be asked
├── UpstreamError                 the Hub answered what nobody can use
├── OfflineError                  this server asks nobody, and the cache does not help
├── NotCachedError                nothing of this is kept here
├── InsufficientStorageError      no place for it within quota and disk
└── RetryError
    ├── UpstreamUnavailableError  the Hub does not answer, and the cache does not help
    └── UpstreamBusyError         the Hub asks us to wait
"""

from services.errors import RetryError
from weightbank.errors import NO_VALUE, WeightbankError
from weightbank.errors import InvalidCheckpointError as InvalidCheckpointError  # noqa: PLC0414 - one of these too


class InvalidRepositoryError(WeightbankError):
    """No repository has such a name."""

    code = "invalid_repository"


class InvalidRevisionError(WeightbankError):
    """No branch, tag or commit has such a name."""

    code = "invalid_revision"


class InvalidFileError(WeightbankError):
    """No file that is served here has such a path."""

    code = "invalid_file"


class UnknownRepositoryError(WeightbankError):
    """The Hub has no such repository, or shows it to others only."""

    code = "unknown_repository"


class UnknownRevisionError(WeightbankError):
    """The repository has no such branch, tag or commit."""

    code = "unknown_revision"


class UnknownFileError(WeightbankError):
    """The repository has no such file at this revision."""

    code = "unknown_file"


class InvalidHubTokenError(WeightbankError):
    """The Hub knows no such token. It is never shown."""

    code = "invalid_hub_token"


class GatedRepositoryError(WeightbankError):
    """The repository's owner has not let this caller in."""

    code = "gated_repository"


class RepositoryNotAllowedError(WeightbankError):
    """The allow-list of this server does not have it."""

    code = "repository_not_allowed"


class LicenceNotAllowedError(WeightbankError):
    """The licence policy of this server does not have it."""

    code = "licence_not_allowed"


class PickleRefusedError(WeightbankError):
    """A pickled checkpoint can run code when it is loaded."""

    code = "pickle_refused"


class ConversionError(WeightbankError):
    """A pickled checkpoint could not be converted within its bounds."""

    code = "conversion_failed"


class CorruptFileError(WeightbankError):
    """What came has another hash or size than the Hub says."""

    code = "corrupt_file"


class RedirectRefusedError(WeightbankError):
    """The Hub points to a host that this server must not ask."""

    code = "redirect_refused"


class UpstreamError(WeightbankError):
    """The Hub answered what nobody can use."""

    code = "upstream_error"


class NotCachedError(WeightbankError):
    """Nothing of this is kept here."""

    code = "not_cached"


class InsufficientStorageError(WeightbankError):
    """There is no place for a file within the quota and on the disk."""

    code = "insufficient_storage"


class UpstreamUnavailableError(RetryError):
    """The Hub does not answer, and what is kept here does not help.

    Attributes:
        is_unreachable: Whether there is not even a connection: then that is so for all
            questions, and not only for one that the Hub cannot answer.
    """

    code = "upstream_unavailable"

    def __init__(
        self, what: str, *, retry_after_seconds: int = 10, is_unreachable: bool = False
    ) -> None:
        self.is_unreachable = is_unreachable
        super().__init__(
            what,
            "cannot be had: the Hub does not answer, and it is not kept here for this caller",
            retry_after_seconds=retry_after_seconds,
        )


class OfflineError(WeightbankError):
    """This server asks nobody, and what is kept here does not help."""

    code = "offline"

    def __init__(self, what: str) -> None:
        super().__init__(
            what,
            NO_VALUE,
            "cannot be had: this server is offline, and it is not kept here for this caller",
            "what GET /v1/checkpoints lists",
        )


class UpstreamBusyError(RetryError):
    """The Hub asks us to come back later."""

    code = "upstream_busy"

    def __init__(self, what: str, *, retry_after_seconds: int) -> None:
        super().__init__(
            what, "must wait: the Hub limits our requests", retry_after_seconds=retry_after_seconds
        )
