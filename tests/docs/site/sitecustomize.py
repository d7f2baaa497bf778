"""What Python does first in the processes of a page.

A torchvision that does not fit the torch beside it ends with "operator torchvision::nms
does not exist" when it is imported; see tests/torchvision_operators.py. Readers have one
that fits.
"""

import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any


class _WithOperators(Loader):
    """Loads torchvision; once more, with its operators, if it misses them."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader
        self._kept: list[Any] = []

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """See ``Loader.create_module``."""
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        """See ``Loader.exec_module``."""
        try:
            self._loader.exec_module(module)
        except RuntimeError:
            import torch

            from tests.torchvision_operators import SCHEMAS

            library = torch.library.Library("torchvision", "DEF")
            for schema in SCHEMAS:
                library.define(schema)
            self._kept.append(library)
            self._loader.exec_module(module)


class _Finder(MetaPathFinder):
    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Return torchvision's, with another loader."""
        if name != "torchvision":
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None:
            spec.loader = _WithOperators(spec.loader)
        return spec


sys.meta_path.insert(0, _Finder())
