"""What there is to say about a checkpoint without the data of its tensors."""

from dataclasses import dataclass

from services.checkpoints.catalogue import Catalogue, Chosen
from services.checkpoints.formats import CONFIG
from services.checkpoints.store import CheckpointStore
from weightbank.fitting import ModelDescription, describe_model
from weightbank.stored import Checkpoint, CheckpointName


@dataclass(frozen=True, slots=True)
class Description:
    """A checkpoint, described.

    Attributes:
        chosen: Its repository and files.
        checkpoint: Its tensors.
        model: What its configuration says.
        kept: Paths of those of its files that are here.
    """

    chosen: Chosen
    checkpoint: Checkpoint
    model: ModelDescription
    kept: frozenset[str]


class Descriptions:
    """Describes checkpoints. For one event loop."""

    def __init__(self, *, catalogue: Catalogue, store: CheckpointStore) -> None:
        self._catalogue = catalogue
        self._store = store

    async def describe(self, name: CheckpointName, *, token: str | None) -> Description:
        """Return what there is to say, from headers alone.

        Raises:
            WeightbankError: If there is no such checkpoint, not for this caller, or
                not to be believed.
        """
        chosen, checkpoint = await self._catalogue.checkpoint(name, token=token)
        model = await self.model(chosen, token=token)
        kept = [located.file.path for located in chosen.files if self._store.has(located)]
        return Description(chosen, checkpoint, model, frozenset(kept))

    async def model(self, chosen: Chosen, *, token: str | None) -> ModelDescription:
        """Return what the repository's config.json says of the model, if it has one."""
        config = await self._catalogue.document(chosen.snapshot, CONFIG, token=token)
        return describe_model(config)
