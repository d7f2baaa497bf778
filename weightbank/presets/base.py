"""What a preset is: a table from kinds of parameter to initializers, with reasons.

A released version never resolves differently: a better choice is a new version.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from weightbank.assignment import Assignment
from weightbank.errors import UnknownTypeError
from weightbank.layers.base import Kind, ParameterDeclaration
from weightbank.nonlinearities import Nonlinearity
from weightbank.suggestions import accepted_names


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """All that a preset may look at.

    Attributes:
        parameter: That is to be initialized.
        nonlinearity: That follows its layer, or None where the spec names none.
        slope: Negative slope of that, for leaky_relu.
        is_tie_target: Whether another tensor takes this one's bytes.
    """

    parameter: ParameterDeclaration
    nonlinearity: Nonlinearity | None = None
    slope: float = 0.0
    is_tie_target: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """An initializer, why, and who says so."""

    assignment: Assignment
    reason: str
    source: str


class Preset:
    """A named, versioned table of defaults.

    Attributes:
        name: With its version, ``torch@2``.
        summary: One sentence.
    """

    name: str
    summary: str

    def recommend(self, situation: Situation) -> Recommendation | None:
        """Return what a parameter gets, or None where it has no default."""
        raise NotImplementedError

    def rows(self) -> list[dict[str, Any]]:
        """Describe every row of its table as JSON values."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Presets:
    """Presets by name."""

    by_name: Mapping[str, Preset] = field(default_factory=dict)

    def find(self, name: object, *, argument: str = "preset") -> Preset:
        """Return the preset of a name and version.

        Raises:
            UnknownTypeError: If there is none.
        """
        preset = self.by_name.get(name) if isinstance(name, str) else None
        if preset is None:
            accepted = accepted_names(name, self.by_name)
            raise UnknownTypeError(argument, name, "is not a preset we know", accepted)
        return preset


def row(kind: Kind, recommendation: Recommendation, nonlinearity: str = "any") -> dict[str, Any]:
    """Describe one row of a table as JSON values."""
    return {
        "parameter": kind,
        "nonlinearity": nonlinearity,
        "initializer": recommendation.assignment.document(),
        "reason": recommendation.reason,
        "source": recommendation.source,
    }
