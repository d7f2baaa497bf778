"""Lists in pages: how many, from where on, and where the next page is."""

import re
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from starlette.requests import Request

from app.parameters import query_parameter
from app.queries import InvalidQueryError

_DECIMAL = re.compile("[1-9][0-9]{0,8}")


def read_limit(text: str | None, *, default: int, most: int) -> int:
    """Return how many entries a page has.

    Args:
        text: Of the query; None if it says nothing.
        default: In that case.
        most: That may be asked for.

    Raises:
        InvalidQueryError: If it is no number, or beyond it.

    Examples:
        >>> read_limit("10", default=100, most=1000)
        10
    """
    if text is None:
        return default
    if _DECIMAL.fullmatch(text) is None or int(text) > most:
        raise InvalidQueryError("limit", text, "is no number of entries", f"1 to {most}")
    return int(text)


def read_number(name: str, text: str) -> int:
    """Return a number of a query that counts from 1.

    Raises:
        InvalidQueryError: If it is none.

    Examples:
        >>> read_number("after", "3")
        3
    """
    if _DECIMAL.fullmatch(text) is None:
        raise InvalidQueryError(name, text, "is no number", "an integer, 1 or more")
    return int(text)


def next_page(request: Request, *, after: str) -> str:
    """Return the path of the next page of what a request asks for.

    Args:
        request: For this page.
        after: The last entry of this page, as the query says it.
    """
    query = request.scope["query_string"].decode("latin-1")
    pairs = [pair for pair in parse_qsl(query, keep_blank_values=True) if pair[0] != "after"]
    path = quote(request.scope["path"], safe="/@")
    return f"{path}?{urlencode([*pairs, ('after', after)], safe='/@', quote_via=quote)}"


def page_parameters(
    *, after: str, most: int, default: int = 100, example: str | None = None
) -> list[dict[str, Any]]:
    """Return the description of the parameters of a list.

    Args:
        after: What an entry is named by.
        most: Entries of a page.
        default: Entries of a page if nothing is said.
        example: Of such a name.
    """
    return [
        query_parameter(
            "limit",
            "Most entries of a page.",
            type="integer",
            minimum=1,
            maximum=most,
            default=default,
        ),
        query_parameter(
            "after",
            f"{after} of the last entry of the page before; `next` has it.",
            example=example,
        ),
    ]
