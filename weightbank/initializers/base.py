"""What every initializer is: a named rule with arguments that gives a tensor its form."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

from weightbank.arguments import describe_arguments, given_arguments
from weightbank.checkpoint_index import CheckpointIndex
from weightbank.errors import InvalidShapeError
from weightbank.fans import Axes, Fans
from weightbank.forms import Form
from weightbank.limits import Limits

_MOST_PARTS = Limits().split_parts

_registry: dict[str, type["Initializer"]] = {}
_aliases: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Target:
    """The tensor, or the part of one, that an initializer is asked for.

    Attributes:
        name: Of the tensor, for messages.
        shape: Of the tensor or part.
        axes: What the axes of a weight mean; None where there are no fans.
        most_parts: Parts that it may be made of.
        checkpoints: Those that the spec names, found before.
    """

    name: str
    shape: tuple[int, ...]
    axes: Axes | None
    most_parts: int = _MOST_PARTS
    checkpoints: CheckpointIndex = field(default_factory=CheckpointIndex, compare=False)

    def fans(self) -> Fans:
        """Return the fans of this tensor or part.

        Raises:
            InvalidShapeError: If it has none.
        """
        if self.axes is None:
            raise InvalidShapeError(
                self.name,
                list(self.shape),
                "has no fans, so its variance cannot follow from them",
                "a tensor of two or more dimensions, fan_in and fan_out as arguments, or an "
                "initializer with a std of its own",
            )
        return self.axes.fans(self.shape, argument=self.name)

    def require_dimensions(self, accepted: tuple[int, ...], initializer: str) -> None:
        """Refuse a shape of another number of dimensions.

        Raises:
            InvalidShapeError: If there are others than ``accepted``.
        """
        if len(self.shape) not in accepted:
            numbers = " or ".join(str(number) for number in accepted)
            problem = f"cannot be filled by {initializer}"
            raise InvalidShapeError(
                self.name, list(self.shape), problem, f"a tensor of {numbers} dimensions"
            )


class Initializer(ABC):
    """A named rule; its dataclass fields are its arguments.

    Attributes:
        name: In a spec.
        aliases: Other names of the same distribution.
        formula: What an element is, in one line.
        source: Where it comes from.
        follows_fans: Whether its variance follows from the tensor's fans.
        is_copy: Whether its values are others', of which no row is to be zeroed.
    """

    name: ClassVar[str]
    aliases: ClassVar[tuple[str, ...]] = ()
    formula: ClassVar[str]
    source: ClassVar[str]
    follows_fans: ClassVar[bool] = False
    is_copy: ClassVar[bool] = False

    @abstractmethod
    def form(self, target: Target) -> Form:
        """Return the exact form for a tensor.

        Raises:
            InvalidSpecError: If the tensor cannot be given it.
        """

    def document(self) -> dict[str, Any]:
        """Return it as one would write it in a spec."""
        return {"type": self.name, **given_arguments(self)}


InitializerClass = TypeVar("InitializerClass", bound=type[Initializer])


def register(cls: InitializerClass) -> InitializerClass:
    """Add an initializer to the registry: all that a new file has to do."""
    for name in (cls.name, *cls.aliases):
        assert name not in _registry, name
        assert name not in _aliases, name
    _registry[cls.name] = cls
    _aliases.update(dict.fromkeys(cls.aliases, cls.name))
    return cls


def registered() -> dict[str, type[Initializer]]:
    """Return all initializers by name, without aliases."""
    return dict(_registry)


def find(name: str) -> type[Initializer] | None:
    """Return the initializer of a name or alias, or None."""
    return _registry.get(_aliases.get(name, name))


def describe(cls: type[Initializer]) -> dict[str, Any]:
    """Describe an initializer as JSON values."""
    return {
        "name": cls.name,
        "aliases": list(cls.aliases),
        "summary": (cls.__doc__ or "").strip().splitlines()[0],
        "formula": cls.formula,
        "source": cls.source,
        "arguments": describe_arguments(cls),
    }
