"""Images of another grid of patches: position embeddings are resampled."""

from math import isqrt

from weightbank.adaptations import PositionGrid
from weightbank.errors import (
    NO_VALUE,
    InvalidArgumentError,
    InvalidShapeError,
    UnknownTensorError,
)
from weightbank.fitting.names import Tensors
from weightbank.fitting.wishes import Wishes
from weightbank.stored import StoredTensor
from weightbank.suggestions import accepted_names

_ENDINGS = (
    "pos_embed",
    "pos_embedding",
    "position_embedding",
    "position_embeddings",
    "positional_embedding",
)
_DIMENSIONS = (2, 3)
_MOST_PREFIX_TOKENS = 8
_PATCHES = "patches keep their size: the weights of patch embeddings are not resampled"


def position_adaptations(tensors: Tensors, wishes: Wishes) -> dict[str, PositionGrid]:
    """Return how position embeddings are resampled, by their names.

    Args:
        tensors: Of the checkpoint that stay.
        wishes: With the grid.

    Raises:
        InvalidArgumentError: If it is unclear which tensor they are, or the grid is
            too large.
        UnknownTensorError: If there is no such tensor.
        InvalidShapeError: If it is none of a square grid.
    """
    if wishes.grid is None:
        return {}
    name = _name(tensors, wishes)
    source_grid = _source_grid(name, tensors[name], wishes)
    adaptation = PositionGrid(source_grid, wishes.grid, wishes.prefix_tokens)
    adaptation.shape(tensors[name].shape, argument=name)
    return {} if source_grid == wishes.grid else {name: adaptation}


def _name(tensors: Tensors, wishes: Wishes) -> str:
    given = wishes.position_embedding
    if given is not None:
        if given not in tensors:
            accepted = accepted_names(given, tensors)
            raise UnknownTensorError("position_embedding", given, "is no tensor", accepted)
        return given
    found = [name for name in tensors if _is_called_so(name)]
    if len(found) != 1:
        problem = f"is needed: {len(found)} tensors are called as position embeddings are"
        accepted = accepted_names(None, found) or f"the name of their tensor; {_PATCHES}"
        raise InvalidArgumentError("position_embedding", NO_VALUE, problem, accepted)
    return found[0]


def _is_called_so(name: str) -> bool:
    return name.removesuffix(".weight").rpartition(".")[2] in _ENDINGS


def _source_grid(name: str, tensor: StoredTensor, wishes: Wishes) -> tuple[int, int]:
    """Return the stored grid, a square after the prefix."""
    shape = tensor.shape
    if len(shape) not in _DIMENSIONS:
        accepted = f"(1, tokens, width) or (tokens, width); {_PATCHES}"
        problem = "is that of no position embeddings"
        raise InvalidShapeError(f"{name}: shape", list(shape), problem, accepted)
    tokens = shape[-2]
    side = isqrt(max(tokens - wishes.prefix_tokens, 0))
    if side == 0 or side**2 != tokens - wishes.prefix_tokens:
        fitting = [str(n) for n in range(_MOST_PREFIX_TOKENS) if _is_square(tokens - n)]
        problem = f"has no square grid after {wishes.prefix_tokens} prefix tokens"
        accepted = f"`prefix_tokens` {' or '.join(fitting)}" if fitting else "square grids"
        raise InvalidShapeError(f"{name}: shape", list(shape), problem, f"{accepted}; {_PATCHES}")
    return side, side


def _is_square(number: int) -> bool:
    return number > 0 and isqrt(number) ** 2 == number
