"""Requests go to listed hosts alone."""

import httpx2
import pytest

from services.hub.errors import RedirectRefusedError
from services.hub.hosts import DEFAULT_HOSTS, Hosts

HUB = "https://huggingface.co"


def check(url: str, *, listed: str = DEFAULT_HOSTS, endpoint: str = HUB) -> None:
    """See whether a URL may be asked."""
    Hosts.parse(listed, endpoint=endpoint).check(httpx2.URL(url))


@pytest.mark.parametrize(
    "url",
    [
        "https://huggingface.co/gpt2",
        "https://cdn-lfs.huggingface.co/a?signature=1",
        "https://cas-bridge.xethub.hf.co/a",
        "https://HF.co/a",
        "https://hf.co:443/a",
    ],
)
def test_the_hubs_own_hosts_are_asked(url: str) -> None:
    """As many of them as it has."""
    check(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://huggingface.co/gpt2",
        "https://huggingface.co:8443/gpt2",
        "https://evilhuggingface.co/",
        "https://huggingface.co.evil.org/",
        "https://huggingface.co@evil.org/",
        "https://user:password@huggingface.co/",
        "https://evil.org/.huggingface.co",
        "https://evil.org?x=.huggingface.co",
        "https://huggingface.co./",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://10.0.0.1/",
        "http://169.254.169.254/latest/meta-data",
        "http://localhost/",
        "file:///etc/passwd",
        "file://huggingface.co/etc/passwd",
        "ftp://huggingface.co/",
        "unix:/run/docker.sock",
        "/relative",
        "https://hugging\u0561face.co/",
    ],
)
def test_other_places_are_refused(url: str) -> None:
    """Whatever they look like."""
    with pytest.raises(RedirectRefusedError):
        check(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://localhost/",
        "https://a.localhost/",
        "https://[::1]/",
    ],
)
def test_no_pattern_reaches_an_address_or_this_machine(url: str) -> None:
    """Only an entry that says it literally does."""
    with pytest.raises(RedirectRefusedError):
        check(url, listed="*1, *t, *3")


@pytest.mark.parametrize(
    ("listed", "url"),
    [
        ("http://127.0.0.2:1234", "http://127.0.0.2:1234/a"),
        ("127.0.0.2:1234", "http://127.0.0.2:1234/a"),
        ("127.0.0.2:1234", "https://127.0.0.2:1234/a"),
        ("127.0.0.2", "https://127.0.0.2/a"),
        ("http://cache", "http://cache/a"),
        ("https://[::1]:8443", "https://[::1]:8443/a"),
        ("localhost:80", "http://localhost/a"),
    ],
)
def test_exact_entries_allow_what_they_say(listed: str, url: str) -> None:
    """Also what is on this machine."""
    check(url, listed=listed)


@pytest.mark.parametrize(
    ("listed", "url"),
    [
        ("http://127.0.0.2:1234", "https://127.0.0.2:1234/a"),
        ("http://127.0.0.2:1234", "http://127.0.0.2:1235/a"),
        ("127.0.0.2:1234", "http://127.0.0.2/a"),
        ("127.0.0.2", "http://127.0.0.2/a"),
        ("https://cache", "http://cache/a"),
    ],
)
def test_exact_entries_allow_nothing_else(listed: str, url: str) -> None:
    """Neither another port nor another scheme."""
    with pytest.raises(RedirectRefusedError):
        check(url, listed=listed)


def test_the_endpoint_is_asked_as_it_is_written() -> None:
    """On loopback, by http, with a path."""
    check("http://127.0.0.1:9/a", listed="", endpoint="http://127.0.0.1:9/hub")
    with pytest.raises(RedirectRefusedError):
        check("https://127.0.0.1:9/a", listed="", endpoint="http://127.0.0.1:9/hub")


@pytest.mark.parametrize("entry", ["*", "*.", "a b", "file:///x", "http://*", "http://a/b", "a/b"])
def test_entries_without_meaning_are_refused(entry: str) -> None:
    """A list that allows everything would be none."""
    with pytest.raises(ValueError, match="accepted: names such as"):
        Hosts.parse(entry, endpoint=HUB)


@pytest.mark.parametrize(
    "endpoint",
    ["", "huggingface.co", "ftp://a", "https://", "https://a?b", "https://a#b", "https://u:p@a"],
)
def test_endpoints_without_meaning_are_refused(endpoint: str) -> None:
    """And a password in one is not repeated."""
    with pytest.raises(ValueError, match="not the address of a Hub") as caught:
        Hosts.parse("", endpoint=endpoint)
    assert "u:p" not in str(caught.value)


def test_a_refusal_names_the_host_and_no_signature() -> None:
    """Whoever reads it learns where, and cannot go there."""
    with pytest.raises(RedirectRefusedError, match=r"http://evil\.org:80") as caught:
        check("http://evil.org/path?signature=secret")
    assert "secret" not in str(caught.value)
    assert "path" not in str(caught.value)


def test_only_the_endpoint_is_told_tokens() -> None:
    """Others may be asked, and get none."""
    hosts = Hosts.parse(DEFAULT_HOSTS, endpoint=HUB)
    assert hosts.is_endpoint(httpx2.URL("https://huggingface.co/a"))
    for other in ("https://hf.co/a", "http://huggingface.co/a", "https://u@huggingface.co/"):
        assert not hosts.is_endpoint(httpx2.URL(other))
