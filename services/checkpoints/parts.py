"""All that checkpoints consist of, put together once."""

from dataclasses import dataclass

from services.checkpoints.catalogue import Catalogue
from services.checkpoints.description import Descriptions
from services.checkpoints.fitted import Fitting
from services.checkpoints.headers import Headers
from services.checkpoints.inventory import Inventory
from services.checkpoints.opening import Opening
from services.checkpoints.pickles import Pickles
from services.checkpoints.prefetching import Prefetching
from services.checkpoints.sources import Sources
from services.checkpoints.store import CheckpointStore


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """What routes and specs work with.

    Attributes:
        catalogue: Finds checkpoints, and knows who may read them.
        store: Opens their files.
        headers: Reads the headers of those.
        pickles: Converts what is pickled, or refuses it.
        opening: Opens several files together.
        sources: Opens readers of their tensors.
        descriptions: Says what there is to say.
        fitting: Fits them to a model.
        prefetching: Fetches them ahead.
        inventory: Knows what is kept.
    """

    catalogue: Catalogue
    store: CheckpointStore
    headers: Headers
    pickles: Pickles
    opening: Opening
    sources: Sources
    descriptions: Descriptions
    fitting: Fitting
    prefetching: Prefetching
    inventory: Inventory
