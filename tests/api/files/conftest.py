"""Servers that send files from a disk."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.file_server import FileApp, FileServers, content_of, serving_files


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[FileServers]:
    """Builds servers."""
    with serving_files(tmp_path) as servers:
        yield servers


@pytest.fixture
def files(servers: FileServers) -> FileApp:
    """A server with a file of some megabytes that is there."""
    made = servers.make()
    made.add("weights", content_of(1))
    return made
