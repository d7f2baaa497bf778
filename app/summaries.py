"""From the library's words to those of the wire."""

from typing import Any

from schemas.summaries import PostedSpec, SpecChoice, SpecWarning
from services.files import KnownSpec
from services.specs import ResolvedAnswer
from weightbank.algorithm import VERSION
from weightbank.layout import Layout


def spec_summary(known: KnownSpec, layout: Layout) -> dict[str, Any]:
    """Return the fields of ``SpecSummary``."""
    dtype = known.resolved.default_dtype
    return {
        "id": known.id,
        "algorithm": VERSION,
        "tensors": len(known.resolved.tensors),
        "elements": layout.elements,
        "bytes": layout.size_bytes,
        "header_bytes": len(layout.header),
        "dtype": None if dtype is None else dtype.name,
        "seed": known.suggested_seed,
    }


def posted_spec(answer: ResolvedAnswer) -> PostedSpec:
    """Return the answer to a posted spec."""
    resolution = answer.resolution
    return PostedSpec(
        **spec_summary(answer.known, answer.layout),
        warnings=[
            SpecWarning(
                code=warning.code,
                message=warning.message,
                source=warning.source,
                tensors=list(warning.tensors),
            )
            for warning in resolution.warnings
        ],
        choices=[
            SpecChoice(
                initializer=choice.initializer,
                origin=choice.origin,
                reason=choice.reason,
                source=choice.source,
                tensors=list(choice.tensors),
            )
            for choice in resolution.choices
        ],
    )
