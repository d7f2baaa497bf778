"""What lists and searches need of a spec, so that they need not read all of it."""

import json
from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import Row

from weightbank.forms import Form, SplitForm, ZeroedRowForm
from weightbank.layout import Layout
from weightbank.limits import Limits
from weightbank.resolved import ResolvedSpec

_NO_LIMIT = 2**62
_WITHOUT_LIMITS = Limits(file_bytes=_NO_LIMIT, header_bytes=_NO_LIMIT, whole_tensor_bytes=_NO_LIMIT)


@dataclass(frozen=True, slots=True)
class SpecFacts:
    """Facts of a spec; all of them follow from it.

    Attributes:
        tensors: In its file.
        elements: Of all tensors together.
        file_bytes: In its own dtype.
        dtype: Of the tensors that do not fix their own; None if all do.
        initializers: Types of exact forms, sorted.
        repositories: That its tensors are read from, sorted.
    """

    tensors: int
    elements: int
    file_bytes: int
    dtype: str | None
    initializers: tuple[str, ...]
    repositories: tuple[str, ...]

    @classmethod
    def of(cls, resolved: ResolvedSpec, layout: Layout | None = None) -> Self:
        """Return the facts of a spec.

        Args:
            resolved: The spec.
            layout: In its own dtype; made if not given, beyond all limits too: a spec
                that became too large to be served is still listed.
        """
        layout = layout or Layout.of(resolved, limits=_WITHOUT_LIMITS)
        dtype = resolved.default_dtype
        types = {type_ for tensor in resolved.tensors for type_ in _types(tensor.form)}
        return cls(
            tensors=len(resolved.tensors),
            elements=layout.elements,
            file_bytes=layout.size_bytes,
            dtype=None if dtype is None else dtype.name,
            initializers=tuple(sorted(types)),
            repositories=tuple(sorted({file.repository for file in resolved.sources})),
        )

    def row(self) -> dict[str, Any]:
        """Return the values of its row, but id and time of the spec."""
        return {
            "tensors": self.tensors,
            "elements": self.elements,
            "file_bytes": self.file_bytes,
            "dtype": self.dtype,
            "initializers_json": json.dumps(self.initializers),
            "repositories_json": json.dumps(self.repositories),
        }

    @classmethod
    def from_row(cls, row: Row[Any]) -> Self:
        """Read what ``row`` wrote."""
        return cls(
            tensors=row.tensors,
            elements=row.elements,
            file_bytes=row.file_bytes,
            dtype=row.dtype,
            initializers=tuple(json.loads(row.initializers_json)),
            repositories=tuple(json.loads(row.repositories_json)),
        )


def _types(form: Form) -> set[str]:
    """Return the types of a form, and of what it is made of."""
    if isinstance(form, SplitForm):
        return {form.type}.union(*(_types(part) for part in form.parts))
    if isinstance(form, ZeroedRowForm):
        return {form.type} | _types(form.values)
    return {form.type}
