"""From a request with a spec in it to a resolved spec."""

from collections.abc import Sequence

from fastapi import Request

from app.admission import caller_of
from app.checkpoint_codes import SOURCE_CODES
from app.hub_token import read_hub_token
from app.request_body import DOCUMENT_BODY_CODES, parse_body, read_body
from app.wiring import Wiring
from schemas.specs import SpecIn
from services.specs import ResolvedAnswer
from weightbank.spec import Spec
from weightbank.stored import CheckpointName, Checkpoints

SPEC_CODES = (
    *DOCUMENT_BODY_CODES,
    "unknown_type",
    "invalid_name",
    "duplicate_name",
    "invalid_shape",
    "invalid_pattern",
    "unused_rule",
    "missing_initializer",
    "invalid_tie",
    "unrepresentable",
    "constant_weights",
    "invalid_seed",
    "invalid_dtype",
    "limit_exceeded",
    "missing_tensor",
    "overloaded",
    *SOURCE_CODES,
)
"""What can be wrong with a body that should be a spec."""


async def read_spec(request: Request, wiring: Wiring) -> ResolvedAnswer:
    """Return the spec in a request's body, resolved.

    Raises:
        WeightbankError: If it is too large, cannot be read, or is wrong.
    """
    body, body_format = await read_body(
        request,
        limits_bytes={
            "json": wiring.settings.limit_body_bytes,
            "yaml": min(wiring.settings.limit_body_bytes, wiring.settings.limit_yaml_body_bytes),
        },
        timeout_seconds=wiring.settings.body_timeout_seconds,
    )
    limits = wiring.limits

    def read() -> Spec:
        document = parse_body(body, body_format)
        return SpecIn.from_document(document, limits=limits).to_spec(limits=limits)

    token = read_hub_token(request)

    async def find(names: Sequence[CheckpointName]) -> Checkpoints:
        caller_of(request).require("checkpoints")
        return await wiring.checkpoints.catalogue.checkpoints(names, token=token)

    return await wiring.specs.resolve(read, find=find)
