"""Images of another grid of patches: which tensor is resampled, and from which grid."""

import pytest

from tests.model_shapes import RESNET, VIT, Shapes, checkpoint_of
from weightbank.adaptations import PositionGrid
from weightbank.errors import (
    InvalidArgumentError,
    InvalidShapeError,
    LimitExceededError,
    UnknownTensorError,
)
from weightbank.fitting import Wishes, fit
from weightbank.forms import PretrainedForm


def resampled(shapes: Shapes, wishes: Wishes) -> dict[str, tuple[tuple[int, ...], PositionGrid]]:
    """Return the shapes of the tensors that are resampled, and how they are."""
    found = {}
    for tensor in fit(checkpoint_of(shapes), wishes).tensors:
        assert isinstance(tensor.form, PretrainedForm)
        if tensor.form.adaptation is not None:
            assert isinstance(tensor.form.adaptation, PositionGrid)
            found[tensor.name] = (tensor.shape, tensor.form.adaptation)
    return found


def test_position_embeddings_are_resampled() -> None:
    """The square grid after the class token becomes the one that is wished for."""
    assert resampled(VIT, Wishes(grid=(24, 20))) == {
        "pos_embed": ((1, 481, 12), PositionGrid((14, 14), (24, 20), 1))
    }


def test_the_grid_that_is_there_changes_nothing() -> None:
    """Embeddings of the same grid stay as they are."""
    assert resampled(VIT, Wishes(grid=(14, 14))) == {}


@pytest.mark.parametrize(
    "name",
    [
        "vit.embeddings.position_embeddings",
        "encoder.pos_embedding",
        "vision_model.embeddings.position_embedding.weight",
        "visual.positional_embedding",
    ],
)
def test_conventional_names_are_known(name: str) -> None:
    """Other libraries' names are found, and tables of two dimensions too."""
    assert list(resampled({name: (197, 8), "a": (3,)}, Wishes(grid=(7, 7)))) == [name]


def test_a_wish_names_the_tensor() -> None:
    """Any tensor of a grid can be named, with any number of tokens before it."""
    shapes: Shapes = {"pos": (1, 18, 8), "pos_embed": (1, 17, 8)}
    wishes = Wishes(grid=(8, 8), position_embedding="pos", prefix_tokens=2)
    assert resampled(shapes, wishes) == {"pos": ((1, 66, 8), PositionGrid((4, 4), (8, 8), 2))}


@pytest.mark.parametrize(
    ("shapes", "found"),
    [
        (RESNET, "0 tensors .*patches keep their size"),
        ({"a.pos_embed": (1, 17, 8), "b.pos_embed": (1, 17, 8)}, "2 tensors .*a.pos_embed, b"),
    ],
)
def test_refuses_to_guess(shapes: Shapes, found: str) -> None:
    """Where it is unclear which tensor it is, the parameter to give is named."""
    with pytest.raises(InvalidArgumentError, match=f"^position_embedding is needed: {found}"):
        resampled(shapes, Wishes(grid=(8, 8)))


def test_refuses_what_is_not_there() -> None:
    """A tensor that is not there is refused, and others suggested."""
    wishes = Wishes(grid=(8, 8), position_embedding="pos_embd")
    with pytest.raises(UnknownTensorError, match=r"pos_embed \(did you mean this\?\)"):
        resampled(VIT, wishes)


@pytest.mark.parametrize(
    ("shape", "accepted"),
    [
        ((1, 18, 8), "accepted: `prefix_tokens` 2; patches"),
        ((1, 196, 8), "accepted: `prefix_tokens` 0; patches"),
        ((1, 1, 8), "accepted: `prefix_tokens` 0; patches"),
        ((1, 3000, 8), "accepted: square grids; patches"),
        ((1, 14, 14, 8), r"accepted: \(1, tokens, width\) or \(tokens, width\); patches"),
        ((17,), r"accepted: \(1, tokens, width\)"),
        ((2, 17, 8), r"accepted: \(1, 17, width\) or \(17, width\)"),
    ],
)
def test_refuses_what_is_no_square_grid(shape: tuple[int, ...], accepted: str) -> None:
    """The message says how many tokens before the grid would make it square, if any would."""
    with pytest.raises(InvalidShapeError, match=rf"^pos_embed: shape .*{accepted}"):
        resampled({"pos_embed": shape}, Wishes(grid=(8, 8)))


def test_patch_embeddings_are_not_resampled() -> None:
    """Whoever names them is told so."""
    wishes = Wishes(grid=(8, 8), position_embedding="patch_embed.proj.weight")
    with pytest.raises(InvalidShapeError, match="weights of patch embeddings are not resampled"):
        resampled(VIT, wishes)


def test_refuses_what_is_too_large() -> None:
    """Grids beyond the bound on a side, or on what is made whole, are refused."""
    with pytest.raises(InvalidArgumentError, match="grid 5000 is too large"):
        resampled(VIT, Wishes(grid=(5000, 1)))
    with pytest.raises(LimitExceededError, match="pos_embed"):
        resampled(VIT, Wishes(grid=(4096, 4096)))


@pytest.mark.parametrize(
    "wishes", [Wishes(position_embedding="pos_embed"), Wishes(prefix_tokens=0)]
)
def test_decides_nothing_without_a_grid(wishes: Wishes) -> None:
    """What is said of a grid without one is refused: it was forgotten."""
    with pytest.raises(InvalidArgumentError, match="decides nothing alone; accepted: grid"):
        resampled(VIT, wishes)
