"""Which tensors of one spec stand in another one under other names, if that can be told.

Theory of operation: tensors of one kind (shape, dtype and initializer) are compared by
the ends of their names, the longest ends first. A pair is a rename if it is the only one
of its kind with this ending on either side; what could be a rename of several is none.
"""

from collections.abc import Hashable, Iterable, Sequence

from weightbank.resolved import ResolvedTensor

_MOST_PARTS = 6
"""Longest ending of a name that is looked at, in parts between dots."""

_Key = tuple[int, tuple[str, ...]]


def find_renames(
    before: Sequence[ResolvedTensor], after: Sequence[ResolvedTensor]
) -> list[tuple[ResolvedTensor, ResolvedTensor]]:
    """Return the pairs of tensors of which only the name differs.

    Args:
        before: Tensors whose names are in the first spec alone.
        after: Tensors whose names are in the second spec alone.

    Examples:
        >>> from weightbank.dtypes import FLOAT32
        >>> from weightbank.forms import ConstantForm
        >>> def zeros(name):
        ...     return ResolvedTensor(name, (3,), FLOAT32, False, ConstantForm(0.0))
        >>> pairs = find_renames([zeros("a.bias"), zeros("b.bias")], [zeros("net.b.bias")])
        >>> [(one.name, other.name) for one, other in pairs]
        [('b.bias', 'net.b.bias')]
    """
    kinds: dict[Hashable, int] = {}
    left = [(tensor, _kind(tensor, kinds)) for tensor in before]
    right = [(tensor, _kind(tensor, kinds)) for tensor in after]
    shared = {kind for _, kind in left} & {kind for _, kind in right}
    left = [item for item in left if item[1] in shared]
    right = [item for item in right if item[1] in shared]
    pairs: list[tuple[ResolvedTensor, ResolvedTensor]] = []
    for parts in range(_MOST_PARTS, -1, -1):
        ones, others = _unique(left, parts), _unique(right, parts)
        found = ones.keys() & others.keys()
        pairs += [(ones[key], others[key]) for key in found]
        taken = {id(tensor) for key in found for tensor in (ones[key], others[key])}
        left = [item for item in left if id(item[0]) not in taken]
        right = [item for item in right if id(item[0]) not in taken]
    return sorted(pairs, key=lambda pair: pair[0].name)


def _kind(tensor: ResolvedTensor, kinds: dict[Hashable, int]) -> int:
    """Return a number for all that a tensor is besides its name."""
    key = (tensor.shape, tensor.dtype.name, tensor.dtype_fixed, tensor.form)
    return kinds.setdefault(key, len(kinds))


def _unique(
    tensors: Iterable[tuple[ResolvedTensor, int]], parts: int
) -> dict[_Key, ResolvedTensor]:
    """Return the tensors that are the only one of their kind with their ending."""
    found: dict[_Key, ResolvedTensor | None] = {}
    for tensor, kind in tensors:
        ending = tuple(tensor.name.rsplit(".", parts)[-parts:]) if parts else ()
        if len(ending) == parts:
            key = (kind, ending)
            found[key] = None if key in found else tensor
    return {key: tensor for key, tensor in found.items() if tensor is not None}
