"""Files that cannot be believed: headers, indexes, and where the Hub leads to."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pytest
import safetensors.numpy

from tests.api.checkpoints.conftest import CHECKPOINT, REPOSITORY
from tests.api.checkpoints.problems import check_problem
from tests.api.conftest import LiveServer
from tests.hub.checkpoints import INDEX, MadeCheckpoint, shard
from tests.hub.server import HubServer

MakeServer = Callable[..., LiveServer]
Header = dict[str, Any]


def file_of(header: bytes | Header, data_bytes: int = 0, *, length: int | None = None) -> bytes:
    """A safetensors file with any header, and the length that it says of it."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    said = len(text) if length is None else length
    return said.to_bytes(8, "little") + text + bytes(data_bytes)


def tensor(start: int, stop: int, *, dtype: Any = "F32", shape: Any = (4,)) -> Header:
    """What a header says of a tensor."""
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, stop]}


GOOD = tensor(0, 16)

BAD_HEADERS: Mapping[str, bytes] = {
    "of 2 GiB": file_of({"a": GOOD}, 16, length=2**31),
    "of 2 EiB": file_of({"a": GOOD}, 16, length=2**61),
    "longer than the file": file_of({"a": GOOD}, length=1000),
    "empty file": b"",
    "seven bytes": b"\0" * 7,
    "no header": file_of(b""),
    "not JSON": file_of(b"hello, this is no JSON"),
    "not UTF-8": file_of(b'{"\xff":1}'),
    "a list": file_of(b"[1,2,3]"),
    "nested deeply": file_of(b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}"),
    "cut short": file_of({"a": GOOD}, 16)[:30],
    "data cut short": file_of({"a": GOOD}, 15),
    "data too long": file_of({"a": GOOD}, 17),
    "overlap": file_of({"a": GOOD, "b": tensor(8, 24)}, 24),
    "same place": file_of({"a": GOOD, "b": GOOD}, 16),
    "gap": file_of({"a": GOOD, "b": tensor(20, 36)}, 36),
    "gap at the beginning": file_of({"a": tensor(4, 20)}, 20),
    "backwards": file_of({"a": tensor(16, 0)}, 16),
    "negative": file_of({"a": tensor(-16, 0)}, 16),
    "beyond 64 bits": file_of({"a": tensor(0, 2**64)}, 16),
    "fractions": file_of({"a": tensor(0, 16, shape=[4.0])}, 16),
    "unknown dtype": file_of({"a": tensor(0, 16, dtype="F33")}, 16),
    "dtype that is no name": file_of({"a": tensor(0, 16, dtype=32)}, 16),
    "other size than its shape": file_of({"a": tensor(0, 16, shape=[5])}, 16),
    "shape that overflows": file_of({"a": tensor(0, 16, shape=[2**62, 4])}, 16),
    "shape that is none": file_of({"a": tensor(0, 16, shape="4")}, 16),
    "no shape": file_of({"a": {"dtype": "F32", "data_offsets": [0, 16]}}, 16),
    "more keys": file_of({"a": {**GOOD, "code": "import os"}}, 16),
    "a name twice": file_of(b'{"a":1,"a":2}'),
    "control character in a name": file_of({"a\x00b": GOOD}, 16),
    "metadata that is no text": file_of({"__metadata__": {"a": 1}, "b": GOOD}, 16),
    "HTML": b"<!DOCTYPE html><html><body>Sign in</body></html>",
    "a pointer of git": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
}


@pytest.fixture
def stocked(client: httpx.Client, hub: HubServer) -> httpx.Client:
    """A client of a server whose Hub has all of these."""
    for number, content in enumerate(BAD_HEADERS.values()):
        hub.add_repository(f"test/bad{number}", {"model.safetensors": content})
    return client


def test_a_header_that_cannot_be_believed(stocked: httpx.Client) -> None:
    """Said before any byte, on all that would read it, cold and warm."""
    for number, kind in enumerate(BAD_HEADERS):
        path = f"/v1/checkpoints/test/bad{number}"
        for asked in (f"{path}:describe", path, f"{path}?dtype=float16", path):
            problem = check_problem(stocked.get(asked), 502, "invalid_checkpoint")
            assert len(problem.detail) < 2000, kind
        part = stocked.get(path, headers={"Range": "bytes=0-0"})
        assert part.status_code in {416, 502}, kind
        assert stocked.head(f"{path}?dtype=float16").status_code == 502


def test_a_header_beyond_its_limit(make_hub_server: MakeServer, content: bytes) -> None:
    """Which operators set."""
    with make_hub_server(limit_header_bytes=1000).client() as client:
        problem = check_problem(client.get(CHECKPOINT), 502, "invalid_checkpoint")
    assert "1000 or fewer" in problem.detail
    assert content


