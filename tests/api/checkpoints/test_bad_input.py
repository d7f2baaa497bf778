"""Names and wishes that cannot be: refused in words, and the Hub hears nothing of them."""

import contextlib
import http.client
from collections.abc import Iterator

import httpx
import pytest

from app.application import create_app
from app.logs import make_logger
from tests.api.checkpoints.conftest import CHECKPOINT, REPOSITORY, hub_settings
from tests.api.checkpoints.problems import check_problem
from tests.api.conftest import LiveServer, Log, settings_in
from tests.hub.checkpoints import MadeCheckpoint
from tests.hub.server import HubServer

MANY_RENAMES = ",".join(f"old{number}:new{number}" for number in range(257))
MANY_PARAMETERS = "&".join(f"include{number}=a" for number in range(40))
LARGEST = 2**64


@pytest.fixture(scope="module")
def hub() -> Iterator[HubServer]:
    """A Hub that no test here changes."""
    with HubServer() as server:
        yield server


@pytest.fixture(scope="module")
def live(
    tmp_path_factory: pytest.TempPathFactory, hub: HubServer, tiny: MadeCheckpoint
) -> Iterator[LiveServer]:
    """A server with the small checkpoint."""
    hub.add_repository(REPOSITORY, {**tiny.files, "README.md": b"Hello."})
    log = Log()
    settings = settings_in(tmp_path_factory.mktemp("server"), **hub_settings(hub))
    server = LiveServer(create_app(settings, logger=make_logger("info", stream=log)), log)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def client(live: LiveServer) -> Iterator[httpx.Client]:
    """A client of that server."""
    with live.client() as found:
        yield found


