"""From codes of errors to statuses of HTTP. No other file knows an error's status.

A code that is not in the table is a mistake in an argument: 422.
"""

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType

from weightbank.errors import WeightbankError

STATUS_OF_CODE = MappingProxyType(
    {
        "invalid_request": HTTPStatus.BAD_REQUEST,
        "unknown_route": HTTPStatus.NOT_FOUND,
        "unknown_spec": HTTPStatus.NOT_FOUND,
        "unknown_team": HTTPStatus.NOT_FOUND,
        "unknown_name": HTTPStatus.NOT_FOUND,
        "unknown_version": HTTPStatus.NOT_FOUND,
        "retired_name": HTTPStatus.GONE,
        "unknown_tensor": HTTPStatus.NOT_FOUND,
        "unknown_repository": HTTPStatus.NOT_FOUND,
        "unknown_revision": HTTPStatus.NOT_FOUND,
        "unknown_file": HTTPStatus.NOT_FOUND,
        "not_cached": HTTPStatus.NOT_FOUND,
        "missing_key": HTTPStatus.UNAUTHORIZED,
        "invalid_key": HTTPStatus.UNAUTHORIZED,
        "invalid_hub_token": HTTPStatus.UNAUTHORIZED,
        "insufficient_scope": HTTPStatus.FORBIDDEN,
        "other_team": HTTPStatus.FORBIDDEN,
        "foreign_origin": HTTPStatus.FORBIDDEN,
        "gated_repository": HTTPStatus.FORBIDDEN,
        "repository_not_allowed": HTTPStatus.FORBIDDEN,
        "licence_not_allowed": HTTPStatus.FORBIDDEN,
        "pickle_refused": HTTPStatus.FORBIDDEN,
        "method_not_allowed": HTTPStatus.METHOD_NOT_ALLOWED,
        "body_timeout": HTTPStatus.REQUEST_TIMEOUT,
        "spec_in_use": HTTPStatus.CONFLICT,
        "import_conflict": HTTPStatus.CONFLICT,
        "precondition_failed": HTTPStatus.PRECONDITION_FAILED,
        "body_too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "unknown_host": HTTPStatus.MISDIRECTED_REQUEST,
        "unsupported_media_type": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "unsupported_encoding": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "malformed_range": HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
        "too_many_ranges": HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
        "overlapping_ranges": HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
        "range_not_satisfiable": HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
        "generation_failed": HTTPStatus.INTERNAL_SERVER_ERROR,
        "internal": HTTPStatus.INTERNAL_SERVER_ERROR,
        "unknown_algorithm": HTTPStatus.NOT_IMPLEMENTED,
        "invalid_checkpoint": HTTPStatus.BAD_GATEWAY,
        "conversion_failed": HTTPStatus.BAD_GATEWAY,
        "corrupt_file": HTTPStatus.BAD_GATEWAY,
        "redirect_refused": HTTPStatus.BAD_GATEWAY,
        "upstream_error": HTTPStatus.BAD_GATEWAY,
        "upstream_unavailable": HTTPStatus.GATEWAY_TIMEOUT,
        "offline": HTTPStatus.GATEWAY_TIMEOUT,
        "rate_limited": HTTPStatus.TOO_MANY_REQUESTS,
        "quota_spent": HTTPStatus.TOO_MANY_REQUESTS,
        "upstream_busy": HTTPStatus.SERVICE_UNAVAILABLE,
        "insufficient_storage": HTTPStatus.INSUFFICIENT_STORAGE,
        "no_device": HTTPStatus.SERVICE_UNAVAILABLE,
        "overloaded": HTTPStatus.SERVICE_UNAVAILABLE,
        "store_unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
        "shutting_down": HTTPStatus.SERVICE_UNAVAILABLE,
        "not_ready": HTTPStatus.SERVICE_UNAVAILABLE,
    }
)
"""Statuses that are not 422."""

CODE_OF_FRAMEWORK_STATUS = MappingProxyType(
    {
        int(HTTPStatus.NOT_FOUND): "unknown_route",
        int(HTTPStatus.METHOD_NOT_ALLOWED): "method_not_allowed",
    }
)
"""What the framework itself answers, in our words."""

STORE_CODES = ("overloaded", "store_unavailable")
"""What asking the database can lead to."""


class RequestError(WeightbankError):
    """A mistake in how HTTP was spoken; all errors of this package are of this kind.

    Attributes:
        headers: Of its answer, besides those of every problem.
    """

    headers: Mapping[str, str] = MappingProxyType({})


def status_of(code: str) -> int:
    """Return the status that a code is answered with.

    Examples:
        >>> status_of("unknown_spec"), status_of("invalid_seed")
        (404, 422)
    """
    return int(STATUS_OF_CODE.get(code, HTTPStatus.UNPROCESSABLE_ENTITY))