def index_of(files: Mapping[str, str], **more: Any) -> bytes:
    """An index that maps tensors to files."""
    return json.dumps({"metadata": {"total_size": 1}, "weight_map": dict(files), **more}).encode()


BAD_INDEXES: Mapping[str, bytes] = {
    "out of the repository": index_of({"a": "../model-00001-of-00002.safetensors"}),
    "absolute": index_of({"a": "/etc/model.safetensors"}),
    "to the system": index_of({"a": "/etc/passwd"}),
    "with backslashes": index_of({"a": "..\\model.safetensors"}),
    "with a NUL": index_of({"a": "model\x00.safetensors"}),
    "another address": index_of({"a": "https://127.0.0.1/model.safetensors"}),
    "in a folder": index_of({"a": "more/model.safetensors"}),
    "hidden": index_of({"a": ".model.safetensors"}),
    "no tensors": index_of({}),
    "no map": b"{}",
    "a list": b"[]",
    "not JSON": b"weights",
    "a name twice": b'{"weight_map": {"a": "b.safetensors", "a": "c.safetensors"}}',
    "number for a file": b'{"weight_map": {"a": 1}}',
}


def test_an_index_that_cannot_be_believed(client: httpx.Client, hub: HubServer) -> None:
    """Names in it never become paths."""
    for number, (kind, index) in enumerate(BAD_INDEXES.items()):
        hub.add_repository(f"test/index{number}", {INDEX: index})
        path = f"/v1/checkpoints/test/index{number}"
        for asked in (path, f"{path}:describe", f"{path}?dtype=float16"):
            problem = check_problem(client.get(asked), 502, "invalid_checkpoint")
            assert problem.detail, kind
        assert client.head(path).status_code == 502
    assert not [each for each in hub.requests if ".." in each.path or "etc" in each.path]
    assert hub.count(host="storage") == 0


def wrongly_mapped(files: dict[str, bytes]) -> dict[str, bytes]:
    """The first tensor is said to be in the last file."""
    index = json.loads(files[INDEX])
    name = next(iter(index["weight_map"]))
    last = max(path for path in files if path != INDEX)
    moved = last if index["weight_map"][name] != last else min(files)
    index["weight_map"][name] = moved
    return {**files, INDEX: json.dumps(index).encode()}


def inventing(files: dict[str, bytes]) -> dict[str, bytes]:
    """A tensor is said to be there that is not."""
    index = json.loads(files[INDEX])
    index["weight_map"]["invented"] = min(files)
    return {**files, INDEX: json.dumps(index).encode()}


def repeating(files: dict[str, bytes]) -> dict[str, bytes]:
    """A tensor is in two files."""
    first, second, *_ = sorted(path for path in files if path != INDEX)
    tensors = safetensors.numpy.load(files[second])
    name, values = next(iter(safetensors.numpy.load(files[first]).items()))
    return {**files, second: safetensors.numpy.save({**tensors, name: values})}


@pytest.mark.parametrize("change", [wrongly_mapped, inventing, repeating])
def test_an_index_that_does_not_agree_with_its_files(
    client: httpx.Client,
    hub: HubServer,
    tiny: MadeCheckpoint,
    change: Callable[[dict[str, bytes]], dict[str, bytes]],
) -> None:
    """No tensor is taken from where it should not be."""
    hub.add_repository("test/sharded", change(shard(tiny.tensors(), 3)))
    path = "/v1/checkpoints/test/sharded"
    for asked in (f"{path}:describe", path, f"{path}?dtype=float16"):
        check_problem(client.get(asked), 502, "invalid_checkpoint")
    assert client.head(path).status_code == 502


def test_an_index_whose_file_is_missing(
    client: httpx.Client, hub: HubServer, tiny: MadeCheckpoint
) -> None:
    """The repository does not have it."""
    files = shard(tiny.tensors(), 3)
    del files["model-00002-of-00003.safetensors"]
    hub.add_repository("test/sharded", files)
    problem = check_problem(client.get("/v1/checkpoints/test/sharded"), 404, "unknown_file")
    assert "model-00002-of-00003.safetensors" in problem.detail


def test_a_file_larger_than_files_may_be(
    make_hub_server: MakeServer, hub: HubServer, content: bytes
) -> None:
    """Nothing of it is fetched."""
    with make_hub_server(limit_checkpoint_bytes=len(content) - 1).client() as client:
        for path in (CHECKPOINT, f"{CHECKPOINT}?dtype=float16"):
            problem = check_problem(client.get(path), 507, "insufficient_storage")
            assert str(len(content)) in problem.detail
            assert f"{len(content) - 1} bytes or fewer" in problem.detail
    assert hub.count(host="storage", path_contains=REPOSITORY) == 0
