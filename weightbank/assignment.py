"""An initializer as it is assigned in a spec: with residual scaling, split and padding.

The three modifiers go with any initializer that can take them, so they are read
here once and not by each.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from weightbank.arguments import argument, given_arguments, parse_arguments
from weightbank.errors import (
    NO_VALUE,
    InvalidArgumentError,
    InvalidShapeError,
    LimitExceededError,
    UnknownTypeError,
)
from weightbank.forms import ConstantForm, Form, SplitForm, ZeroedRowForm
from weightbank.forms.base import part_shapes
from weightbank.initializers import Initializer, Target, find, registered
from weightbank.initializers.checkpoint import FromCheckpoint
from weightbank.initializers.tie import Tie
from weightbank.limits import Limits
from weightbank.suggestions import accepted_names

_SPLITTABLE = "a constant, an initializer that draws each element, or orthogonal without groups"


@dataclass(frozen=True)
class Residual:
    """Divide the variance by 2 * layers: a residual stream sums two branches a layer."""

    layers: int = argument(description="Residual layers of the network.", minimum=1)

    name = "residual"


@dataclass(frozen=True)
class SplitSizes:
    """Give each part of a fused projection its own fans, or its own matrix."""

    axis: int = argument(description="Axis along which the parts stand.", minimum=0)
    sizes: tuple[int, ...] = argument(description="Of the parts along the axis.", minimum=1)

    name = "split"


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """An initializer and its modifiers, as written.

    Attributes:
        initializer: With its arguments.
        residual: Residual scaling, or None.
        split: Parts, or None.
        padding_idx: Row that is zeroed last, or None; may count from the end.
    """

    initializer: Initializer
    residual: Residual | None = None
    split: SplitSizes | None = None
    padding_idx: int | None = None

    def document(self) -> dict[str, Any]:
        """Return it as one would write it."""
        document = self.initializer.document()
        if self.residual is not None:
            document["residual"] = given_arguments(self.residual)
        if self.split is not None:
            document["split"] = given_arguments(self.split)
        if self.padding_idx is not None:
            document["padding_idx"] = self.padding_idx
        return document

    def form(self, target: Target, *, limits: Limits) -> Form:
        """Return the exact form for a tensor.

        Raises:
            InvalidSpecError: If the tensor cannot be given it.
        """
        form = self._part_form(target) if self.split is None else self._split_form(target, limits)
        form.check(target.name)
        if self.padding_idx is None:
            return form
        row = _row(self.padding_idx, target)
        return form if form == ConstantForm(0.0) else ZeroedRowForm(form, row)

    def _part_form(self, target: Target) -> Form:
        form = self.initializer.form(target)
        if self.residual is None:
            return form
        factor = Fraction(1, 2 * self.residual.layers)
        return form.scaled(factor, f"{target.name}: residual")

    def _split_form(self, target: Target, limits: Limits) -> Form:
        assert self.split is not None
        _check_split(self.split, target, limits)
        axis, sizes = self.split.axis, self.split.sizes
        parts = tuple(
            self._part_form(replace(target, shape=shape))
            for shape in part_shapes(target.shape, axis, sizes)
        )
        if not all(part.splittable for part in parts):
            problem = f"cannot be taken of {self.initializer.name}"
            raise InvalidArgumentError(f"{target.name}: split", list(sizes), problem, _SPLITTABLE)
        if len(set(parts)) == 1 and (len(parts) == 1 or not parts[0].is_whole):
            return parts[0]
        return SplitForm(axis, sizes, parts)


def _check_split(split: SplitSizes, target: Target, limits: Limits) -> None:
    if split.axis >= len(target.shape):
        raise InvalidArgumentError(
            f"{target.name}: split.axis",
            split.axis,
            f"is no axis of a tensor of shape {list(target.shape)}",
            f"0 to {len(target.shape) - 1}",
        )
    if len(split.sizes) > limits.split_parts:
        raise LimitExceededError(
            f"{target.name}: split.sizes",
            len(split.sizes),
            "are too many parts",
            f"{limits.split_parts} or fewer",
        )
    if sum(split.sizes) != target.shape[split.axis]:
        raise InvalidShapeError(
            f"{target.name}: split.sizes",
            list(split.sizes),
            f"add up to {sum(split.sizes)}",
            f"sizes that add up to {target.shape[split.axis]}, the tensor's axis {split.axis}",
        )


def _row(padding_idx: int, target: Target) -> int:
    rows = target.shape[0] if target.shape else 0
    if not -rows <= padding_idx < rows:
        raise InvalidArgumentError(
            f"{target.name}: padding_idx",
            padding_idx,
            "is no row of the tensor",
            f"{-rows} to {rows - 1}" if rows else "a tensor of one dimension or more",
        )
    return padding_idx % rows


def parse_assignment(document: Any, *, where: str) -> Assignment:
    """Read an initializer as it stands in a spec: a name, or a mapping with ``type``.

    Args:
        document: ``"zeros"``, or ``{"type": "normal", "std": 0.02, ...}``.
        where: Its path, for messages.

    Raises:
        UnknownTypeError: If there is no such initializer.
        UnknownKeyError: If an argument is not one of its.
        InvalidArgumentError: If an argument is out of range.

    Examples:
        >>> parse_assignment("he_normal", where="rules[0]").document()
        {'type': 'kaiming_normal'}
    """
    if isinstance(document, str):
        document = {"type": document}
    if not isinstance(document, Mapping):
        accepted = "an initializer's name, or a mapping with its type and arguments"
        raise InvalidArgumentError(where, document, "is not an initializer", accepted)
    if "type" not in document:
        raise InvalidArgumentError(
            f"{where}.type", NO_VALUE, "is missing", "the name of an initializer"
        )
    name = document["type"]
    initializer = find(name) if isinstance(name, str) else None
    if initializer is None:
        accepted = accepted_names(name, sorted(registered()))
        raise UnknownTypeError(f"{where}.type", name, "is not an initializer we know", accepted)
    modifiers = _parse_modifiers(document, initializer, where)
    arguments = {
        key: value for key, value in document.items() if key != "type" and key not in modifiers
    }
    parsed = parse_arguments(initializer, arguments, where=where)
    return Assignment(initializer=parsed, **modifiers)


def _parse_modifiers(
    document: Mapping[str, Any], initializer: type[Initializer], where: str
) -> dict[str, Any]:
    """Return the modifiers of a document, parsed; a tie takes none."""
    if initializer is Tie:
        return {}
    if issubclass(initializer, FromCheckpoint):
        _refuse_modifiers(document, initializer, where)
        return {}
    modifiers: dict[str, Any] = {}
    for key, cls in (("residual", Residual), ("split", SplitSizes)):
        if key in document:
            if not isinstance(document[key], Mapping):
                fields = ", ".join(cls.__dataclass_fields__)
                raise InvalidArgumentError(
                    f"{where}.{key}", document[key], "is not a mapping", f"a mapping with {fields}"
                )
            modifiers[key] = parse_arguments(cls, document[key], where=f"{where}.{key}")
    if "padding_idx" in document:
        given = {"padding_idx": document["padding_idx"]}
        modifiers["padding_idx"] = parse_arguments(_Padding, given, where=where).padding_idx
    return modifiers


def _refuse_modifiers(
    document: Mapping[str, Any], initializer: type[Initializer], where: str
) -> None:
    for key in ("residual", "split", "padding_idx"):
        if key in document:
            raise InvalidArgumentError(
                f"{where}.{key}",
                document[key],
                f"goes with no {initializer.name}, whose values follow from a checkpoint alone",
                "an initializer that draws with a std of its own",
            )


@dataclass(frozen=True)
class _Padding:
    padding_idx: int | None = argument(None)
