"""Files by spec id, seed and dtype; what they need is loaded once and kept."""

import re
from dataclasses import dataclass

from services.bounded_executor import BoundedExecutor
from services.errors import UnknownSpecError
from services.single_flight_cache import SingleFlightCache
from services.spec_store import SpecStore
from weightbank.backends.protocol import Backend
from weightbank.dtypes import FLOATING_NAMES
from weightbank.file import WeightsFile
from weightbank.layout import Layout
from weightbank.limits import Limits
from weightbank.prepared import PreparedTensors
from weightbank.resolved import ResolvedSpec
from weightbank.stored import TensorReader

FIXED = "fixed"
"""In place of a dtype, for files whose tensors all fix their own."""

_ID = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class KnownSpec:
    """A stored spec, read.

    Attributes:
        id: Under which it is stored.
        resolved: What its bytes depend on.
        suggested_seed: Of its author; may be None.
    """

    id: str
    resolved: ResolvedSpec
    suggested_seed: int | None

    @property
    def default_dtype(self) -> str:
        """The dtype of its file if none is asked for; ``fixed`` if asking changes nothing."""
        dtype = self.resolved.default_dtype
        return FIXED if dtype is None else dtype.name

    def effective_dtype(self, asked: str | None) -> str:
        """Return what names the file's dtype, whatever way it was asked for."""
        default = self.default_dtype
        return default if asked is None or default == FIXED else asked


class Files:
    """Opens files without touching the database when it knows them already.

    Specs and layouts used last are kept, bounded by their tensors: one tensor of
    either is about a kilobyte.
    """

    def __init__(
        self,
        *,
        store: SpecStore,
        store_executor: BoundedExecutor,
        resolving: BoundedExecutor,
        backend: Backend,
        prepared: PreparedTensors,
        limits: Limits,
        cached_tensors: int,
    ) -> None:
        """Load nothing yet.

        Args:
            store: Where specs are.
            store_executor: Runs what waits for the store.
            resolving: Runs what keeps a processor busy.
            backend: Makes the numbers.
            prepared: Keeps tensors that are made whole.
            limits: Of one file.
            cached_tensors: Most tensors that are kept, half of them in specs and
                half in layouts.
        """
        self._store = store
        self._store_executor = store_executor
        self._resolving = resolving
        self._backend = backend
        self._prepared = prepared
        self._limits = limits
        self._specs: SingleFlightCache[str, KnownSpec] = SingleFlightCache(
            capacity=cached_tensors // 2, weigh=lambda known: len(known.resolved.tensors)
        )
        self._layouts: SingleFlightCache[tuple[str, str], Layout] = SingleFlightCache(
            capacity=cached_tensors // 2, weigh=lambda layout: len(layout.tensors)
        )

    def remember(self, known: KnownSpec, layout: Layout, *, is_new: bool) -> None:
        """Keep what was made of a spec when it was posted.

        Args:
            known: The spec.
            layout: In the spec's own dtype.
            is_new: Whether it was stored just now. Otherwise it is read anew next
                time: the seed it was first stored with may be another one.
        """
        self._layouts.put((known.id, known.default_dtype), layout)
        if is_new:
            self._specs.put(known.id, known)
        else:
            self._specs.drop(known.id)

    def forget(self, spec_id: str) -> None:
        """Keep nothing of a spec that was removed."""
        self._specs.drop(spec_id)
        for dtype in (FIXED, *FLOATING_NAMES):
            self._layouts.drop((spec_id, dtype))

    async def known_spec(self, spec_id: str) -> KnownSpec:
        """Return a stored spec.

        Raises:
            UnknownSpecError: If there is none of this id.
            UnknownAlgorithmError: If another version of the algorithm resolved it.
            OverloadedError: If too many specs are being loaded.
            StoreUnavailableError: If the database does not answer.
        """
        if _ID.fullmatch(spec_id) is None:
            raise UnknownSpecError(spec_id)
        return await self._specs.get(spec_id, lambda: self._load(spec_id))

    async def layout(self, known: KnownSpec, dtype: str) -> Layout:
        """Return the layout of a spec's file in a dtype.

        Args:
            known: The spec.
            dtype: As ``effective_dtype`` has it.

        Raises:
            LimitExceededError: If the file would be too large in this dtype, or a
                tensor of it is too large to be made whole: limits may have shrunk
                since the spec was stored.
            UnrepresentableError: If the dtype cannot hold a value of the spec.
            OverloadedError: If too many specs are being laid out.
        """
        key = (known.id, dtype)
        return await self._layouts.get(
            key, lambda: self._resolving.run(lambda: self._lay_out(known, dtype))
        )

    async def open(
        self, known: KnownSpec, *, seed: int, dtype: str, reader: TensorReader | None = None
    ) -> WeightsFile:
        """Return a file; its bytes are made when they are read.

        Args:
            known: Its spec.
            seed: In [0, 2**64).
            dtype: As ``effective_dtype`` has it.
            reader: Of the checkpoints that the spec names; not needed for the header.
        """
        layout = await self.layout(known, dtype)
        return WeightsFile(
            layout, seed=seed, backend=self._backend, prepared=self._prepared, reader=reader
        )

    async def _load(self, spec_id: str) -> KnownSpec:
        stored = await self._store_executor.run(lambda: self._store.find(spec_id))
        if stored is None:
            raise UnknownSpecError(spec_id)
        canonical_json = stored.canonical_json
        resolved = await self._resolving.run(lambda: ResolvedSpec.from_json(canonical_json))
        return KnownSpec(stored.id, resolved, stored.suggested_seed)

    def _lay_out(self, known: KnownSpec, dtype: str) -> Layout:
        resolved = known.resolved if dtype == FIXED else known.resolved.with_dtype(dtype)
        return Layout.of(resolved, limits=self._limits)
