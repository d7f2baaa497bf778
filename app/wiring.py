"""What routes work with."""

from dataclasses import dataclass

from fastapi import FastAPI, Request

from app.file_sender import FileSender
from app.metrics import Metrics
from app.settings import Settings
from services.checkpoints.parts import Checkpoints
from services.digests import DigestService
from services.engine import Engine
from services.files import Files
from services.keys.access import Access
from services.names.names import Names
from services.readiness import Readiness
from services.spec_catalogue.catalogue import SpecCatalogue
from services.spec_differences import SpecDifferences
from services.spec_exchange.exchange import SpecExchange
from services.specs import Specs
from weightbank.limits import Limits


@dataclass(frozen=True, slots=True)
class Wiring:
    """The parts of a server, put together in server_wiring.py.

    Attributes:
        settings: Of the server.
        limits: Of one spec.
        metrics: What Prometheus sees.
        engine: Makes bytes.
        specs: Reads and stores specs.
        catalogue: Lists and removes them.
        exchange: Exports and imports them.
        differences: Compares specs.
        names: Knows what teams call them.
        files: Opens files.
        checkpoints: Finds, opens and fits checkpoints.
        file_sender: Sends files from the disk.
        digests: Hashes files.
        readiness: Knows whether all of this works.
        access: Lets in whoever has a key; None where nobody needs one.
    """

    settings: Settings
    limits: Limits
    metrics: Metrics
    engine: Engine
    specs: Specs
    catalogue: SpecCatalogue
    exchange: SpecExchange
    differences: SpecDifferences
    names: Names
    files: Files
    checkpoints: Checkpoints
    file_sender: FileSender
    digests: DigestService
    readiness: Readiness
    access: Access | None

    def drain(self) -> None:
        """Begin nothing new: the server is about to end."""
        self.readiness.drain()
        self.engine.drain()
        self.file_sender.drain()


def wiring_of(request: Request) -> Wiring:
    """Return what the app of a request consists of."""
    return wiring_in(request.app)


def wiring_in(app: FastAPI) -> Wiring:
    """Return what an app consists of, once its lifespan has begun."""
    wiring: Wiring = app.state.wiring
    return wiring
