"""What a browser is told, and what a page in it may not do."""

import base64
import hashlib
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from schemas.problems import Problem

CONSOLE = "https://console.example"
STRICT = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}


def assert_secured(response: httpx.Response) -> None:
    """An answer has all headers that browsers are to heed, each of them once."""
    for name, value in STRICT.items():
        assert response.headers.get_list(name) == [value], (name, response)
    (policy,) = response.headers.get_list("content-security-policy")
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


def problem_of(response: httpx.Response) -> Problem:
    """The problem that a request was answered with."""
    assert response.headers["content-type"] == "application/problem+json"
    return Problem.model_validate_json(response.content)


class Broken:
    """Fails, whatever it is asked."""

    def __getattr__(self, name: str) -> Any:
        raise ValueError(name)


def test_every_answer_keeps_browsers_in_check(api: Any, mlp_id: str) -> None:
    """Files, ranges, 304, HEAD, pages, redirects, and problems of any layer."""
    path = f"/v1/weights/{mlp_id}?seed=1"
    whole = api.get(path)
    etag = whole.headers["etag"]
    answers = [
        whole,
        api.get(path, headers={"Range": "bytes=0-9"}),
        api.get(path, headers={"If-None-Match": etag}),
        api.get(path, headers={"Range": "bytes=x"}),
        api.head(path),
        *(api.get(asked) for asked in ("/", "/docs", "/healthz", "/metrics", "/nowhere", "/v1/x")),
        api.post("/v1/specs", content=b"{"),
        api.request("BREW", "/healthz"),
    ]
    assert {answer.status_code for answer in answers} >= {200, 206, 304, 404, 405, 416}
    for answer in answers:
        assert_secured(answer)


def test_a_mistake_of_ours_keeps_browsers_in_check(make_api: Callable[..., Any]) -> None:
    """The outermost layer answers for it, with the same headers."""
    api = make_api()
    api.app.state.wiring = Broken()
    answer = api.get("/readyz")
    assert answer.status_code == 500
    assert_secured(answer)


def test_the_documentation_has_a_policy_that_lets_its_style_through(api: Any) -> None:
    """By the hash of what stands in the page, and nothing else in it needs more."""
    response = api.get("/docs")
    policy = response.headers["content-security-policy"]
    (style,) = re.findall(r"<style>(.*?)</style>", response.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in policy
    for absent in (" style=", " onclick=", "<script", "<form", "<base"):
        assert absent not in response.text


def test_no_page_of_elsewhere_is_allowed_by_default(api: Any) -> None:
    """There is no header of CORS at all, and a preflight is refused."""
    response = api.get("/healthz", headers={"Origin": CONSOLE})
    assert not [name for name in response.headers if name.startswith("access-control")]
    preflight = api.request(
        "OPTIONS",
        "/v1/specs",
        headers={"Origin": CONSOLE, "Access-Control-Request-Method": "POST"},
    )
    assert problem_of(preflight).code == "foreign_origin"
    assert not [name for name in preflight.headers if name.startswith("access-control")]


def test_a_page_of_an_allowed_origin_may_ask_and_read(make_api: Callable[..., Any]) -> None:
    """A preflight comes before keys; answers, problems too, name the origin and what it sees."""
    api = make_api(cors_origins=f"{CONSOLE}, http://localhost:3000", keys="required")
    preflight = api.request(
        "OPTIONS",
        "/v1/checkpoints/timm/x",
        headers={
            "Origin": CONSOLE,
            "Access-Control-Request-Method": "DELETE",
            "Access-Control-Request-Headers": "authorization",
        },
    )
    assert (preflight.status_code, preflight.content) == (204, b"")
    assert "DELETE" in preflight.headers["access-control-allow-methods"]
    assert "Authorization" in preflight.headers["access-control-allow-headers"]
    for response in (
        preflight,
        api.get("/v1/specs/x", headers={"Origin": CONSOLE}),
        api.request("DELETE", "/v1/checkpoints/a/b", headers={"Origin": CONSOLE}),
    ):
        assert response.headers["access-control-allow-origin"] == CONSOLE
        assert response.headers["vary"].split(", ").count("Origin") == 1
        exposed = response.headers["access-control-expose-headers"]
        for name in ("ETag", "Content-Range", "Content-Location", "Retry-After", "Location"):
            assert name in exposed
        for name in ("Link", "X-Request-ID"):
            assert name in exposed
        assert "access-control-allow-credentials" not in response.headers


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "https://console.example.evil.example",
        "https://CONSOLE.example",
        "http://console.example",
        "https://console.example:8443",
        "null",
        "",
    ],
)
def test_another_origin_is_not_named(make_api: Callable[..., Any], origin: str) -> None:
    """Only exact matches count; caches are told that it matters."""
    api = make_api(cors_origins=CONSOLE)
    response = api.get("/healthz", headers={"Origin": origin})
    assert "access-control-allow-origin" not in response.headers
    assert response.headers["vary"] == "Origin"


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://weightbank"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://weightbank.evil.example"},
        {"Origin": "http://weightbank:8000"},
    ],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/specs"),
        ("POST", "/v1/checkpoints/timm/x:prefetch"),
        ("DELETE", "/v1/checkpoints/timm/x"),
    ],
)
def test_a_foreign_page_changes_nothing(
    api: Any, method: str, path: str, headers: dict[str, str]
) -> None:
    """It is refused before anything is read, wherever a browser says it comes from."""
    response = api.request(method, path, headers=headers, content=b"{}")
    assert problem_of(response).code == "foreign_origin"
    assert response.status_code == 403
    line = api.log.wait_for(request_id=response.headers["x-request-id"])
    assert line["code"] == "foreign_origin"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://weightbank"},
        {"Origin": "http://weightbank"},
    ],
)
def test_pages_of_our_own_and_programs_may_ask_for_changes(
    api: Any, headers: dict[str, str]
) -> None:
    """What says nothing of where it comes from is no page."""
    assert api.post("/v1/specs", headers=headers, content=b"{}").status_code != 403


def test_reading_is_let_through(api: Any) -> None:
    """It changes nothing, and a page does not see the answer."""
    headers = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    assert api.get("/v1/presets", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("bank.example", 200),
        ("BANK.example:8000", 200),
        ("bank.example.", 200),
        ("eu.bank.example", 200),
        ("127.0.0.1:8000", 200),
        ("[::1]:8000", 200),
        ("10.0.0.7", 200),
        ("evil.example", 421),
        ("bank.example.evil.example", 421),
        ("notbank.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("bank.example@evil.example", 421),
        ("", 421),
    ],
)
def test_only_its_own_names_reach_the_server(
    make_api: Callable[..., Any], host: str, status: int
) -> None:
    """Another name is 421: somebody has it lead here. An address cannot be made to."""
    api = make_api(allowed_hosts="bank.example, *.bank.example")
    response = api.get("/healthz", headers={"Host": host})
    assert response.status_code == status
    if status != 200:
        assert problem_of(response).code == "unknown_host"
        assert_secured(response)


def test_every_name_reaches_the_server_by_default(api: Any) -> None:
    """Until a setting names some."""
    assert api.get("/healthz", headers={"Host": "anything.example"}).status_code == 200
