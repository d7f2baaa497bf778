"""Which specs a list is asked for, as conditions of SQL."""

import json
import re
from dataclasses import dataclass

from sqlalchemy import ColumnElement, or_, select, union

from services.database import name_versions_table, spec_facts_table, specs_table

_ID_START = re.compile(r"[0-9a-f]{1,64}")
_BEYOND_DIGITS = "g"
"""Greater than every digit of an id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecFilter:
    """What is asked for; all that is given has to hold.

    Attributes:
        text: Beginning of an id, or part of ``team/name`` or of a note.
        team: One of whose names stands for the spec.
        initializer: Type of an exact form that it has.
        dtype: Of the tensors that do not fix their own.
        checkpoint: Repository that it reads.
        least_tensors: In its file.
        most_tensors: In its file.

    Examples:
        >>> SpecFilter(dtype="bfloat16", least_tensors=2).conditions()[0].compile().params
        {'dtype_1': 'bfloat16'}
    """

    text: str | None = None
    team: str | None = None
    initializer: str | None = None
    dtype: str | None = None
    checkpoint: str | None = None
    least_tensors: int | None = None
    most_tensors: int | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return conditions on ``spec_facts``."""
        facts, conditions = spec_facts_table.c, []
        if self.text is not None:
            conditions.append(_has_text(self.text))
        if self.team is not None:
            versions = name_versions_table.c
            named = select(versions.spec_id).where(versions.team == self.team)
            conditions.append(facts.spec_id.in_(named))
        if self.initializer is not None:
            conditions.append(_lists(facts.initializers_json, self.initializer))
        if self.dtype is not None:
            conditions.append(facts.dtype == self.dtype)
        if self.checkpoint is not None:
            conditions.append(_lists(facts.repositories_json, self.checkpoint))
        if self.least_tensors is not None:
            conditions.append(facts.tensors >= self.least_tensors)
        if self.most_tensors is not None:
            conditions.append(facts.tensors <= self.most_tensors)
        return conditions


def _has_text(text: str) -> ColumnElement[bool]:
    versions = name_versions_table.c
    full_name = versions.team + "/" + versions.name
    named = select(versions.spec_id).where(
        or_(
            full_name.icontains(text, autoescape=True),
            versions.note.icontains(text, autoescape=True),
        )
    )
    if _ID_START.fullmatch(text) is None:
        return spec_facts_table.c.spec_id.in_(named)
    ids = specs_table.c.id
    # A range, and no LIKE: an index serves it in any collation. One set of ids, and no
    # OR: PostgreSQL would go through the names anew for each spec.
    beginning = select(ids).where(ids >= text, ids < text + _BEYOND_DIGITS)
    return spec_facts_table.c.spec_id.in_(union(beginning, named))


def _lists(column: ColumnElement[str], word: str) -> ColumnElement[bool]:
    """Return whether a sorted list in JSON has a word."""
    return column.contains(json.dumps(word), autoescape=True)
