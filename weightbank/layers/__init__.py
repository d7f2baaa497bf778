"""Layers. To add one, add a file with a class under ``@register``."""

import importlib
import pkgutil
from typing import Any

from weightbank.layers.base import (
    WEIGHT_KINDS,
    BufferDeclaration,
    Declaration,
    Kind,
    Layer,
    ParameterDeclaration,
    describe,
    registered,
)

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")


def catalogue() -> list[dict[str, Any]]:
    """Describe every layer, by name.

    Examples:
        >>> [row["name"] for row in catalogue()][:3]
        ['BatchNorm1d', 'BatchNorm2d', 'BatchNorm3d']
    """
    return [describe(cls) for _, cls in sorted(registered().items())]


__all__ = [
    "WEIGHT_KINDS",
    "BufferDeclaration",
    "Declaration",
    "Kind",
    "Layer",
    "ParameterDeclaration",
    "catalogue",
    "registered",
]
