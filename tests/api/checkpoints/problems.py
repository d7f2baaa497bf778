"""Problem documents, as answers to what cannot be."""

import httpx

from schemas.problems import TYPE_PREFIX, Problem


def check_problem(answer: httpx.Response, status: int, code: str) -> Problem:
    """Return the problem that an answer is, which has to have this code."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem = Problem.model_validate(answer.json())
    assert (answer.status_code, problem.status, problem.code) == (status, status, code), problem
    assert problem.type == TYPE_PREFIX + code
    assert answer.headers["cache-control"] == "no-store"
    return problem
