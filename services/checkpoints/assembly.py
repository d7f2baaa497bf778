"""The parts of checkpoints, put together of what they stand on."""

from dataclasses import dataclass
from pathlib import Path

from services.blobs.store import BlobStore
from services.bounded_executor import BoundedExecutor
from services.checkpoints.catalogue import Catalogue
from services.checkpoints.description import Descriptions
from services.checkpoints.fitted import Fitting
from services.checkpoints.headers import Headers
from services.checkpoints.inventory import Inventory
from services.checkpoints.opening import Opening
from services.checkpoints.parts import Checkpoints
from services.checkpoints.pickles import PicklePolicy, Pickles
from services.checkpoints.prefetching import Prefetching
from services.checkpoints.questions import Questions
from services.checkpoints.sources import Sources
from services.checkpoints.store import CheckpointStore
from services.conversion.converter import Converter
from services.hub.hub import Hub
from weightbank.backends.protocol import Backend
from weightbank.limits import Limits
from weightbank.prepared import PreparedTensors


@dataclass(frozen=True, slots=True, kw_only=True)
class Foundations:
    """What checkpoints stand on; whoever made it ends it.

    Attributes:
        hub: Knows what there is, and who may read it.
        blobs: Keeps files.
        converter: Of pickles.
        backend: Makes what is drawn in a fitted checkpoint.
        prepared: Keeps what is made whole.
        asking: Runs questions to the Hub.
        recalling: Runs looks at what it said before.
        disk: Runs what waits for a disk.
        converting: Runs conversions.
        resolving: Runs what keeps a processor busy.
    """

    hub: Hub
    blobs: BlobStore
    converter: Converter
    backend: Backend
    prepared: PreparedTensors
    asking: BoundedExecutor
    recalling: BoundedExecutor
    disk: BoundedExecutor
    converting: BoundedExecutor
    resolving: BoundedExecutor


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointOptions:
    """Bounds and choices of an operator.

    Attributes:
        records: Directory of what pickles were converted to.
        pickles: What happens to them.
        file_bytes: Largest file.
        limits: Of one spec.
        cached_tensors: Of all headers kept together, and of all layouts.
        prefetches: Most files that are fetched ahead or wait for it.
        prefetches_at_once: Most of them that are fetched at one time.
        pause_seconds: Until a fetch that found no place is tried again.
    """

    records: Path
    pickles: PicklePolicy
    file_bytes: int
    limits: Limits
    cached_tensors: int
    prefetches: int
    prefetches_at_once: int
    pause_seconds: float = 0.25


def assemble(base: Foundations, options: CheckpointOptions) -> Checkpoints:
    """Put all parts together. For the event loop that they will run on."""
    hub, limits = base.hub, options.limits
    headers = Headers(
        parsing=base.resolving,
        cached_tensors=options.cached_tensors,
        limits=limits,
        doubt=lambda hash_: base.disk.run(lambda: hub.distrust(hash_)),
    )
    pickles = make_pickles(base, options)
    store = CheckpointStore(
        hub=hub,
        blobs=base.blobs,
        pickles=pickles,
        disk=base.disk,
        file_bytes=options.file_bytes,
    )
    catalogue = Catalogue(
        questions=Questions(hub, asking=base.asking, recalling=base.recalling),
        store=store,
        headers=headers,
        parsing=base.resolving,
        limits=limits,
    )
    opening = Opening(
        catalogue=catalogue, store=store, headers=headers, pause_seconds=options.pause_seconds
    )
    sources = Sources(catalogue=catalogue, opening=opening)
    descriptions = Descriptions(catalogue=catalogue, store=store)
    return Checkpoints(
        catalogue=catalogue,
        store=store,
        headers=headers,
        pickles=pickles,
        opening=opening,
        sources=sources,
        descriptions=descriptions,
        fitting=_fitting(base, options, catalogue, sources, descriptions),
        prefetching=_prefetching(base, options, catalogue, store, pickles),
        inventory=Inventory(
            hub=hub, blobs=base.blobs, pickles=pickles, disk=base.disk, asking=base.asking
        ),
    )


def make_pickles(base: Foundations, options: CheckpointOptions) -> Pickles:
    """Return what converts pickles, or refuses them."""
    return Pickles(
        options.records,
        policy=options.pickles,
        converter=base.converter,
        blobs=base.blobs,
        disk=base.disk,
        converting=base.converting,
        file_bytes=options.file_bytes,
    )


def _fitting(
    base: Foundations,
    options: CheckpointOptions,
    catalogue: Catalogue,
    sources: Sources,
    descriptions: Descriptions,
) -> Fitting:
    return Fitting(
        catalogue=catalogue,
        sources=sources,
        descriptions=descriptions,
        resolving=base.resolving,
        backend=base.backend,
        prepared=base.prepared,
        limits=options.limits,
        cached_tensors=options.cached_tensors,
    )


def _prefetching(
    base: Foundations,
    options: CheckpointOptions,
    catalogue: Catalogue,
    store: CheckpointStore,
    pickles: Pickles,
) -> Prefetching:
    return Prefetching(
        catalogue=catalogue,
        store=store,
        blobs=base.blobs,
        pickles=pickles,
        disk=base.disk,
        at_once=options.prefetches_at_once,
        limit=options.prefetches,
        pause_seconds=options.pause_seconds,
    )
