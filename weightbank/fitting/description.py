"""What a repository's config.json says of a model, as far as fitting needs it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_MOST_PATHS = 16
_PATH_CHARACTERS = 512
_LARGEST_COUNT = 2**31


@dataclass(frozen=True, slots=True)
class ModelDescription:
    """What is known of a model; all of it are hints.

    Attributes:
        classifiers: Module paths of its heads.
        first_convs: Module paths of the convolutions that see the image.
        num_classes: Outputs of each head.
        in_channels: Channels of the image.
    """

    classifiers: tuple[str, ...] = ()
    first_convs: tuple[str, ...] = ()
    num_classes: int | None = None
    in_channels: int | None = None

    @property
    def classifier(self) -> str | None:
        """The first head, if any is known."""
        return next(iter(self.classifiers), None)

    @property
    def first_conv(self) -> str | None:
        """The first convolution that sees the image, if any is known."""
        return next(iter(self.first_convs), None)


def describe_model(config: object) -> ModelDescription:
    """Read a parsed config.json, of timm or of transformers.

    Whatever is missing, or is not what it should be, is not known.

    Args:
        config: What the file holds; None if there is none.

    Examples:
        >>> timm = {"architecture": "resnet50", "num_classes": 1000, "pretrained_cfg": {
        ...     "classifier": "fc", "first_conv": "conv1", "input_size": [3, 224, 224]}}
        >>> describe_model(timm)
        ModelDescription(classifiers=('fc',), first_convs=('conv1',), num_classes=1000, \
in_channels=3)
        >>> transformers = {"id2label": {"0": "cat", "1": "dog"}, "num_channels": 3}
        >>> describe_model(transformers)
        ModelDescription(classifiers=(), first_convs=(), num_classes=2, in_channels=3)
    """
    if not isinstance(config, Mapping):
        return ModelDescription()
    nested = config.get("pretrained_cfg")
    pretrained: Mapping[str, Any] = nested if isinstance(nested, Mapping) else {}
    found = {**config, **pretrained}
    labels, sizes = config.get("id2label"), found.get("input_size")
    return ModelDescription(
        classifiers=_paths(found.get("classifier")),
        first_convs=_paths(found.get("first_conv")),
        num_classes=_first_count(
            config.get("num_classes"),
            pretrained.get("num_classes"),
            config.get("num_labels"),
            len(labels) if isinstance(labels, Mapping) else None,
        ),
        in_channels=_first_count(
            sizes[0] if isinstance(sizes, list) and sizes else None, config.get("num_channels")
        ),
    )


def _paths(value: Any) -> tuple[str, ...]:
    """Return one path, or those of a list."""
    paths = value if isinstance(value, list | tuple) else [value]
    if len(paths) > _MOST_PATHS or not all(map(_is_path, paths)):
        return ()
    return tuple(paths)


def _is_path(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _PATH_CHARACTERS


def _first_count(*values: Any) -> int | None:
    """Return the first value that counts something."""
    for value in values:
        is_integer = isinstance(value, int) and not isinstance(value, bool)
        if is_integer and 0 < value < _LARGEST_COUNT:
            return int(value)
    return None
