"""Which stored bytes have to be there before elements can be made."""

from dataclasses import dataclass

from weightbank.adaptations import Selection
from weightbank.distributions import Distribution, Stored, StoredMoments, ZeroedRow
from weightbank.stored import StoredTensor
from weightbank.stored_elements import selected_range


@dataclass(frozen=True, slots=True)
class StoredRange:
    """Some bytes of a stored tensor's data.

    Attributes:
        tensor: Whose they are.
        start: First byte.
        stop: One beyond the last.
    """

    tensor: StoredTensor
    start: int
    stop: int


def stored_range(values: Distribution, start: int, stop: int) -> StoredRange | None:
    """Return the stored bytes that elements need, or None if they need none.

    Args:
        values: Of the whole tensor.
        start: First element that is wanted.
        stop: One beyond the last.
    """
    match values:
        case ZeroedRow():
            return stored_range(values.values, start, stop)
        case Stored() | StoredMoments() if start >= stop:
            return None
        case StoredMoments():
            return StoredRange(values.tensor, 0, values.tensor.size_bytes)
        case Stored():
            first, end = _elements(values, start, stop)
            item_bytes = values.tensor.dtype.item_bytes
            return StoredRange(values.tensor, first * item_bytes, end * item_bytes)
        case _:  # nothing stored can be a part of a split
            return None


def is_stored(values: Distribution) -> bool:
    """Return whether a tensor is made of stored bytes."""
    if isinstance(values, ZeroedRow):
        return is_stored(values.values)
    return isinstance(values, Stored | StoredMoments)


def _elements(values: Stored, start: int, stop: int) -> tuple[int, int]:
    if values.adaptation is None:
        return start, stop
    if isinstance(values.adaptation, Selection):
        return selected_range(values.tensor, values.adaptation, start, stop)
    return 0, values.tensor.elements