def raw(client: httpx.Client, method: str, target: str) -> httpx.Response:
    """Ask for a path just as it is written: httpx would resolve its dots."""
    connection = http.client.HTTPConnection(client.base_url.host, client.base_url.port or 80)
    with contextlib.closing(connection):
        connection.request(method, target)
        answer = connection.getresponse()
        return httpx.Response(answer.status, headers=answer.getheaders(), content=answer.read())


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("../../etc/passwd", 404, "unknown_route"),
        ("..%2f..%2fetc%2fpasswd", 404, "unknown_route"),
        ("%2e%2e/%2e%2e", 422, "invalid_repository"),
        ("../resnet", 422, "invalid_repository"),
        ("timm/..", 422, "invalid_repository"),
        ("timm/%2e%2e", 422, "invalid_repository"),
        ("timm%5c../resnet", 422, "invalid_repository"),
        ("timm/..%5c..%5cetc", 422, "invalid_repository"),
        ("/etc/passwd", 404, "unknown_route"),
        ("%2fetc/passwd", 404, "unknown_route"),
        ("timm/re%00snet", 422, "invalid_repository"),
        ("timm/re%0asnet", 422, "invalid_repository"),
        ("timm/re%0d%0asnet", 422, "invalid_repository"),
        ("timm/%ff", 422, "invalid_repository"),
        ("timm/%E2%80%AE", 422, "invalid_repository"),
        ("timm/a%20b", 422, "invalid_repository"),
        ("timm/.hidden", 422, "invalid_repository"),
        ("timm/name.git", 422, "invalid_repository"),
        ("timm/a--b", 422, "invalid_repository"),
        ("timm/" + "a" * 97, 422, "invalid_repository"),
        ("datasets/timm/resnet", 404, "unknown_route"),
        ("timm/resnet%3Fx", 422, "invalid_repository"),
        ("timm/resnet%23x", 422, "invalid_repository"),
        ("%252e%252e/resnet", 422, "invalid_repository"),
        ("..", 422, "invalid_repository"),
        ("%2e%2e", 422, "invalid_repository"),
    ],
)
def test_a_path_that_names_no_repository(
    client: httpx.Client, hub: HubServer, path: str, status: int, code: str
) -> None:
    """On every route that has such a path."""
    asked = hub.count()
    for method, suffix in [("GET", ""), ("GET", ":describe"), ("POST", ":prefetch")]:
        check_problem(raw(client, method, f"/v1/checkpoints/{path}{suffix}"), status, code)
    check_problem(raw(client, "DELETE", f"/v1/checkpoints/{path}"), status, code)
    assert raw(client, "HEAD", f"/v1/checkpoints/{path}").status_code == status
    assert hub.count() == asked


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("revision=", 422, "invalid_revision"),
        ("revision=..", 422, "invalid_revision"),
        ("revision=../../api", 422, "invalid_revision"),
        ("revision=..%2f..%2fapi", 422, "invalid_revision"),
        ("revision=%2e%2e%2fapi", 422, "invalid_revision"),
        ("revision=%252e%252e%252fapi", 422, "invalid_revision"),
        ("revision=main%2f..%2f..", 422, "invalid_revision"),
        ("revision=/main", 422, "invalid_revision"),
        ("revision=main%5c..", 422, "invalid_revision"),
        ("revision=ma%00in", 422, "invalid_revision"),
        ("revision=main%0d%0aX-Evil:1", 422, "invalid_revision"),
        ("revision=main%3Fx", 422, "invalid_revision"),
        ("revision=" + "a" * 257, 422, "invalid_revision"),
        ("file=", 422, "invalid_file"),
        ("file=../model.safetensors", 422, "invalid_file"),
        ("file=..%2fmodel.safetensors", 422, "invalid_file"),
        ("file=%2e%2e%2fmodel.safetensors", 422, "invalid_file"),
        ("file=a/../../model.safetensors", 422, "invalid_file"),
        ("file=/etc/passwd", 422, "invalid_file"),
        ("file=/etc/model.safetensors", 422, "invalid_file"),
        ("file=..%5cmodel.safetensors", 422, "invalid_file"),
        ("file=model%00.safetensors", 422, "invalid_file"),
        ("file=model.safetensors%00", 422, "invalid_file"),
        ("file=model%0a.safetensors", 422, "invalid_file"),
        ("file=./model.safetensors", 422, "invalid_file"),
        ("file=a//model.safetensors", 422, "invalid_file"),
        ("file=README.md", 422, "invalid_file"),
        ("file=" + "a" * 1100 + ".safetensors", 422, "invalid_file"),
        ("file=%252e%252e%252fmodel.safetensors", 404, "unknown_file"),
        ("file=other.safetensors", 404, "unknown_file"),
        ("revision=other", 404, "unknown_revision"),
        ("revision=" + "0" * 40, 404, "unknown_revision"),
    ],
)
def test_a_revision_or_file_that_cannot_be(
    client: httpx.Client, hub: HubServer, query: str, status: int, code: str
) -> None:
    """Nothing of it is made part of a path that the Hub is asked for."""
    routes = [("GET", ""), ("GET", ":describe"), ("POST", ":prefetch")]
    for method, suffix in routes:
        check_problem(raw(client, method, f"{CHECKPOINT}{suffix}?{query}"), status, code)
    check_problem(raw(client, "GET", f"{CHECKPOINT}?{query}&dtype=float16"), status, code)
    assert raw(client, "HEAD", f"{CHECKPOINT}?{query}").status_code == status
    if status == 422:
        assert not [each for each in hub.requests if ".." in each.path or "evil" in each.path]
    assert not [each for each in hub.requests if "2e%2e" in each.path.lower()]


