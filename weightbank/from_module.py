"""From a torch module to the layers of a spec, so that nobody types 161 of them.

Theory of operation: modules are known by the names of their classes, so torch is
not imported here. What a layer of ours would have for tensors is then compared
with what the module has, names, shapes and dtypes; only where they are equal is
the layer written. Everything else becomes bare Parameters and Buffers, and is
said so. A parameter that stands under a second name is a tie.
"""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from weightbank.arguments import given_arguments
from weightbank.dtypes import DTYPES
from weightbank.errors import NO_VALUE, InvalidArgumentError, InvalidDtypeError
from weightbank.layers import BufferDeclaration, Layer, ParameterDeclaration
from weightbank.module_readers import read_layer

_UNNAMED_DTYPE = "float32"
_LAZY = ("UninitializedParameter", "UninitializedBuffer")


@dataclass(frozen=True, slots=True)
class ModuleSpec:
    """The layers of a module, as a spec.

    Attributes:
        document: A spec as plain values, ready to be written as JSON or YAML.
        unknown: Names of the tensors that belong to no layer we know: parameters
            that need an initializer before the spec resolves.
        unvalued: Names of the buffers among them whose value could not be read;
            their ``value`` is missing in the document.
        transient: Names of the buffers that are in no state dict
            (``persistent=False``): a file does not hold them, so after loading
            with ``assign=True`` they still are on the meta device.
    """

    document: dict[str, Any]
    unknown: tuple[str, ...]
    unvalued: tuple[str, ...]
    transient: tuple[str, ...]


def from_module(module: Any, *, preset: str | None = "torch@2") -> ModuleSpec:
    """Write the layers of a torch module as a spec.

    It reads layers, not the code that initializes them (``reset_parameters``,
    ``_init_weights``): what no rule decides gets the preset's defaults.

    Args:
        module: Any ``torch.nn.Module``; built on the meta device it needs no memory.
        preset: Of the spec that is written; None leaves it out.

    Raises:
        InvalidArgumentError: If it is no module, or has no tensors.
        InvalidDtypeError: If a tensor has a dtype that files cannot have.

    Examples:
        >>> import torch
        >>> with torch.device("meta"):
        ...     net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU())
        >>> from_module(net).document["layers"]
        [{'name': '0', 'type': 'Linear', 'in_features': 4, 'out_features': 8}]
    """
    if not hasattr(module, "named_modules"):
        raise InvalidArgumentError("module", type(module).__name__, "is no torch module")
    writer = _Writer()
    writer.visit(module, "")
    if not writer.layers:
        raise InvalidArgumentError("module", type(module).__name__, "has no tensors")
    default = _default_dtype(writer.layers)
    for layer in writer.layers:
        if layer.get("dtype") == default:
            del layer["dtype"]
    document: dict[str, Any] = {"dtype": default}
    if preset is not None:
        document["preset"] = preset
    document["layers"] = writer.layers
    transient = tuple(_transient_buffers(module))
    return ModuleSpec(document, tuple(writer.unknown), tuple(writer.unvalued), transient)


