"""Conditional requests over HTTP, in the order of RFC 9110, section 13.2.2."""

from typing import Any

import pytest


@pytest.fixture(scope="module")
def path(mlp_id: str) -> str:
    """Of a file."""
    return f"/v1/weights/{mlp_id}?seed=42"


@pytest.fixture(scope="module")
def etag(api: Any, path: str) -> str:
    """Of that file."""
    tag: str = api.head(path).headers["etag"]
    return tag


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_a_client_has_is_not_sent_again(api: Any, path: str, etag: str, method: str) -> None:
    """304 has the headers that a cache updates, and no body."""
    for tags in (etag, f'"other", W/{etag}', "*"):
        response = api.request(method, path, headers={"If-None-Match": tags})
        assert (response.status_code, response.content) == (304, b"")
        assert response.headers["etag"] == etag
        assert "immutable" in response.headers["cache-control"]
    for tags in ('"other"', etag.strip('"'), "garbage"):
        assert api.request(method, path, headers={"If-None-Match": tags}).status_code == 200


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_another_version_than_asked_for_is_refused(
    api: Any, path: str, etag: str, method: str
) -> None:
    """If-Match compares strongly."""
    for tags in (etag, f'"other", {etag}', "*"):
        assert api.request(method, path, headers={"If-Match": tags}).status_code == 200
    for tags in ('"other"', f"W/{etag}", "garbage"):
        assert api.request(method, path, headers={"If-Match": tags}).status_code == 412


def test_if_match_comes_before_if_none_match(api: Any, path: str, etag: str) -> None:
    """412 beats 304."""
    both = {"If-Match": '"other"', "If-None-Match": etag}
    problem = api.get(path, headers=both)
    assert (problem.status_code, problem.json()["code"]) == (412, "precondition_failed")


def test_if_none_match_comes_before_range(api: Any, path: str, etag: str) -> None:
    """304 beats 206 and 416."""
    for ranges in ("bytes=0-1", "bytes=5-3"):
        response = api.get(path, headers={"If-None-Match": etag, "Range": ranges})
        assert response.status_code == 304


def test_a_range_of_this_version_is_a_range(api: Any, path: str, etag: str) -> None:
    """If-Range holds only with our very tag; a date never does."""
    kept = api.get(path, headers={"Range": "bytes=0-9", "If-Range": etag})
    assert (kept.status_code, len(kept.content)) == (206, 10)
    for other in ('"other"', f"W/{etag}", "Wed, 21 Oct 2026 07:28:00 GMT", "*"):
        whole = api.get(path, headers={"Range": "bytes=0-9", "If-Range": other})
        assert whole.status_code == 200
        assert len(whole.content) == int(whole.headers["content-length"])


def test_if_range_alone_means_nothing(api: Any, path: str, etag: str) -> None:
    """There is no range for it to guard."""
    assert api.get(path, headers={"If-Range": etag}).status_code == 200


def test_dates_are_ignored(api: Any, path: str) -> None:
    """Nothing here has one."""
    dates = {
        "If-Modified-Since": "Wed, 21 Oct 2099 07:28:00 GMT",
        "If-Unmodified-Since": "Wed, 21 Oct 1999 07:28:00 GMT",
    }
    assert api.get(path, headers=dates).status_code == 200