@pytest.mark.parametrize(
    ("query", "code", "mentioned"),
    [
        ("sed=1", "unknown_parameter", "seed (did you mean this?)"),
        ("=1", "unknown_parameter", "accepted"),
        ("pin=true", "unknown_parameter", "pin"),
        ("dtype=float16&dtype=float16", "repeated_parameter", "dtype"),
        ("revision=main&revision=main", "repeated_parameter", "revision"),
        (MANY_PARAMETERS, "invalid_query", "at most 32 parameters"),
        ("dtype=%ff", "invalid_query", "UTF-8"),
        ("dtype=", "invalid_dtype", "bfloat16"),
        ("dtype=int8", "invalid_dtype", "bfloat16"),
        ("num_classes=0", "invalid_query", "1 or more"),
        ("num_classes=-1", "invalid_query", "1 or more"),
        ("num_classes=1e3", "invalid_query", "1 or more"),
        ("num_classes=%D9%A3", "invalid_query", "1 or more"),
        ("num_classes=10000000000", "invalid_query", "1 or more"),
        ("num_classes=3", "missing_seed", "seed"),
        ("num_classes=3&seed=-1", "invalid_seed", "2**64"),
        (f"num_classes=3&seed={LARGEST}", "invalid_seed", str(LARGEST)),
        ("num_classes=3&seed=01", "invalid_seed", "seed=1"),
        ("num_classes=3&seed=0x1", "invalid_seed", "integer"),
        ("seed=1", "invalid_query", "num_classes beside it"),
        ("dtype=float16&seed=1", "invalid_query", "num_classes beside it"),
        ("in_channels=0", "invalid_query", "1 or more"),
        ("in_channels=999999999", "limit_exceeded", "conv1.weight"),
        ("grid=24", "invalid_argument", "position_embedding"),
        ("grid=0x3", "invalid_query", "24x24"),
        ("grid=3x", "invalid_query", "24x24"),
        ("grid=1x2x3", "invalid_query", "24x24"),
        ("grid=99999999x1", "invalid_query", "24x24"),
        ("prefix_tokens=-1", "invalid_query", "0 or more"),
        ("prefix_tokens=2", "invalid_argument", "grid beside it"),
        ("clean=yes", "invalid_query", "true or false"),
        ("rename=fc", "invalid_query", "fc:head"),
        ("rename=a:b:c", "invalid_query", "fc:head"),
        ("rename=a:b,", "invalid_query", "fc:head"),
        ("rename=:head", "invalid_query", "fc:head"),
        (f"rename={MANY_RENAMES}", "invalid_query", "at most 256"),
        ("rename=nothing:here", "invalid_argument", "nothing"),
        ("rename=fc:conv1", "duplicate_name", "conv1.weight"),
        ("rename=fc.weight:__metadata__", "invalid_name", "reserved"),
        ("add_prefix=a%00", "invalid_name", "control character"),
        ("add_prefix=" + "a" * 600, "invalid_name", "512 bytes"),
        ("strip_prefix=other", "invalid_argument", "layer1"),
        ("include=(", "invalid_pattern", "RE2"),
        ("include=(a)%5c1", "invalid_pattern", "RE2"),
        ("include=nothing", "invalid_argument", "no tensor"),
        ("include=" + "a" * 2000, "limit_exceeded", "1000"),
        ("exclude=.*", "invalid_argument", "leaves no tensor"),
        ("head=fc", "invalid_argument", "num_classes beside it"),
        ("first_conv=conv1", "invalid_argument", "in_channels beside it"),
        ("position_embedding=fc.weight", "invalid_argument", "grid beside it"),
    ],
)
def test_a_wish_that_cannot_be(client: httpx.Client, query: str, code: str, mentioned: str) -> None:
    """What is wrong with it, and what is accepted, is said before any byte."""
    problem = check_problem(client.get(f"{CHECKPOINT}?{query}"), 422, code)
    assert mentioned in problem.detail
    assert problem.argument
    assert problem.instance == CHECKPOINT
    assert client.head(f"{CHECKPOINT}?{query}").status_code == 422


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", f"{CHECKPOINT}:describe?dtype=float16", "unknown_parameter"),
        ("POST", f"{CHECKPOINT}:prefetch?pin=yes", "invalid_query"),
        ("POST", f"{CHECKPOINT}:prefetch?pin=true&pin=true", "repeated_parameter"),
        ("POST", f"{CHECKPOINT}:prefetch?dtype=float16", "unknown_parameter"),
        ("DELETE", f"{CHECKPOINT}?file=model.safetensors", "unknown_parameter"),
        ("DELETE", f"{CHECKPOINT}?revision=..", "invalid_revision"),
        ("GET", "/v1/checkpoints?repository=timm", "unknown_parameter"),
    ],
)
def test_other_routes_read_their_own_parameters(
    client: httpx.Client, method: str, path: str, code: str
) -> None:
    """And no others."""
    check_problem(client.request(method, path), 422, code)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "POST"])
def test_another_method_is_refused(client: httpx.Client, method: str) -> None:
    """With those that there are."""
    answer = client.request(method, CHECKPOINT)
    check_problem(answer, 405, "method_not_allowed")
    assert {"GET", "HEAD", "DELETE"} <= set(answer.headers["Allow"].split(", "))


@pytest.mark.parametrize(
    "tokens", [["two words"], ["a" * 600], ["hf_a", "hf_b"], [b"hf_\xc3\xa4"]], ids=str
)
def test_a_token_that_is_none(
    client: httpx.Client, hub: HubServer, tokens: list[str | bytes]
) -> None:
    """It is not shown, and goes nowhere."""
    asked = hub.count()
    headers = [(b"X-HF-Token", token if isinstance(token, bytes) else token.encode())
               for token in tokens]  # fmt: skip
    problem = check_problem(client.get(CHECKPOINT, headers=headers), 401, "invalid_hub_token")
    assert "two words" not in problem.detail
    assert hub.count() == asked