class _Writer:
    """Walks a module in the order of its state dict."""

    def __init__(self) -> None:
        self.layers: list[dict[str, Any]] = []
        self.unknown: list[str] = []
        self.unvalued: list[str] = []
        self._seen: dict[int, str] = {}

    def visit(self, module: Any, path: str) -> None:
        """Write a module and those within it."""
        layer = read_layer(module)
        if layer is not None and self._write_layer(layer, module, path):
            return
        for name, parameter in _own_parameters(module):
            self._write_parameter(_joined(path, name), parameter)
        for name, buffer in _own_buffers(module):
            self._write_buffer(_joined(path, name), buffer)
        for name, child in module._modules.items():  # noqa: SLF001 - torch's state dict walks these
            if child is not None:
                self.visit(child, _joined(path, name))

    def _write_layer(self, layer: Layer, module: Any, path: str) -> bool:
        """Write a layer if its tensors are those of the module; return whether they are."""
        tensors = dict(_state(module, ""))
        for suffix, tensor in tensors.items():
            _check_has_shape(_joined(path, suffix), tensor)
        dtypes = {
            _dtype_name(tensor, _joined(path, suffix))
            for suffix, tensor in tensors.items()
            if tensor.is_floating_point()
        }
        if not tensors or len(dtypes) > 1 or not _same_tensors(layer, tensors):
            return not tensors
        entry: dict[str, Any] = {"name": path, "type": layer.name, **given_arguments(layer)}
        entry["dtype"] = next(iter(dtypes))
        ties = self._ties(layer, tensors, path)
        if ties:
            # An initializer without a suffix is for the weight.
            entry["init"] = ties["weight"] if list(ties) == ["weight"] else ties
        self.layers.append(entry)
        return True

    def _ties(self, layer: Layer, tensors: dict[str, Any], path: str) -> dict[str, dict[str, str]]:
        """Return ties by suffix, of the parameters that were seen under another name."""
        ties = {}
        for item in layer.tensors(layer.name):
            # A buffer has its one right value, under every name.
            if isinstance(item, ParameterDeclaration):
                name, key = _joined(path, item.suffix), id(tensors[item.suffix])
                if self._seen.setdefault(key, name) != name:
                    ties[item.suffix] = {"type": "tie", "to": self._seen[key]}
        return ties

    def _write_parameter(self, name: str, parameter: Any) -> None:
        _check_has_shape(name, parameter)
        if not parameter.is_floating_point():
            # Quantized weights are frozen parameters; a spec has integers as buffers.
            self._write_buffer(name, parameter)
            return
        entry: dict[str, Any] = {"name": name, "type": "Parameter", "shape": list(parameter.shape)}
        entry["dtype"] = _dtype_name(parameter, name)
        if self._seen.setdefault(id(parameter), name) != name:
            entry["init"] = {"type": "tie", "to": self._seen[id(parameter)]}
        else:
            self.unknown.append(name)
        self.layers.append(entry)

    def _write_buffer(self, name: str, buffer: Any) -> None:
        _check_has_shape(name, buffer)
        entry: dict[str, Any] = {"name": name, "type": "Buffer", "shape": list(buffer.shape)}
        entry["dtype"] = _dtype_name(buffer, name)
        value = _only_value(buffer)
        self.unknown.append(name)
        if value is None:
            self.unvalued.append(name)
        else:
            entry["value"] = value
        self.layers.append(entry)


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _own_parameters(module: Any) -> Iterator[tuple[str, Any]]:
    for name, parameter in module._parameters.items():  # noqa: SLF001 - duplicates must show
        if parameter is not None:
            yield name, parameter


def _own_buffers(module: Any) -> Iterator[tuple[str, Any]]:
    transient = module._non_persistent_buffers_set  # noqa: SLF001 - they are in no state dict
    for name, buffer in module._buffers.items():  # noqa: SLF001 - as above
        if buffer is not None and name not in transient:
            yield name, buffer


def _transient_buffers(module: Any) -> Iterator[str]:
    """Yield the names of the buffers that no state dict holds."""
    for path, inner in module.named_modules():
        for name in inner._non_persistent_buffers_set:  # noqa: SLF001 - there is no other list
            if inner._buffers[name] is not None:  # noqa: SLF001 - as above
                yield _joined(path, name)


def _state(module: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield the tensors of a module in the order of its state dict, ties and all."""
    for name, tensor in (*_own_parameters(module), *_own_buffers(module)):
        yield _joined(path, name), tensor
    for name, child in module._modules.items():  # noqa: SLF001 - as torch's state dict does
        if child is not None:
            yield from _state(child, _joined(path, name))


def _same_tensors(layer: Layer, tensors: dict[str, Any]) -> bool:
    """Return whether a layer of ours has a module's tensors, in their order."""
    declared = layer.tensors(layer.name)
    if [item.suffix for item in declared] != list(tensors):
        return False
    for item in declared:
        tensor = tensors[item.suffix]
        if tuple(tensor.shape) != item.shape:
            return False
        fixed = item.dtype if isinstance(item, BufferDeclaration) else None
        if (fixed or "floating") != (
            "floating" if tensor.is_floating_point() else _dtype_name(tensor, item.suffix)
        ):
            return False
    return True


def _dtype_name(tensor: Any, of: str) -> str:
    name = str(tensor.dtype).removeprefix("torch.")
    if name not in DTYPES:
        accepted = ", ".join(DTYPES)
        raise InvalidDtypeError(f"dtype of {of}", name, "cannot stand in a file of ours", accepted)
    return name


def _check_has_shape(name: str, tensor: Any) -> None:
    if type(tensor).__name__ in _LAZY:
        accepted = "a module whose lazy layers have seen an input"
        raise InvalidArgumentError(name, NO_VALUE, "is lazy and has no shape yet", accepted)


def _only_value(buffer: Any) -> float | None:
    """Return the value of all elements, or None if they differ or cannot be read."""
    if buffer.is_meta or buffer.numel() == 0:
        return None
    first = buffer.reshape(-1)[0]
    value = float(first)
    # A spec has no word for infinities, nor for integers that no double equals.
    is_sayable = math.isfinite(value) and value == first.item()
    return value if is_sayable and bool((buffer == first).all()) else None


def _default_dtype(layers: list[dict[str, Any]]) -> str:
    """Return the floating dtype that most layers have."""
    counts = Counter(layer["dtype"] for layer in layers if DTYPES[layer["dtype"]].is_floating)
    return counts.most_common(1)[0][0] if counts else _UNNAMED_DTYPE
