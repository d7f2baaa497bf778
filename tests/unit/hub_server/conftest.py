"""A client of the Hub, as applications use it, for a server of this process."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import huggingface_hub
import pytest
from huggingface_hub.utils._http import close_session
from huggingface_hub.utils.tqdm import disable_progress_bars, enable_progress_bars

from tests.hub.server import HubServer

SMALL_TEXT = b'{"architecture": "resnet50"}'
LONG_TEXT = b"words that can be compressed, " * 200
WEIGHTS = bytes(range(256)) * 1000


@pytest.fixture(autouse=True)
def _closed_session() -> Iterator[None]:
    """The client keeps connections for its whole process: a test must not leave them open."""
    disable_progress_bars()
    yield
    close_session()
    enable_progress_bars()


@pytest.fixture
def client(hub: HubServer, tmp_path: Path) -> Any:
    """``huggingface_hub``'s client, with a cache of its own and without any token."""
    return HubClient(hub, tmp_path / "cache")


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    """A client that follows nothing and accepts no compression."""
    with httpx.Client(headers={"Accept-Encoding": "identity"}, timeout=30) as plain:
        yield plain


@pytest.fixture
def repository(hub: HubServer) -> Any:
    """A repository with a file of each kind."""
    return hub.add_repository(
        "timm/resnet50.a1_in1k",
        {"config.json": SMALL_TEXT, "docs/long.txt": LONG_TEXT, "model.safetensors": WEIGHTS},
    )


class HubClient:
    """Functions of ``huggingface_hub``, pointed to a server."""

    def __init__(self, hub: HubServer, cache: Path) -> None:
        self.api: Any = huggingface_hub.HfApi(endpoint=hub.url, token=False)
        self._hub = hub
        self._cache = cache

    def download(self, name: str, path: str, **options: Any) -> bytes:
        """Return the content of a file, through the client's cache."""
        said = {"endpoint": self._hub.url, "cache_dir": self._cache, "token": False, **options}
        return Path(huggingface_hub.hf_hub_download(name, path, **said)).read_bytes()

    def snapshot(self, name: str, **options: Any) -> dict[str, bytes]:
        """Return the content of all files, through the client's cache."""
        said = {"endpoint": self._hub.url, "cache_dir": self._cache, "token": False, **options}
        folder = Path(huggingface_hub.snapshot_download(name, **said))
        paths = [path for path in folder.rglob("*") if path.is_file()]
        return {str(path.relative_to(folder)): path.read_bytes() for path in paths}

    def metadata(self, name: str, path: str, **options: Any) -> huggingface_hub.HfFileMetadata:
        """Return what a HEAD says of a file."""
        revision = options.pop("revision", "main")
        url = huggingface_hub.hf_hub_url(name, path, revision=revision, endpoint=self._hub.url)
        said = {"token": False, "endpoint": self._hub.url, **options}
        return huggingface_hub.get_hf_file_metadata(url, **said)
