"""The tensors that the layers of a spec declare, by their full names."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from weightbank.dtypes import DTYPES, Dtype
from weightbank.errors import DuplicateNameError, InvalidArgumentError, LimitExceededError
from weightbank.layers import BufferDeclaration, Declaration
from weightbank.limits import Limits
from weightbank.names import check_name
from weightbank.spec import LayerEntry, Spec


@dataclass(frozen=True, slots=True)
class Declared:
    """A tensor that a layer has.

    Attributes:
        name: In the state dict.
        entry: The layer.
        declaration: What the layer says of it.
        dtype: Of its elements.
        dtype_fixed: Whether a dtype asked for with the file leaves it as it is.
    """

    name: str
    entry: LayerEntry
    declaration: Declaration
    dtype: Dtype
    dtype_fixed: bool


def declare(spec: Spec, limits: Limits) -> list[Declared]:
    """Name every tensor of every layer.

    Args:
        spec: As its author wrote it.
        limits: Bounds.

    Raises:
        InvalidNameError: If a state dict cannot hold a name.
        DuplicateNameError: If two tensors have one name.
        LimitExceededError: If there are too many tensors.
    """
    declared: list[Declared] = []
    for entry in spec.layers:
        for declaration in entry.declarations:
            name = entry.tensor_name(declaration)
            check_name(name, argument=f"{entry.where}: tensor", limit_bytes=limits.name_bytes)
            dtype, fixed = _dtype(spec, entry, declaration)
            declared.append(Declared(name, entry, declaration, dtype, fixed))
        if len(declared) > limits.tensors:
            problem = "are more tensors than a file may have"
            raise LimitExceededError("layers", len(declared), problem, f"{limits.tensors} or fewer")
    if not declared:
        raise InvalidArgumentError(
            "layers", len(spec.layers), "have no tensors at all", "a layer that has one"
        )
    _check_names(declared)
    return declared


def _check_names(declared: Sequence[Declared]) -> None:
    counts = Counter(item.name for item in declared)
    for item in declared:
        if counts[item.name] > 1:
            owners = [other.entry.where for other in declared if other.name == item.name]
            raise DuplicateNameError(
                "the tensor",
                item.name,
                f"is declared {len(owners)} times, by {' and '.join(owners[:3])}",
                "names that differ",
            )


def _dtype(spec: Spec, entry: LayerEntry, declaration: Declaration) -> tuple[Dtype, bool]:
    """Return a tensor's dtype, and whether it is fixed."""
    if isinstance(declaration, BufferDeclaration) and declaration.dtype is not None:
        return DTYPES[declaration.dtype], True
    if entry.dtype is not None:
        return entry.dtype, True
    return spec.dtype, False
