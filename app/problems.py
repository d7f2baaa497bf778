"""Problem documents (RFC 9457): the one shape of every error."""

from starlette.responses import Response

from app.errors import RequestError, status_of
from app.redaction import redact
from schemas.operation import CheckOut
from schemas.problems import TYPE_PREFIX, Problem
from services.errors import RetryError
from services.keys.errors import InsufficientScopeError, InvalidKeyError, MissingKeyError
from weightbank.errors import NO_VALUE, WeightbankError

PROBLEM_JSON = "application/problem+json"


def problem_response(problem: Problem, *, headers: dict[str, str] | None = None) -> Response:
    """Return a response with a problem document."""
    return Response(
        problem.model_dump_json(exclude_none=True),
        status_code=problem.status,
        media_type=PROBLEM_JSON,
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


def problem_of(error: WeightbankError, *, instance: str) -> Problem:
    """Return the problem document of an error.

    Args:
        error: Any of ours.
        instance: Path of the request.

    Examples:
        >>> from weightbank.errors import InvalidSeedError
        >>> error = InvalidSeedError("seed", -1, "is negative")
        >>> problem = problem_of(error, instance="/v1/weights")
        >>> problem.status, problem.title, problem.argument, problem.value
        (422, 'Invalid seed', 'seed', '-1')
    """
    value = None if error.value is NO_VALUE else str(error.value)
    return make_problem(
        error.code,
        detail=str(error),
        instance=instance,
        argument=error.argument,
        value=value,
        accepted=error.accepted or None,
    )


def make_problem(
    code: str,
    *,
    detail: str,
    instance: str,
    argument: str | None = None,
    value: str | None = None,
    accepted: str | None = None,
    reasons: list[str] | None = None,
    results: list[CheckOut] | None = None,
) -> Problem:
    """Return a problem document of a code.

    What a client sent is quoted in it; what looks like a secret is not, in case that client
    shows its errors to somebody.

    Examples:
        >>> make_problem("unknown_spec", detail="...", instance="/").title
        'Unknown spec'
    """
    return Problem(
        type=TYPE_PREFIX + code,
        title=code.replace("_", " ").capitalize(),
        status=status_of(code),
        detail=redact(detail),
        instance=redact(instance),
        code=code,
        argument=None if argument is None else redact(argument),
        value=None if value is None else redact(value),
        accepted=accepted,
        reasons=reasons,
        results=results,
    )


def headers_of(error: WeightbankError) -> dict[str, str]:
    """Return the headers that go with an error: when to retry, which key is needed.

    Examples:
        >>> from services.errors import OverloadedError
        >>> headers_of(OverloadedError("streams", limit=8))
        {'Retry-After': '1'}
    """
    if isinstance(error, RetryError):
        return {"Retry-After": str(error.retry_after_seconds)}
    if isinstance(error, MissingKeyError | InvalidKeyError | InsufficientScopeError):
        return {"WWW-Authenticate": _challenge(error)}
    return dict(error.headers) if isinstance(error, RequestError) else {}


def _challenge(error: MissingKeyError | InvalidKeyError | InsufficientScopeError) -> str:
    """Return what to ask with (RFC 6750, section 3): nothing more where nothing was sent."""
    challenge = 'Bearer realm="weightbank"'
    if isinstance(error, InvalidKeyError):
        return f'{challenge}, error="invalid_token"'
    if isinstance(error, InsufficientScopeError):
        return f'{challenge}, error="insufficient_scope", scope="{error.scope}"'
    return challenge
