"""Specs that are known, and what is asked of the store."""

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from schemas.examples import MLP
from services.bounded_executor import BoundedExecutor
from services.errors import UnknownSpecError
from services.files import Files
from services.spec_store import StoredSpec
from services.specs import Specs
from tests.specs import no_checkpoints, parameter
from weightbank.backends.reference import ReferenceBackend
from weightbank.errors import LimitExceededError
from weightbank.limits import Limits
from weightbank.prepared import PreparedTensors
from weightbank.resolve import resolve
from weightbank.resolved import ResolvedSpec
from weightbank.spec import Spec


class MemoryStore:
    """Specs in a dictionary, and who asked for them."""

    def __init__(self) -> None:
        self.specs: dict[str, StoredSpec] = {}
        self.found: list[str] = []

    def add(self, spec: StoredSpec) -> bool:
        """Keep a spec."""
        is_new = spec.id not in self.specs
        self.specs.setdefault(spec.id, spec)
        return is_new

    def find(self, spec_id: str) -> StoredSpec | None:
        """Return a spec."""
        self.found.append(threading.current_thread().name)
        return self.specs.get(spec_id)


def run(test: Callable[[Specs, Files, MemoryStore], Any], *, cached_tensors: int = 100) -> None:
    """Run a test with specs in memory."""
    store = MemoryStore()
    calls = BoundedExecutor("calls", threads=1, limit=4)
    resolving = BoundedExecutor("resolving", threads=1, limit=4)
    files = Files(
        store=store,
        store_executor=calls,
        resolving=resolving,
        backend=ReferenceBackend(),
        prepared=PreparedTensors(capacity_bytes=0),
        limits=Limits(),
        cached_tensors=cached_tensors,
    )
    specs = Specs(
        store=store, store_executor=calls, resolving=resolving, files=files, limits=Limits()
    )
    try:
        asyncio.run(test(specs, files, store))
    finally:
        calls.close()
        resolving.close()


def other(out_features: int) -> Spec:
    """A spec of two tensors."""
    layer = {"name": "a", "type": "Linear", "in_features": 2, "out_features": out_features}
    return Spec.from_document({"layers": [layer]})


def test_no_spec_is_hashed_or_read_on_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor by threads that are there to wait for the store."""
    threads: set[str] = set()

    def watched(function: Any) -> Any:
        def call(*arguments: Any) -> Any:
            threads.add(threading.current_thread().name)
            return function(*arguments)

        return call

    monkeypatch.setattr(ResolvedSpec, "document", watched(ResolvedSpec.document))
    from_document = ResolvedSpec.from_document
    monkeypatch.setattr(ResolvedSpec, "from_document", watched(from_document))

    async def test(specs: Specs, files: Files, store: MemoryStore) -> None:
        answer = await specs.resolve(lambda: Spec.from_document(MLP), find=no_checkpoints)
        assert await specs.add(answer)
        assert not await specs.add(answer)
        known = await specs.find(answer.id)
        assert known.id == answer.id == answer.known.id
        await files.open(known, seed=1, dtype="bfloat16")
        assert await specs.document_json(known) == store.specs[answer.id].canonical_json
        assert threads == {"resolving_0"}
        assert set(store.found) == {"calls_0"}

    run(test)


def test_specs_have_half_of_the_cache() -> None:
    """Layouts have the other half."""

    async def test(specs: Specs, files: Files, store: MemoryStore) -> None:
        ids = []
        for out_features in (1, 2, 3):
            answer = await specs.resolve(partial(other, out_features), find=no_checkpoints)
            await specs.add(answer)
            ids.append(answer.id)
        for spec_id in (ids[2], ids[1]):
            await files.known_spec(spec_id)
        assert store.found == []
        await files.known_spec(ids[0])
        assert store.found == ["calls_0"]

    run(test, cached_tensors=8)


def test_a_spec_that_nobody_stored_is_unknown() -> None:
    """Whether its id could be one or not; only then the store is asked."""

    async def test(specs: Specs, files: Files, store: MemoryStore) -> None:
        del specs
        for spec_id in ("x", "0" * 64):
            with pytest.raises(UnknownSpecError):
                await files.known_spec(spec_id)
        assert len(store.found) == 1

    run(test)


def test_a_spec_that_was_stored_under_larger_limits_is_refused() -> None:
    """Its tensor is named, with its size and the limit, before any of it is made."""
    document = {"layers": [parameter([2**13 + 1, 2**13], "orthogonal", "too large")]}
    larger = Limits(whole_tensor_bytes=2**40)
    resolved = resolve(Spec.from_document(document), limits=larger).resolved

    async def test(specs: Specs, files: Files, store: MemoryStore) -> None:
        del specs
        store.add(StoredSpec(resolved.id, resolved.canonical_json(), None))
        known = await files.known_spec(resolved.id)
        message = "too large 268468224 bytes are too many .* 268435456 bytes or fewer"
        with pytest.raises(LimitExceededError, match=message):
            await files.open(known, seed=1, dtype="bfloat16")

    run(test)
