"""Checkpoints fitted to a model, as files of their own that are made while they are sent.

Theory of operation: a layout follows from the headers of a checkpoint's files. It is
kept once those files are here and their hashes were found right; before that the
headers may be a lie, and a layout is for those alone who ask for it at the same time.
"""

from dataclasses import dataclass

from services.bounded_executor import BoundedExecutor
from services.checkpoints.catalogue import Catalogue, Chosen
from services.checkpoints.description import Descriptions
from services.checkpoints.reader import BlobReader
from services.checkpoints.sources import Sources
from services.hub.errors import InvalidFileError
from services.single_flight import SingleFlight
from services.single_flight_cache import SingleFlightCache
from weightbank.backends.protocol import Backend
from weightbank.file import WeightsFile
from weightbank.fitting import ModelDescription, Wishes, fit
from weightbank.forms import ConstantForm, PretrainedForm
from weightbank.layout import Layout
from weightbank.limits import Limits
from weightbank.prepared import PreparedTensors
from weightbank.resolved import ResolvedSpec
from weightbank.stored import Checkpoint, CheckpointName, StoredFile
from weightbank.stored_header import StoredHeader

_KEY_TENSORS = 8
"""What wishes take in memory, in tensors of a kilobyte: anybody can wish for ever other things."""

_Key = tuple[CheckpointName, tuple[StoredFile, ...], Wishes]


@dataclass(frozen=True, slots=True, eq=False)
class _Same:
    """A header in a key: equal to itself alone, and held, so that no other takes its place."""

    header: StoredHeader

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.header is self.header

    def __hash__(self) -> int:
        return id(self.header)


@dataclass(frozen=True, slots=True)
class FittedFile:
    """A checkpoint as one file, fitted to a model.

    Attributes:
        file: Its bytes.
        id: SHA-256 of all that they depend on besides the seed.
        is_seeded: Whether any of them depends on the seed.
        reader: Of the checkpoint's own files; None where only headers are wanted.
    """

    file: WeightsFile
    id: str
    is_seeded: bool
    reader: BlobReader | None


class Fitting:
    """Fits checkpoints, and remembers how. For one event loop."""

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        sources: Sources,
        descriptions: Descriptions,
        resolving: BoundedExecutor,
        backend: Backend,
        prepared: PreparedTensors,
        limits: Limits,
        cached_tensors: int,
    ) -> None:
        self._catalogue = catalogue
        self._sources = sources
        self._descriptions = descriptions
        self._resolving = resolving
        self._backend = backend
        self._prepared = prepared
        self._limits = limits
        self._layouts: SingleFlightCache[_Key, Layout] = SingleFlightCache(
            capacity=cached_tensors, weigh=lambda layout: _KEY_TENSORS + len(layout.tensors)
        )
        self._unverified: SingleFlight[tuple[_Key, tuple[_Same, ...]], Layout] = SingleFlight()

    async def open(
        self,
        name: CheckpointName,
        wishes: Wishes,
        *,
        seed: int | None,
        token: str | None,
        chosen: Chosen,
        is_read: bool,
    ) -> FittedFile:
        """Return a checkpoint as it is wished for.

        Args:
            name: Of the checkpoint.
            wishes: What is to be other than it is.
            seed: For tensors that are drawn anew; only needed where there are any.
            token: Of the caller, whose rights were checked.
            chosen: What the name led to.
            is_read: Whether its bytes are wanted, and have to be fetched.

        Raises:
            WeightbankError: If it cannot be fitted, or not be had.
        """
        if chosen.choice.kind == "document":
            raise InvalidFileError("file", chosen.choice.path, "has no tensors", "a checkpoint")
        key = (name, tuple(located.file for located in chosen.files), wishes)
        reader: BlobReader | None = None
        layout = None if is_read else self._layouts.peek(key)
        if layout is None:
            if is_read:
                checkpoint, reader = await self._sources.open_checkpoint(name, chosen, token=token)
            else:
                checkpoint = await self._catalogue.tensors(name, chosen, token=token)
            layout = await self._layout(key, checkpoint, reader, chosen, token=token)
        file = WeightsFile(
            layout,
            seed=seed or 0,
            backend=self._backend,
            prepared=self._prepared,
            reader=reader,
        )
        resolved = layout.resolved
        return FittedFile(file, resolved.id, _is_seeded(resolved), reader)

    async def _layout(
        self,
        key: _Key,
        checkpoint: Checkpoint,
        reader: BlobReader | None,
        chosen: Chosen,
        *,
        token: str | None,
    ) -> Layout:
        async def load() -> Layout:
            model = await self._descriptions.model(chosen, token=token)
            return await self._resolving.run(lambda: self._lay_out(checkpoint, key[-1], model))

        if reader is not None and reader.is_verified:
            return await self._layouts.get(key, load)
        headers = [] if reader is None else reader.headers
        return await self._unverified.run((key, tuple(map(_Same, headers))), load)

    def _lay_out(self, checkpoint: Checkpoint, wishes: Wishes, model: ModelDescription) -> Layout:
        resolved = fit(checkpoint, wishes, description=model, limits=self._limits)
        _ = resolved.id  # a hash of all of it: computed here, and not on the loop
        return Layout.of(resolved, limits=self._limits)


def _is_seeded(resolved: ResolvedSpec) -> bool:
    """Return whether any tensor is drawn."""
    return any(
        not isinstance(tensor.form, PretrainedForm | ConstantForm) for tensor in resolved.tensors
    )
