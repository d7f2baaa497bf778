"""What differs between two resolved specs, tensor by tensor.

Theory of operation: tensors are matched by name. Of those whose names stand in one spec
alone, some can be told to be renamed (``weightbank.renames``). A tie has the bytes of
its target, so that it differs where its target does, though its own entry is the same.
All differences stand in one list in the order of names, of which any part can be had;
words, and whether bytes are equal, are made for that part alone.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from weightbank.form_words import describe_form, describe_form_change
from weightbank.forms import TieForm
from weightbank.layout import file_order
from weightbank.renames import find_renames
from weightbank.resolved import ResolvedSpec, ResolvedTensor
from weightbank.same_bytes import have_same_bytes

Kind = Literal["removed", "added", "renamed", "changed"]


@dataclass(frozen=True, slots=True)
class Change:
    """One key of a tensor's entry in the canonical JSON that differs.

    Attributes:
        key: ``shape``, ``dtype``, ``dtype_fixed`` or ``initializer``.
        before: In the first spec.
        after: In the second.
    """

    key: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Side:
    """A tensor in one of the two specs.

    Attributes:
        tensor: Its entry.
        source: Whose bytes it has: its target if it is tied, else itself.
    """

    tensor: ResolvedTensor
    source: ResolvedTensor


@dataclass(frozen=True, slots=True)
class TensorDifference:
    """A tensor that is not the same in both.

    Attributes:
        before: In the first spec; None if it is not there.
        after: In the second; None if it is not there.
    """

    before: Side | None
    after: Side | None

    @property
    def name(self) -> str:
        """Its name in the first spec, or in the second if it is only there."""
        return (self.before or self._after).tensor.name

    @property
    def kind(self) -> Kind:
        """In one of them alone, under another name, or changed."""
        if self.before is None:
            return "added"
        if self.after is None:
            return "removed"
        return "changed" if self.before.tensor.name == self.after.tensor.name else "renamed"

    @property
    def changes(self) -> tuple[Change, ...]:
        """What differs in its entry; nothing where it is in one spec alone, or only renamed."""
        if self.before is None or self.after is None:
            return ()
        old, new = self.before.tensor.document(), self.after.tensor.document()
        keys = [key for key in old if key != "name" and old[key] != new[key]]
        return tuple(Change(key, old[key], new[key]) for key in keys)

    @property
    def same_bytes(self) -> bool:
        """Whether both specs surely give it the same bytes for the same seed."""
        if self.before is None or self.after is None:
            return False
        return have_same_bytes(self.before.source, self.after.source)

    def sentence(self) -> str:
        """Return what differs, in words."""
        if self.before is None:
            return f"only in the second: {_describe(self._after.tensor)}"
        if self.after is None:
            return f"only in the first: {_describe(self.before.tensor)}"
        if self.kind == "renamed":
            return (
                f"named {self.after.tensor.name!r} in the second, with the same shape, dtype and "
                f"initializer; {_renamed_bytes(same=self.same_bytes)}"
            )
        words = [_change_words(change) for change in self.changes]
        if not words:
            assert isinstance(self.before.tensor.form, TieForm), self.before
            words = [f"tied to {self.before.tensor.form.to!r} in both, which differs"]
        ending = "the same bytes" if self.same_bytes else "other bytes"
        return f"{', '.join(words)}; {ending}"

    @property
    def _after(self) -> Side:
        assert self.after is not None
        return self.after


@dataclass(frozen=True)
class Difference:
    """All that differs between two specs.

    Attributes:
        differences: In the order of their names, each name once.
        equal: Number of tensors that are the same in both, under the same name.
        same_order: Whether the tensors of both stand in the same order in both files, in
            the specs' own dtypes.
    """

    differences: tuple[TensorDifference, ...]
    equal: int
    same_order: bool

    @cached_property
    def counts(self) -> Mapping[str, int]:
        """How many differences there are of each kind."""
        counts: dict[str, int] = {"removed": 0, "added": 0, "renamed": 0, "changed": 0}
        for difference in self.differences:
            counts[difference.kind] += 1
        return counts

    def part(self, *, after: str, limit: int) -> tuple[TensorDifference, ...]:
        """Return some of the differences.

        Args:
            after: The name that precedes them; empty for the first ones.
            limit: Most of them.
        """
        start = bisect_right(self.differences, after, key=lambda difference: difference.name)
        return self.differences[start : start + limit]


def compare(before: ResolvedSpec, after: ResolvedSpec) -> Difference:
    """Return what differs between two specs.

    Examples:
        >>> from weightbank import Spec, resolve
        >>> def spec(std):
        ...     init = {"type": "normal", "std": std}
        ...     layer = {"name": "w", "type": "Parameter", "shape": [3, 2], "init": init}
        ...     return resolve(Spec.from_document({"layers": [layer]})).resolved
        >>> found = compare(spec(0.02), spec(0.01))
        >>> [(item.name, item.kind, item.sentence()) for item in found.differences]
        [('w', 'changed', 'std of normal 0.02 became 0.01; other bytes')]
    """
    old, new = _sides(before), _sides(after)
    both = [name for name in old if name in new]
    differing = [name for name in both if not _are_equal(old[name], new[name])]
    removed = [side.tensor for name, side in old.items() if name not in new]
    added = [side.tensor for name, side in new.items() if name not in old]
    renames = {one.name: other.name for one, other in find_renames(removed, added)}
    new_names = set(renames.values())
    found = [TensorDifference(old[name], new[name]) for name in differing]
    found += [TensorDifference(old[one], new[other]) for one, other in renames.items()]
    found += [TensorDifference(old[t.name], None) for t in removed if t.name not in renames]
    found += [TensorDifference(None, new[t.name]) for t in added if t.name not in new_names]
    return Difference(
        differences=tuple(sorted(found, key=lambda difference: difference.name)),
        equal=len(both) - len(differing),
        same_order=_order(both, old) == _order(both, new),
    )


def _sides(spec: ResolvedSpec) -> dict[str, Side]:
    by_name = {tensor.name: tensor for tensor in spec.tensors}
    return {
        name: Side(tensor, by_name[tensor.form.to] if isinstance(tensor.form, TieForm) else tensor)
        for name, tensor in by_name.items()
    }


def _are_equal(one: Side, other: Side) -> bool:
    return one.tensor == other.tensor and one.source == other.source


def _order(names: Sequence[str], sides: Mapping[str, Side]) -> list[str]:
    return sorted(names, key=lambda name: file_order(sides[name].tensor))


def _describe(tensor: ResolvedTensor) -> str:
    form = describe_form(tensor.form.document())
    return f"{tensor.dtype.name} of shape {list(tensor.shape)}, {form}"


def _change_words(change: Change) -> str:
    if change.key == "initializer":
        return describe_form_change(change.before, change.after)
    if change.key == "dtype_fixed":
        return "its dtype became fixed" if change.after else "its dtype became the file's"
    return f"{change.key} {change.before} became {change.after}"


def _renamed_bytes(*, same: bool) -> str:
    if same:
        return "the same bytes"
    return "other bytes, because what is drawn depends on the name"
