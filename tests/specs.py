"""Short ways to write specs, for tests."""

from collections.abc import Sequence
from typing import Any

from weightbank import (
    Backend,
    CpuBackend,
    Layout,
    ReferenceBackend,
    Resolution,
    Spec,
    WeightsFile,
    resolve,
)
from weightbank.forms import Form
from weightbank.stored import CheckpointName, Checkpoints


async def no_checkpoints(names: Sequence[CheckpointName]) -> Checkpoints:
    """Find nothing: a spec that names a checkpoint is none of this test's."""
    raise AssertionError(names)


def linear(name: str = "fc", inputs: int = 4, outputs: int = 3, **more: Any) -> dict[str, Any]:
    """Return a Linear."""
    return {
        "name": name,
        "type": "Linear",
        "in_features": inputs,
        "out_features": outputs,
        **more,
    }


def parameter(shape: list[int], init: Any, name: str = "p", **more: Any) -> dict[str, Any]:
    """Return a bare Parameter."""
    return {"name": name, "type": "Parameter", "shape": shape, "init": init, **more}


def resolved(*layers: dict[str, Any], **keys: Any) -> Resolution:
    """Resolve a spec of some layers and other keys."""
    return resolve(Spec.from_document({"layers": list(layers), **keys}))


def forms(*layers: dict[str, Any], **keys: Any) -> dict[str, Form]:
    """Return the forms of a spec by the names of its tensors."""
    return {tensor.name: tensor.form for tensor in resolved(*layers, **keys).resolved.tensors}


def form_of(init: Any, shape: list[int]) -> Form:
    """Return the form that an initializer has for a bare Parameter."""
    return forms(parameter(shape, init))["p"]


def weight_form(layer: dict[str, Any], **keys: Any) -> Form:
    """Return the form of a layer's ``weight``."""
    return forms(layer, **keys)[f"{layer['name']}.weight"]


def file_of(
    *layers: dict[str, Any], seed: int = 0, backend: Backend | None = None, **keys: Any
) -> WeightsFile:
    """Return the file of a spec; from the plain backend unless another is given."""
    layout = Layout.of(resolved(*layers, **keys).resolved)
    return WeightsFile(layout, seed=seed, backend=backend or ReferenceBackend())


def whole(file: WeightsFile) -> bytes:
    """Return all bytes of a small file."""
    return bytes(file.read(0, file.size_bytes))


def values_of(init: Any, shape: list[int], *, seed: int = 0, name: str = "p") -> Any:
    """Return the float32 values of a bare Parameter, from the fast backend."""
    file = file_of(parameter(shape, init, name), seed=seed, backend=CpuBackend())
    return file.elements(name, 0, file.layout.elements).reshape(shape)
