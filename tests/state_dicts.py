"""What tensors a layer of ours declares, and what torch's module has, side by side."""

from collections.abc import Callable
from typing import Any

from weightbank import Spec
from weightbank.layers import BufferDeclaration

Tensor = tuple[str, tuple[int, ...], str]


def declared(document: dict[str, Any], dtype: str = "float32") -> list[Tensor]:
    """Return names, shapes and dtypes of a spec's tensors, in order."""
    spec = Spec.from_document({"dtype": dtype, **document})
    return [
        (entry.tensor_name(item), item.shape, _dtype(item) or (entry.dtype or spec.dtype).name)
        for entry in spec.layers
        for item in entry.declarations
    ]


def _dtype(item: Any) -> str | None:
    return item.dtype if isinstance(item, BufferDeclaration) else None


def state(module: Any) -> list[Tensor]:
    """Return names, shapes and dtypes of a module's state dict, in order."""
    return [
        (name, tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."))
        for name, tensor in module.state_dict().items()
    ]


def on_meta(build: Callable[[], Any]) -> Any:
    """Build a module on the meta device."""
    import torch

    with torch.device("meta"):
        return build()
