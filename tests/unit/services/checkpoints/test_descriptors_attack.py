"""Many readers of checkpoints in many files leave descriptors to others."""

from pathlib import Path
from typing import Any

import pytest

from services.bounded_executor import BoundedExecutor
from services.checkpoints.store import CheckpointStore
from services.errors import OverloadedError
from tests.blobs import content_of
from tests.unit.services.checkpoints.fakes import bench_in


def test_files_are_open_up_to_a_bound(tmp_path: Path) -> None:
    """Beyond it they are refused, until one is closed."""
    disk = BoundedExecutor("disk", threads=1, limit=10)
    with bench_in(tmp_path) as bench:
        as_hub: Any = bench.hub
        store = CheckpointStore(
            hub=as_hub,
            blobs=bench.blobs,
            pickles=bench.pickles,
            disk=disk,
            file_bytes=2**20,
            most_open=2,
        )
        located = bench.hub.add("model.safetensors", content_of(100))
        bench.fill(located, content_of(100))

        async def main() -> None:
            first = await store.open(located, token=None)
            second = await store.find(located)
            assert second is not None
            for _ in range(2):
                with pytest.raises(OverloadedError, match="open files"):
                    await store.open(located, token=None)
                with pytest.raises(OverloadedError, match="open files"):
                    await store.find(located)
            second.close()
            (await store.open(located, token=None)).close()
            first.close()

        bench.run(main)
        disk.close()
