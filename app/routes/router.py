"""How routes are registered here."""

import functools
from collections.abc import Callable
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from starlette.convertors import Convertor, register_url_convertor
from starlette.responses import Response

from app.admission import admit
from app.openapi import problems
from services.keys.scopes import Scope


class PlainConvertor(Convertor[str]):
    """Part of a path without a colon: what stands behind one is a verb, and no name."""

    regex = "[^/:]+"

    def convert(self, value: str) -> str:
        """Return it as it is."""
        return value

    def to_string(self, value: str) -> str:
        """Return it as it is."""
        return value


register_url_convertor("plain", PlainConvertor())

Endpoint = Callable[..., Any]

OPEN: Final = None
"""In place of a scope, for what needs no key: how the server is, and how to ask it."""


def make_router(tag: str) -> APIRouter:
    """Return a router whose operations are named after their functions."""
    return APIRouter(tags=[tag], generate_unique_id_function=_name)


def get_route(
    router: APIRouter, path: str, *, scope: Scope | None, **options: Any
) -> Callable[[Endpoint], Endpoint]:
    """Register a function for GET, and for HEAD, which the server answers without the body.

    Args:
        router: Where to.
        path: Its template.
        scope: What a key has to open; ``OPEN`` for everybody.
        options: As ``api_route`` has them; ``codes`` lists those of its problems.
    """

    def register(endpoint: Endpoint) -> Endpoint:
        described = _described(options)
        guarded = _guarded(endpoint, scope)
        router.add_api_route(path, guarded, methods=["GET"], **described)
        router.add_api_route(path, guarded, methods=["HEAD"], include_in_schema=False)
        return endpoint

    return register


def route(
    router: APIRouter, method: str, path: str, *, scope: Scope | None, **options: Any
) -> Callable[[Endpoint], Endpoint]:
    """Register a function for one method."""

    def register(endpoint: Endpoint) -> Endpoint:
        guarded = _guarded(endpoint, scope)
        router.add_api_route(path, guarded, methods=[method], **_described(options))
        return endpoint

    return register


def _guarded(endpoint: Endpoint, scope: Scope | None) -> Endpoint:
    """Return an endpoint that is only reached with a key that opens a scope."""
    if scope is None:
        return endpoint

    @functools.wraps(endpoint)
    async def guarded(request: Request) -> Response:
        await admit(request, scope)
        response: Response = await endpoint(request)
        return response

    return guarded


def _described(options: dict[str, Any]) -> dict[str, Any]:
    codes = options.get("codes", ())
    rest = {name: value for name, value in options.items() if name != "codes"}
    answers = {**rest.pop("responses", {}), **problems(*codes)}
    return {"response_class": Response, "response_model": None, "responses": answers, **rest}


def _name(registered: APIRoute) -> str:
    return registered.name
