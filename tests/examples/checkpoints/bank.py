"""What a user does with the service: fetch files, over HTTP."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import torch
from safetensors.torch import load_file

_TIMEOUT_SECONDS = 120
_PIECE_BYTES = 2**20
_MOST_ATTEMPTS = 1000

Tensors = dict[str, torch.Tensor]


def checkpoint_path(repository: str) -> str:
    """Return the path of a repository's checkpoint."""
    return f"/v1/checkpoints/{repository}"


class Bank:
    """A client of one server that writes what it fetches into a folder.

    Args:
        url: Of the server.
        folder: Where files go.
    """

    def __init__(self, url: str, folder: Path) -> None:
        self._client = httpx.Client(base_url=url, timeout=_TIMEOUT_SECONDS)
        self._folder = folder

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def fetch(self, path: str, *, name: str = "model.safetensors", **query: str | int) -> Path:
        """Fetch a file, and return where it is."""
        with self._stream("GET", path, params=query) as answer:
            return self._write(answer, name)

    def tensors(self, path: str, **query: str | int) -> Tensors:
        """Fetch a file, and return its tensors."""
        return load_file(self.fetch(path, **query))

    def pieces(self, path: str, **query: str | int) -> Iterator[bytes]:
        """Return a file piece by piece, as it comes."""
        with self._stream("GET", path, params=query) as answer:
            yield from answer.iter_raw()

    def ranges(self, path: str, size_bytes: int, **query: str | int) -> Iterator[bytes]:
        """Return a file range by range, each of so many bytes."""
        head = self._request("HEAD", path, params=query)
        whole_bytes = int(head.headers["Content-Length"])
        for start in range(0, whole_bytes, size_bytes):
            stop = min(start + size_bytes, whole_bytes)
            headers = {"Range": f"bytes={start}-{stop - 1}"}
            answer = self._request("GET", path, params=query, headers=headers)
            assert answer.status_code == httpx.codes.PARTIAL_CONTENT
            yield answer.content

    def post(self, spec: Mapping[str, Any]) -> str:
        """Post a spec, and return the path of its weights."""
        spec_id: str = self._request("POST", "/v1/specs", json=spec).json()["id"]
        return f"/v1/weights/{spec_id}"

    def weights(self, spec: Mapping[str, Any], *, seed: int) -> Tensors:
        """Post a spec for its weights, and return them."""
        with self._stream("POST", "/v1/weights", params={"seed": seed}, json=spec) as answer:
            return load_file(self._write(answer, "weights.safetensors"))

    def forget(self, repository: str) -> None:
        """Have the server keep nothing of a repository, once it has closed its files."""
        for _ in range(_MOST_ATTEMPTS):
            if not self._request("DELETE", checkpoint_path(repository)).json()["left"]:
                return
        raise AssertionError(f"somebody still reads {repository}")

    def _request(self, method: str, path: str, **options: Any) -> httpx.Response:
        answer = self._client.request(method, path, **options)
        _check(answer)
        return answer

    @contextmanager
    def _stream(self, method: str, path: str, **options: Any) -> Iterator[httpx.Response]:
        with self._client.stream(method, path, **options) as answer:
            _check(answer)
            yield answer

    def _write(self, answer: httpx.Response, name: str) -> Path:
        target = self._folder / name
        target.unlink(missing_ok=True)  # tensors of an earlier one are where it was mapped
        with target.open("wb") as file:
            for piece in answer.iter_raw(_PIECE_BYTES):
                file.write(piece)
        assert target.stat().st_size == int(answer.headers["Content-Length"])
        return target


def _check(answer: httpx.Response) -> None:
    """Fail with what the server says is wrong."""
    if answer.is_error:
        answer.read()
    assert not answer.is_error, answer.text
