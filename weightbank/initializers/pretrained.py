"""pretrained: the values of a checkpoint's tensor."""

from dataclasses import dataclass
from math import isqrt
from typing import Literal

from weightbank.adaptations import Adaptation, InputChannels, PositionGrid
from weightbank.adaptations.input_channels import COLOURS
from weightbank.arguments import argument
from weightbank.errors import InvalidShapeError
from weightbank.forms import Form, PretrainedForm
from weightbank.initializers.base import Target, register
from weightbank.initializers.checkpoint import FromCheckpoint
from weightbank.stored import StoredTensor

_CONVOLUTION_DIMENSIONS = (3, 4, 5)
_POSITION_DIMENSIONS = (2, 3)


@register
@dataclass(frozen=True)
class Pretrained(FromCheckpoint):
    """The values of a checkpoint's tensor of the same name, converted to the tensor's dtype."""

    input_channels: Literal["exact", "adapt"] = argument(
        "exact",
        "Whether a convolution may have other input channels than the checkpoint's, by "
        "timm's rule.",
    )
    positions: Literal["exact", "resample"] = argument(
        "exact", "Whether position embeddings may have another grid than the checkpoint's."
    )
    prefix_tokens: int = argument(
        1, "Position embeddings before the grid, of class tokens.", minimum=0
    )
    grid: tuple[int, ...] | None = argument(
        None, "Height and width of this spec's grid; square if left out.", minimum=1, length=2
    )
    source_grid: tuple[int, ...] | None = argument(
        None, "Height and width of the checkpoint's grid; square if left out.", minimum=1, length=2
    )

    name = "pretrained"
    formula = "the checkpoint's tensor"
    source = "timm 1.0.31, timm.models.load_pretrained; Yosinski et al. 2014, https://arxiv.org/abs/1411.1792"
    is_copy = True

    def form_of(self, tensor: StoredTensor, target: Target) -> Form:
        """See ``FromCheckpoint.form_of``."""
        return PretrainedForm(tensor, self._adaptation(tensor, target))

    def _adaptation(self, tensor: StoredTensor, target: Target) -> Adaptation | None:
        adaptation = self._of_positions(tensor, target) or self._of_channels(tensor, target)
        if adaptation is None and tensor.shape != target.shape:
            raise self._shape_error(tensor, target)
        return adaptation

    def _of_positions(self, tensor: StoredTensor, target: Target) -> PositionGrid | None:
        stored, wanted = tensor.shape, target.shape
        is_candidate = (
            self.positions == "resample"
            and len(stored) in _POSITION_DIMENSIONS
            and _without(stored, -2) == _without(wanted, -2)
        )
        if not is_candidate:
            return None
        source_grid = self._grid(self.source_grid, stored[-2])
        grid = self._grid(self.grid, wanted[-2])
        if stored == wanted and source_grid == grid:
            return None
        if source_grid is None or grid is None:
            raise self._grid_error(tensor, target)
        adaptation = PositionGrid(source_grid, grid, self.prefix_tokens)
        adaptation.shape(stored, argument=target.name)
        return adaptation

    def _grid(self, given: tuple[int, ...] | None, tokens: int) -> tuple[int, int] | None:
        """Return the grid of so many position embeddings; None if there is none."""
        patches = tokens - self.prefix_tokens
        if patches < 1:
            return None
        if given is None:
            side = isqrt(patches)
            height, width = side, side
        else:
            height, width = given
        return (height, width) if height * width == patches else None

    def _of_channels(self, tensor: StoredTensor, target: Target) -> InputChannels | None:
        stored, wanted = tensor.shape, target.shape
        is_candidate = (
            self.input_channels == "adapt"
            and stored != wanted
            and len(stored) in _CONVOLUTION_DIMENSIONS
            and _without(stored, 1) == _without(wanted, 1)
        )
        if not is_candidate:
            return None
        # A stem that takes space to depth has some channels for each one of the image.
        is_deep = stored[1] > COLOURS and wanted[1] * COLOURS == stored[1]
        adaptation = InputChannels(1 if is_deep else wanted[1])
        fitted = adaptation.shape(stored, argument=target.name)
        return adaptation if fitted == wanted else None

    def _shape_error(self, tensor: StoredTensor, target: Target) -> InvalidShapeError:
        problem = f"is not {list(tensor.shape)}, the shape of {tensor.name!r} in {self.repo}"
        accepted = (
            "equal shapes; `input_channels: adapt` for the first convolution of other images, "
            "`positions: resample` for position embeddings, `slice_of` for a smaller tensor, or a "
            "rule of its own before this one"
        )
        return InvalidShapeError(target.name, list(target.shape), problem, accepted)

    def _grid_error(self, tensor: StoredTensor, target: Target) -> InvalidShapeError:
        problem = (
            f"cannot be resampled from {list(tensor.shape)}, the shape of {tensor.name!r} in "
            f"{self.repo}: not both are {self.prefix_tokens} prefix tokens and a grid"
        )
        accepted = "`prefix_tokens`, and `grid` and `source_grid` where they are not square"
        return InvalidShapeError(target.name, list(target.shape), problem, accepted)


def _without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    """Return a shape with one axis blotted out."""
    return tuple(0 if at == axis % len(shape) else size for at, size in enumerate(shape))
