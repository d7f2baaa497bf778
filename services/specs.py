"""Specs: resolved in bounded number, stored, and found again."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from services.bounded_executor import BoundedExecutor
from services.files import Files, KnownSpec
from services.spec_facts import SpecFacts
from services.spec_store import SpecStore, StoredSpec
from weightbank.layout import Layout
from weightbank.limits import Limits
from weightbank.resolve import Resolution, resolve
from weightbank.spec import Spec
from weightbank.stored import CheckpointName, Checkpoints

Find = Callable[[Sequence[CheckpointName]], Awaitable[Checkpoints]]
"""Finds checkpoints, in the name of whoever asks."""


@dataclass(frozen=True, slots=True)
class ResolvedAnswer:
    """A spec that was understood.

    Attributes:
        id: Under which the spec is or would be stored.
        resolution: What was decided, with warnings and reasons.
        layout: The file in the spec's own dtype.
        seed: As given in the spec.
    """

    id: str
    resolution: Resolution
    layout: Layout
    seed: int | None

    @property
    def known(self) -> KnownSpec:
        """The spec as it is known once it is stored."""
        return KnownSpec(self.id, self.resolution.resolved, self.seed)


class Specs:
    """Reads specs, and remembers those that are to be kept."""

    def __init__(
        self,
        *,
        store: SpecStore,
        store_executor: BoundedExecutor,
        resolving: BoundedExecutor,
        files: Files,
        limits: Limits,
    ) -> None:
        self._store = store
        self._store_executor = store_executor
        self._resolving = resolving
        self._files = files
        self._limits = limits

    async def resolve(self, read: Callable[[], Spec], *, find: Find) -> ResolvedAnswer:
        """Read and resolve a spec in threads.

        Args:
            read: Parses and validates; it runs in a thread too, because a large spec
                takes seconds.
            find: Finds the checkpoints that it names.

        Raises:
            OverloadedError: If too many specs are being resolved.
            WeightbankError: If the spec is wrong, or a checkpoint cannot be had.
        """
        spec = await self._resolving.run(read)
        names = spec.checkpoints()
        checkpoints = await find(names) if names else {}

        def job() -> ResolvedAnswer:
            resolution = resolve(spec, limits=self._limits, checkpoints=checkpoints)
            layout = Layout.of(resolution.resolved, limits=self._limits)
            # The id is a hash of the whole spec: it is computed here, and not on the loop.
            return ResolvedAnswer(resolution.resolved.id, resolution, layout, spec.seed)

        return await self._resolving.run(job)

    async def add(self, answer: ResolvedAnswer) -> bool:
        """Store a resolved spec unless it is known; return whether it was new.

        Raises:
            StoreUnavailableError: If the database does not answer.
        """

        def job() -> bool:
            resolved = answer.resolution.resolved
            facts = SpecFacts.of(resolved, answer.layout)
            return self._store.add(
                StoredSpec(answer.id, resolved.canonical_json(), answer.seed, facts)
            )

        is_new = await self._store_executor.run(job)
        self._files.remember(answer.known, answer.layout, is_new=is_new)
        return is_new

    async def find(self, spec_id: str) -> KnownSpec:
        """Return a stored spec.

        Raises:
            UnknownSpecError: If there is none of this id.
        """
        return await self._files.known_spec(spec_id)

    async def document_json(self, known: KnownSpec) -> bytes:
        """Return the canonical JSON of a stored spec; large ones take a while."""
        return await self._resolving.run(known.resolved.canonical_json)
