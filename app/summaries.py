"""From the library's words to those of the wire."""

from typing import Any

from schemas.summaries import PostedSpec, SpecChoice, SpecWarning
from services.specs import ResolvedAnswer
from weightbank.algorithm import VERSION
from weightbank.layout import Layout
from weightbank.resolved import ResolvedSpec


def spec_summary(
    resolved: ResolvedSpec, layout: Layout, suggested_seed: int | None
) -> dict[str, Any]:
    """Return the fields of ``SpecSummary``."""
    dtype = resolved.default_dtype
    return {
        "id": resolved.id,
        "algorithm": VERSION,
        "tensors": len(resolved.tensors),
        "elements": layout.elements,
        "bytes": layout.size_bytes,
        "header_bytes": len(layout.header),
        "dtype": None if dtype is None else dtype.name,
        "seed": suggested_seed,
    }


def posted_spec(answer: ResolvedAnswer) -> PostedSpec:
    """Return the answer to a posted spec."""
    resolution = answer.resolution
    return PostedSpec(
        **spec_summary(resolution.resolved, answer.layout, answer.seed),
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
