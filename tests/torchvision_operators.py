"""The operators that torchvision misses beside a torch it was not built for.

Test set-up alone: a torchvision from the package index does not import beside a CPU
build of torch ("operator torchvision::nms does not exist"), and timm with it. Nothing
here calls them; they only have to be declared.
"""

import importlib
from functools import cache
from typing import Any

SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
"""What torchvision asks for when it is imported."""


@cache
def define_missing_operators() -> Any:
    """Declare them once a process if they are missing; return what keeps them declared."""
    try:
        return importlib.import_module("torchvision")
    except RuntimeError:
        import torch

        library = torch.library.Library("torchvision", "DEF")
        for schema in SCHEMAS:
            library.define(schema)
        return library
