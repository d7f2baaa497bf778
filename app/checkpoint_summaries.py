"""From the words of checkpoints' services to those of the wire."""

from collections.abc import Iterable

from app.checkpoint_locations import checkpoint_path
from schemas.checkpoints import (
    CheckpointFileOut,
    CheckpointModelOut,
    CheckpointOut,
    CheckpointTensorOut,
    FileProgressOut,
    KeptCheckpointsOut,
    KeptFileOut,
    PlaceOut,
    PrefetchOut,
    RemovalOut,
)
from services.checkpoints.description import Description
from services.checkpoints.inventory import KeptFile, Removal
from services.checkpoints.prefetching import Progress
from services.hub.located import LocatedFile

_SHOWN_OF_HASH = len("sha256:") + 12


def described(description: Description) -> CheckpointOut:
    """Return what there is to say about a checkpoint."""
    chosen, model = description.chosen, description.model
    snapshot, kind = chosen.snapshot, chosen.choice.kind
    assert kind != "document", "a document has no tensors"
    tensors = description.checkpoint.tensors
    return CheckpointOut(
        repository=snapshot.repository,
        revision=description.checkpoint.name.revision,
        commit=snapshot.commit,
        licence=snapshot.licence,
        restricted=snapshot.is_restricted,
        format=kind,
        location=checkpoint_path(chosen, []),
        bytes=chosen.size_bytes,
        elements=sum(tensor.elements for tensor in tensors.values()),
        model=CheckpointModelOut(
            classifier=model.classifier,
            first_conv=model.first_conv,
            num_classes=model.num_classes,
            in_channels=model.in_channels,
        ),
        files=[
            CheckpointFileOut(
                path=located.file.path,
                bytes=located.size_bytes,
                hash=located.file.hash,
                cached=located.file.path in description.kept,
            )
            for located in chosen.files
        ],
        tensors=[
            CheckpointTensorOut(
                name=name,
                dtype=tensor.dtype.name,
                shape=list(tensor.shape),
                file=tensor.file.path,
            )
            for name, tensor in sorted(tensors.items())
        ],
    )


def progress_out(progress: Progress) -> PrefetchOut:
    """Return how far a checkpoint is."""
    snapshot = progress.chosen.snapshot
    return PrefetchOut(
        repository=snapshot.repository,
        commit=snapshot.commit,
        status="complete" if progress.is_complete else "fetching",
        bytes=progress.size_bytes,
        arrived_bytes=progress.arrived_bytes,
        files=[
            FileProgressOut(
                path=file.located.file.path,
                state=file.state,
                bytes=file.located.size_bytes,
                arrived_bytes=file.arrived_bytes,
                error=file.error,
            )
            for file in progress.files
        ],
    )


def kept_checkpoints(files: Iterable[KeptFile], *, quota_bytes: int) -> KeptCheckpointsOut:
    """Return all that is kept."""
    listed = [_kept_file(file) for file in files]
    return KeptCheckpointsOut(
        quota_bytes=quota_bytes,
        used_bytes=sum(file.arrived_bytes for file in listed),
        files=listed,
    )


def removal_out(removal: Removal) -> RemovalOut:
    """Return what was removed."""
    return RemovalOut(
        freed_bytes=removal.freed_bytes,
        removed=[_place(located) for located in removal.removed],
        left=[_place(located) for located in removal.left],
    )


def _kept_file(kept: KeptFile) -> KeptFileOut:
    blob = kept.blob
    # Who names a hash may claim to have the file: that of what is private is not told.
    return KeptFileOut(
        hash=blob.hash if kept.places else f"{blob.hash[:_SHOWN_OF_HASH]}…",
        bytes=blob.size_bytes,
        arrived_bytes=blob.arrived_bytes,
        complete=blob.is_complete,
        pinned=blob.is_pinned,
        readers=blob.readers,
        last_used=blob.last_used,
        places=[_place(located) for located in kept.places],
    )


def _place(located: LocatedFile) -> PlaceOut:
    file = located.file
    return PlaceOut(repository=file.repository, commit=file.commit, path=file.path)
