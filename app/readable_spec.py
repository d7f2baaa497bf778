"""Stored specs, for callers who may read what their documents tell.

Theory of operation: a document names the files that a spec reads tensors from, with their
hashes, and those tensors with their shapes. Ids stand in names, in logs and in other people's
notes, so an id alone opens no document that tells of a repository which is not for
everybody: as with weights, the Hub is asked whether this caller may read it. Keys of
administrators open every document, for they export them all.
"""

from dataclasses import dataclass

from starlette.requests import Request

from app.admission import caller_of
from app.hub_token import HEADER, read_hub_token
from app.record import record_of
from app.weights_answer import whose
from app.wiring import Wiring
from services.files import KnownSpec


@dataclass(frozen=True, slots=True)
class ReadableSpec:
    """A spec whose document the caller may read.

    Attributes:
        known: The spec.
        is_restricted: Whether not everybody may.
    """

    known: KnownSpec
    is_restricted: bool = False


async def readable_spec(request: Request, wiring: Wiring, spec_id: str) -> ReadableSpec:
    """Return a stored spec whose document this caller may read.

    Raises:
        UnknownSpecError: If there is none of this id.
        WeightbankError: If it reads what this caller may not read.
    """
    known = await wiring.specs.find(spec_id)
    record = record_of(request.scope)
    record.spec_id = record.spec_id or known.id
    sources = known.resolved.sources
    caller = caller_of(request)
    if not sources or caller.is_administrator:
        return ReadableSpec(known)
    # What was for everybody stays readable while the Hub is silent, and once it is gone there.
    if await wiring.checkpoints.inventory.are_public({file.repository for file in sources}):
        return ReadableSpec(known)
    token = read_hub_token(request)
    is_restricted = await wiring.checkpoints.sources.check_rights(sources, token=token)
    if is_restricted:
        caller.require("checkpoints")
    return ReadableSpec(known, is_restricted)


def document_headers(request: Request, *specs: ReadableSpec) -> dict[str, str]:
    """Return what caches are told of an answer that tells of documents."""
    if any(spec.is_restricted for spec in specs):
        return {"Cache-Control": "private, no-cache", "Vary": HEADER}
    return {"Cache-Control": f"{whose(request)}, no-cache"}
