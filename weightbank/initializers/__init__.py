"""Initializers. To add one, add a file with a class under ``@register``."""

import importlib
import pkgutil
from typing import Any

from weightbank.initializers.base import Initializer, Target, describe, find, registered

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")


def catalogue() -> list[dict[str, Any]]:
    """Describe every initializer, by name.

    Examples:
        >>> next(row["aliases"] for row in catalogue() if row["name"] == "kaiming_normal")
        ['he_normal']
    """
    return [describe(cls) for _, cls in sorted(registered().items())]


__all__ = ["Initializer", "Target", "catalogue", "find", "registered"]
