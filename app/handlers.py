"""What becomes of errors: problem documents, whoever raised them."""

from collections.abc import Iterable

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import Response

from app.errors import CODE_OF_FRAMEWORK_STATUS
from app.problems import headers_of, make_problem, problem_of, problem_response
from app.record import record_of
from schemas.problems import Problem
from weightbank.errors import WeightbankError


def install_handlers(app: FastAPI, routes: Iterable[APIRoute]) -> None:
    """Answer errors of ours and of the framework with problem documents.

    Args:
        app: To be changed.
        routes: All there are: a 405 has to name the methods of every one of a path.
    """
    known = tuple(routes)

    async def framework(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return _answer_framework(request, error, known)

    app.add_exception_handler(WeightbankError, _answer_ours)
    app.add_exception_handler(HTTPException, framework)
    app.add_exception_handler(RequestValidationError, _answer_invalid)


async def _answer_ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, WeightbankError)
    problem = problem_of(error, instance=request.scope["path"])
    return _answer(request, problem, headers_of(error))


async def _answer_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    argument = ".".join(str(part) for part in first["loc"])
    problem = make_problem(
        "invalid_argument",
        detail=f"{argument} {first['msg']}",
        instance=request.scope["path"],
        argument=argument,
    )
    return _answer(request, problem, {})


def _answer_framework(
    request: Request, error: HTTPException, routes: Iterable[APIRoute]
) -> Response:
    path = request.scope["path"]
    code = CODE_OF_FRAMEWORK_STATUS.get(error.status_code, "invalid_request")
    if code == "method_not_allowed":
        return _answer_other_method(request, ", ".join(_methods(routes, path)))
    if code == "unknown_route":
        return _answer_other_path(request)
    problem = make_problem(code, detail=str(error.detail), instance=path)
    return _answer(request, problem, {})


def _answer_other_method(request: Request, allow: str) -> Response:
    path = request.scope["path"]
    problem = make_problem(
        "method_not_allowed",
        detail=f"method {request.method} is not known at {path}; accepted: {allow}",
        instance=path,
        argument="method",
        value=request.method,
        accepted=allow,
    )
    return _answer(request, problem, {"Allow": allow})


def _answer_other_path(request: Request) -> Response:
    path = request.scope["path"]
    problem = make_problem(
        "unknown_route",
        detail=f"path {path} is not known; accepted: what GET /docs lists",
        instance=path,
        argument="path",
        value=path,
        accepted="what GET /docs lists",
    )
    return _answer(request, problem, {})


def _answer(request: Request, problem: Problem, headers: dict[str, str]) -> Response:
    record_of(request.scope).code = problem.code
    return problem_response(problem, headers=headers)


def _methods(routes: Iterable[APIRoute], path: str) -> list[str]:
    """Return the methods of a path, whichever routes they are spread over."""
    found = {
        method for route in routes if route.path_regex.match(path) for method in route.methods or ()
    }
    return sorted(found)
