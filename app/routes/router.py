"""How routes are registered here."""

import functools
from collections.abc import Callable, Mapping
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from starlette.convertors import Convertor, register_url_convertor
from starlette.responses import Response

from app.admission import admit, admit_anybody, metered
from app.gate import SAFE_METHODS
from app.openapi import SECURITY_SCHEME, problems
from app.settings import Settings
from app.wiring import wiring_of
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


class UnversionedConvertor(PlainConvertor):
    """Part of a path without an ``@``: what stands behind one is a version, and no name."""

    regex = "[^/@]+"


register_url_convertor("plain", PlainConvertor())
register_url_convertor("unversioned", UnversionedConvertor())

Endpoint = Callable[..., Any]

OPEN: Final = None
"""In place of a scope, for what needs no key: how the server is, and how to ask it."""

_SCOPE = "weightbank_scope"
_CHANGE_CODES = ("foreign_origin",)
"""What a page in a browser gets that asks for a change."""

_KEY_CODES = (
    "missing_key",
    "invalid_key",
    "insufficient_scope",
    "rate_limited",
    "quota_spent",
    "store_unavailable",
    "overloaded",
)
"""What can come of asking for a key."""


def make_router(tag: str) -> APIRouter:
    """Return a router whose operations are named after their functions."""
    return APIRouter(tags=[tag], generate_unique_id_function=_name)


def get_route(
    router: APIRouter,
    path: str,
    *,
    scope: Scope | None,
    open_if: Callable[[Settings], bool] | None = None,
    **options: Any,
) -> Callable[[Endpoint], Endpoint]:
    """Register a function for GET, and for HEAD, which the server answers without the body.

    Args:
        router: Where to.
        path: Its template.
        scope: What a key has to open; ``OPEN`` for everybody.
        open_if: Whether the settings let everybody in all the same.
        options: As ``api_route`` has them; ``codes`` lists those of its problems.
    """

    def register(endpoint: Endpoint) -> Endpoint:
        described = _described(options, scope)
        guarded = _guarded(endpoint, scope, open_if)
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
        described = _described(options, scope, *(() if method in SAFE_METHODS else _CHANGE_CODES))
        router.add_api_route(path, guarded, methods=[method], **described)
        return endpoint

    return register


def scope_of(endpoint: Endpoint) -> Scope | None:
    """Return what a key has to open for a registered endpoint; None for everybody's."""
    return getattr(endpoint, _SCOPE, None)


def _guarded(
    endpoint: Endpoint,
    scope: Scope | None,
    open_if: Callable[[Settings], bool] | None = None,
) -> Endpoint:
    """Return an endpoint that is only reached with a key that opens a scope."""
    if scope is None:
        return endpoint

    @functools.wraps(endpoint)
    async def guarded(request: Request) -> Response:
        if open_if is not None and open_if(wiring_of(request).settings):
            admit_anybody(request)
        else:
            await admit(request, scope)
        response: Response = await endpoint(request)
        return metered(request, response)

    setattr(guarded, _SCOPE, scope)
    return guarded


def _described(options: Mapping[str, Any], scope: Scope | None, *more_codes: str) -> dict[str, Any]:
    rest = dict(options)
    codes = [*rest.pop("codes", ()), *more_codes, *(() if scope is None else _KEY_CODES)]
    answers = {**rest.pop("responses", {}), **problems(*dict.fromkeys(codes))}
    extra = {**rest.pop("openapi_extra", {}), **_security(scope)}
    return {
        "response_class": Response,
        "response_model": None,
        "responses": answers,
        "openapi_extra": extra,
        **rest,
    }


def _security(scope: Scope | None) -> dict[str, Any]:
    """Return what a description says of keys."""
    if scope is None:
        return {"security": []}
    return {"security": [{SECURITY_SCHEME: [scope]}], "x-scope": scope}


def _name(registered: APIRoute) -> str:
    return registered.name
