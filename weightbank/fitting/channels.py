"""Images of another number of channels: the first convolutions are adapted."""

from weightbank.adaptations import InputChannels
from weightbank.adaptations.input_channels import COLOURS
from weightbank.errors import NO_VALUE, InvalidArgumentError, UnknownTensorError
from weightbank.fitting.description import ModelDescription
from weightbank.fitting.names import Tensors
from weightbank.fitting.wishes import Wishes
from weightbank.suggestions import accepted_names

_IMAGE_DIMENSIONS = 4
_LEAST_DIMENSIONS = 3


def channel_adaptations(
    tensors: Tensors, wishes: Wishes, description: ModelDescription
) -> dict[str, InputChannels]:
    """Return how the weights of first convolutions are adapted, by their names.

    Args:
        tensors: Of the checkpoint that stay.
        wishes: With the number of channels.
        description: Hints which convolutions come first.

    Raises:
        InvalidArgumentError: If it is unclear which convolution is the first, or the
            model's images are not those of three colours.
        UnknownTensorError: If there is no such convolution.
        InvalidShapeError: If its channels cannot be adapted.
    """
    if wishes.in_channels is None:
        return {}
    adaptation = InputChannels(wishes.in_channels)
    adapted = {}
    for name in _first_weights(tensors, wishes, description):
        shape = tensors[name].shape
        if not _takes(shape, wishes.in_channels, description):
            _check_colours(wishes.in_channels, description)
            adaptation.shape(shape, argument=name)
            adapted[name] = adaptation
    return adapted


def _first_weights(
    tensors: Tensors, wishes: Wishes, description: ModelDescription
) -> tuple[str, ...]:
    if wishes.first_conv is not None:
        name = f"{wishes.first_conv}.weight"
        if name not in tensors:
            problem = "is no module with a weight"
            accepted = accepted_names(wishes.first_conv, _convolutions(tensors))
            raise UnknownTensorError("first_conv", wishes.first_conv, problem, accepted)
        return (name,)
    weights = (f"{path}.weight" for path in description.first_convs)
    described = tuple(name for name in weights if name in tensors)
    return described or (_only_weight(tensors),)


def _only_weight(tensors: Tensors) -> str:
    """Return the one weight that three colours go into."""
    found = [
        name
        for name, tensor in tensors.items()
        if name.endswith(".weight")
        and len(tensor.shape) == _IMAGE_DIMENSIONS
        and tensor.shape[1] == COLOURS
    ]
    if len(found) != 1:
        problem = "is needed: no configuration says which convolution sees the image, and "
        problem += f"{len(found)} take {COLOURS} channels"
        accepted = accepted_names(None, _convolutions(tensors)) or "the path of a convolution"
        raise InvalidArgumentError("first_conv", NO_VALUE, problem, accepted)
    return found[0]


def _convolutions(tensors: Tensors) -> list[str]:
    return [
        name.removesuffix(".weight")
        for name, tensor in tensors.items()
        if name.endswith(".weight") and len(tensor.shape) >= _LEAST_DIMENSIONS
    ]


def _takes(shape: tuple[int, ...], channels: int, description: ModelDescription) -> bool:
    """Return whether a stored weight takes so many channels as it is."""
    if len(shape) < _LEAST_DIMENSIONS:
        return False
    # Stems that take space to depth have a multiple of the channels of the image.
    is_model = channels == (description.in_channels or COLOURS)
    return shape[1] == channels or (is_model and shape[1] > 0 and shape[1] % channels == 0)


def _check_colours(channels: int, description: ModelDescription) -> None:
    """Refuse to adapt a model of other images: which channels belong together is not known."""
    known = description.in_channels
    if known not in (None, COLOURS):
        problem = f"cannot be made of {known}, the channels that the configuration says"
        accepted = f"{known}; other numbers for models of {COLOURS} channels"
        raise InvalidArgumentError("in_channels", channels, problem, accepted)
