"""Whether two tensors have the same bytes for every seed, without making any.

Theory of operation: a tensor's bytes are a function of its dtype and of its distribution,
whose streams are the only part that depends on the seed. Two distributions that are equal
for one seed are therefore equal for all. Constants are compared as they are stored.
"""

from dataclasses import replace

from weightbank.distributions import Distribution, Stored, StoredMoments, ZeroedRow
from weightbank.dtypes import stored_value
from weightbank.forms import Placement, TieForm, ZeroedRowForm
from weightbank.resolved import ResolvedTensor, only_value
from weightbank.stored import StoredTensor

_ANY_SEED = 0


def have_same_bytes(one: ResolvedTensor, other: ResolvedTensor) -> bool:
    """Return whether two tensors surely have the same bytes, whatever the seed.

    Args:
        one: Not tied: a tie has the bytes of its target.
        other: Likewise.

    Returns:
        False if their bytes differ, or are only equal because rounding takes away what
        makes them differ.

    Examples:
        >>> from weightbank.dtypes import FLOAT32
        >>> from weightbank.forms import ConstantForm
        >>> one = ResolvedTensor("a", (4, 3), FLOAT32, False, ConstantForm(0.1))
        >>> have_same_bytes(one, replace(one, name="b", shape=(3, 4)))
        True
        >>> have_same_bytes(one, replace(one, form=ConstantForm(0.2)))
        False
    """
    if one.dtype is not other.dtype or one.elements != other.elements:
        return False
    values = _stored_only_value(one), _stored_only_value(other)
    if None not in values:
        return values[0] == values[1]
    return _distribution(one) == _distribution(other)


def _stored_only_value(tensor: ResolvedTensor) -> float | None:
    """Return the one number that all elements are stored as, or None."""
    if isinstance(tensor.form, ZeroedRowForm):
        return None
    value = only_value(tensor)
    return None if value is None else stored_value(value, tensor.dtype)


def _distribution(tensor: ResolvedTensor) -> Distribution:
    assert not isinstance(tensor.form, TieForm), tensor
    values = tensor.form.distribution(Placement(_ANY_SEED, tensor.name, tensor.shape))
    return _by_hash(values)


def _by_hash(values: Distribution) -> Distribution:
    """Return it with stored files named by their hash alone: another commit may have the same."""
    match values:
        case ZeroedRow():
            return replace(values, values=_by_hash(values.values))
        case Stored() | StoredMoments():
            return replace(values, tensor=_unplaced(values.tensor))
        case _:
            return values


def _unplaced(tensor: StoredTensor) -> StoredTensor:
    return replace(tensor, file=replace(tensor.file, repository="", commit="", path=""))
