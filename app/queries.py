"""Query parameters, read strictly from their text.

A misspelt parameter is refused by its name: ``?sed=42`` must not give the weights
of another seed, and ``?dry-run=true`` must not store anything.
"""

import re
from urllib.parse import parse_qsl

from starlette.requests import Request

from app.errors import RequestError
from weightbank.dtypes import floating_dtype
from weightbank.errors import InvalidSeedError
from weightbank.numbers.streams import check_seed
from weightbank.suggestions import accepted_names

SEED_ACCEPTED = "an integer in [0, 2**64), as in ?seed=42"
_DECIMAL = re.compile(r"-?[0-9]{1,40}")
_MOST_PARAMETERS = 32


class InvalidQueryError(RequestError):
    """The query string cannot be read as it stands."""

    code = "invalid_query"


class UnknownParameterError(InvalidQueryError):
    """A parameter that nobody reads."""

    code = "unknown_parameter"


class RepeatedParameterError(InvalidQueryError):
    """One parameter, twice."""

    code = "repeated_parameter"


def read_query(request: Request, *accepted: str) -> dict[str, str]:
    """Return the query parameters of a request.

    Args:
        request: Any.
        accepted: Names of the parameters that are read.

    Raises:
        InvalidQueryError: If there are others, or one of them twice.
    """
    return parse_query(request.scope["query_string"].decode("latin-1"), accepted)


def parse_query(text: str, accepted: tuple[str, ...]) -> dict[str, str]:
    """Return the parameters of a query string.

    Raises:
        InvalidQueryError: If there are others, or one of them twice.

    Examples:
        >>> parse_query("seed=42", ("seed", "dtype"))
        {'seed': '42'}
        >>> parse_query("sed=42", ("seed", "dtype"))
        Traceback (most recent call last):
        app.queries.UnknownParameterError: query parameter 'sed' is unknown; \
accepted: seed (did you mean this?), dtype
    """
    if not text:
        return {}
    try:
        pairs = parse_qsl(
            text, keep_blank_values=True, max_num_fields=_MOST_PARAMETERS, errors="strict"
        )
    except ValueError as error:
        accepted_words = f"UTF-8 with percent signs, at most {_MOST_PARAMETERS} parameters"
        raise InvalidQueryError("query", text, "cannot be read", accepted_words) from error
    given: dict[str, str] = {}
    for name, value in pairs:
        if name not in accepted:
            words = accepted_names(name, accepted) if accepted else "no query parameters here"
            raise UnknownParameterError("query parameter", name, "is unknown", words)
        if name in given:
            raise RepeatedParameterError(name, value, "is given a second time", f"{name} once")
        given[name] = value
    return given


def read_seed(text: str) -> int:
    """Return the seed that a query says.

    Raises:
        InvalidSeedError: If it is not an integer in [0, 2**64), written in the
            one way that gives it one URL.

    Examples:
        >>> read_seed("42")
        42
        >>> read_seed("1.5")
        Traceback (most recent call last):
        weightbank.errors.InvalidSeedError: seed '1.5' is not an integer; \
accepted: an integer in [0, 2**64), as in ?seed=42
    """
    if _DECIMAL.fullmatch(text) is None:
        raise InvalidSeedError("seed", text, "is not an integer", SEED_ACCEPTED)
    seed = check_seed(int(text))
    if text != str(seed):
        raise InvalidSeedError("seed", text, "has needless characters", f"seed={seed}")
    return seed


def read_dtype(text: str) -> str:
    """Return the dtype that a query says.

    Raises:
        InvalidDtypeError: If weights cannot be made in it.

    Examples:
        >>> read_dtype("bfloat16")
        'bfloat16'
    """
    return floating_dtype(text).name


def read_switch(name: str, text: str) -> bool:
    """Return the value of a parameter that is true or false.

    Raises:
        InvalidQueryError: If it is neither.

    Examples:
        >>> read_switch("dry_run", "true")
        True
    """
    if text not in {"true", "false"}:
        raise InvalidQueryError(name, text, "is neither", "true or false")
    return text == "true"
