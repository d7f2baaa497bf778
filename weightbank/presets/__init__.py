"""Presets: what a tensor gets that neither its layer nor a rule decides."""

from typing import Any

from weightbank.presets.advised import AdvisedPreset
from weightbank.presets.base import Preset, Presets, Recommendation, Situation
from weightbank.presets.torch import TorchPreset

DEFAULT = AdvisedPreset.name
"""What a spec without ``preset`` means."""

PRESETS = Presets({preset.name: preset for preset in (AdvisedPreset(), TorchPreset())})
"""All presets; a released one never changes."""


def catalogue() -> list[dict[str, Any]]:
    """Describe every preset, with its table.

    Examples:
        >>> [preset["name"] for preset in catalogue()]
        ['advised@1', 'torch@2']
    """
    return [
        {
            "name": preset.name,
            "summary": preset.summary,
            "default": preset.name == DEFAULT,
            "rows": preset.rows(),
        }
        for preset in PRESETS.by_name.values()
    ]


__all__ = ["DEFAULT", "PRESETS", "Preset", "Recommendation", "Situation", "catalogue"]
