"""Paths that try to lead elsewhere: every one is a route's, or nobody's."""

from typing import Any

import pytest

from tests.attacks.wire import CLOSE, check_silent, only, send
from tests.hub.server import HubServer

NOWHERE = [
    "/../../etc/passwd",
    "/..%2f..%2fetc/passwd",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/%252e%252e/%252e%252e/etc/passwd",
    "/..%5c..%5cwindows/win.ini",
    "/..\\..\\etc\\passwd",
    "/.%00./etc/passwd",
    "/docs/../../../etc/passwd",
    "/docs/%2e%2e/healthz",
    "/docs/..;/healthz",
    "/docs;/healthz",
    "/healthz/",
    "/healthz//",
    "//healthz",
    "///healthz",
    "/./healthz",
    "/healthz/.",
    "/healthz%00",
    "/healthz%20",
    "/healthz%0a",
    "/healthz.json",
    "/HEALTHZ",
    "/%68ealthz%2f",
    "/v1//specs",
    "/v1/%2e%2e/healthz",
    "/v1/specs%2f..%2f..%2fhealthz",
    "/v1/specs/..%2f..%2fetc%2fpasswd",
    "/v1/specs/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "/v1/weights/..",
    "/v1/weights/%00",
    "/v1/weights/../../../data/weightbank.db?seed=1",
    "/v1/weights/%2fetc%2fpasswd?seed=1",
    "/v1/weights/%c0%ae%c0%ae%c0%afetc%c0%afpasswd?seed=1",
    "/v1/weights/\u2025/\uff0fetc",
    "/v1/weights/%ff%fe?seed=1",
    "/v1/weights/%ed%a0%80?seed=1",
    "/v1/weights/%F0%9F%92%A9?seed=1",
    "/v1/weights/%?seed=1",
    "/v1/weights/%zz?seed=1",
    "/v1/weights/' OR 1=1 --?seed=1".replace(" ", "%20"),
    "/v1/weights/${jndi:ldap:%2f%2f127.0.0.1%2fa}?seed=1",
    "/v1/weights/{{7*7}}?seed=1",
    "/v1/weights/" + "0" * 50_000 + "?seed=1",
    "/" + "a/" * 25_000,
    "/" + "%2e%2e%2f" * 5_000,
    "/.git/config",
    "/.env",
    "/static/..%2f..%2fapp/settings",
]


@pytest.mark.parametrize("path", NOWHERE, ids=lambda path: path[:40])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_path_leads_nowhere_else(victim: Any, method: str, path: str) -> None:
    """It is taken as it stands, and the answer is a problem of bounded length."""
    head = f"{method} {path} HTTP/1.1\r\nHost: here\r\n".encode()
    received = send(victim, head + CLOSE)
    assert b"passwd:" not in received
    assert b'"alive"' not in received
    answer = only(received)
    if answer.headers.get("content-type") is None:  # no request at all
        assert (answer.status, answer.body) == (400, b"")
        return
    problem = answer.problem()
    assert problem["status"] in {400, 404, 405, 422}
    assert len(answer.body) <= 4 * len(path) + 2000


CHECKPOINTS = [
    "..",
    ".",
    "a..b",
    "-a",
    "%2e%2e",
    "a%2fb%2fc",
    "a%00",
    "a%0d%0aX:%20y",
    "a@b",
    "a%3ab",
    "\u0430",
    "a" * 97,
]


@pytest.mark.parametrize("name", CHECKPOINTS)
@pytest.mark.parametrize("verb", ["", ":describe", ":prefetch"])
def test_no_other_repository_or_host_is_asked(
    victim: Any, asked_hub: HubServer, name: str, verb: str
) -> None:
    """A name that can be none of a repository is refused before anybody is asked."""
    before = asked_hub.count()
    method = "POST" if verb == ":prefetch" else "GET"
    for repository in (f"a/{name}", f"{name}/a", name):
        path = f"/v1/checkpoints/{repository}{verb}"
        head = f"{method} {path} HTTP/1.1\r\nHost: here\r\n".encode()
        answer = only(send(victim, head + CLOSE))
        assert answer.status in {400, 404, 405, 422}, answer
        if answer.status != 400:
            code = answer.problem()["code"]
            assert code in {"unknown_route", "method_not_allowed", "invalid_repository"}
    assert before == asked_hub.count()


@pytest.mark.parametrize(
    "query",
    [
        "revision=..",
        "revision=../../x",
        "revision=%2e%2e%2fx",
        "revision=a%00b",
        "revision=a%0d%0ab",
        "revision=http://127.0.0.1:1/",
        "file=../../../etc/passwd",
        "file=/etc/passwd",
        "file=a/../../b.safetensors",
        "file=a%00.safetensors",
        "file=..%5c..%5cb.safetensors",
        "file=%2e%2e%2fb.safetensors",
        "file=file:///etc/passwd",
        "file=a//b.safetensors",
    ],
)
def test_no_other_file_is_asked_for(victim: Any, asked_hub: HubServer, query: str) -> None:
    """Nor of another revision than one that can be: only the listing decides what there is."""
    head = f"GET /v1/checkpoints/a/b?{query} HTTP/1.1\r\nHost: here\r\n".encode()
    answer = only(send(victim, head + CLOSE))
    assert answer.status in {404, 422}
    codes = {"invalid_revision", "unknown_revision", "invalid_file", "unknown_file"}
    assert answer.problem()["code"] in codes
    assert asked_hub.count(path_contains="resolve") == 0


@pytest.mark.parametrize(
    "target",
    [
        b"http://elsewhere.example/healthz",
        b"HTTP://ELSEWHERE.EXAMPLE:99/healthz",
        b"https://user:secret@elsewhere.example/healthz",
        b"http://127.0.0.1:1/healthz",
    ],
)
def test_this_server_is_no_proxy(victim: Any, target: bytes) -> None:
    """A target with a host means a path of this server, or nothing."""
    received = send(victim, b"GET " + target + b" HTTP/1.1\r\nHost: here\r\n" + CLOSE)
    check_silent(received)
    assert b"elsewhere" not in received.lower()
    assert b"secret" not in received
    assert only(received).status in {200, 400, 404}


@pytest.mark.parametrize(
    "target", [b"*", b"?", b"#", b"/healthz#a", b"/healthz?#a", b"\x7f", b"/\x80", b"/\x01", b"/ a"]
)
def test_targets_that_are_no_paths_are_none(victim: Any, target: bytes) -> None:
    """Whatever they are, the answer says no more than that."""
    received = send(victim, b"GET " + target + b" HTTP/1.1\r\nHost: here\r\n" + CLOSE)
    assert only(received).status in {200, 400, 404, 422}
