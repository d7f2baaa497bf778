"""Files of specs and names: from one database into another."""

import pytest
from sqlalchemy import Engine, select

from services.database import (
    name_versions_table,
    names_table,
    specs_table,
)
from services.spec_exchange.errors import ImportConflictError
from services.spec_exchange.importing import ImportCounts
from tests.exchange import (
    ONE,
    THREE,
    TWO,
    add_name,
    add_spec,
    exported,
    imported,
    rows,
    signed,
)


def test_a_file_brings_everything(source: Engine, target: Engine) -> None:
    """Ids, seeds, times, names and notes; a file of the copy has the same bytes."""
    content = exported(source)
    assert imported(target, content) == ImportCounts(new_specs=2, new_names=1, new_versions=2)
    assert exported(target) == content
    assert rows(target) == rows(source) == [2, 2, 1, 2]


def test_a_second_time_nothing_is_new(source: Engine, target: Engine) -> None:
    """All is counted as known."""
    content = exported(source)
    imported(target, content)
    assert imported(target, content) == ImportCounts(known_specs=2, known_names=1, known_versions=2)
    assert exported(target) == content


def test_keys_stay_where_they_are(source: Engine, target: Engine) -> None:
    """Their ids mean nothing on another server."""
    content = exported(source)
    assert b"a-key" not in content
    imported(target, content)
    with target.connect() as connection:
        assert set(connection.execute(select(name_versions_table.c.created_by)).scalars()) == {None}


def test_a_seed_is_filled_in_but_not_replaced(source: Engine, target: Engine) -> None:
    """As when a spec is posted again."""
    add_spec(target, ONE)
    add_spec(target, TWO, seed=9)
    imported(target, exported(source))
    with target.connect() as connection:
        found = dict(
            connection.execute(select(specs_table.c.id, specs_table.c.suggested_seed)).all()
        )
    assert found == {ONE.id: str(2**64 - 1), TWO.id: "9"}


def test_a_team_or_some_specs_alone(source: Engine, target: Engine) -> None:
    """With what they need, and nothing else."""
    add_spec(source, THREE)
    add_name(source, "audio/tts", THREE.id)
    assert imported(target, exported(source, team="audio")) == ImportCounts(
        new_specs=1, new_names=1, new_versions=1
    )
    assert imported(target, exported(source, ids=[TWO.id, "0" * 64])) == ImportCounts(new_specs=1)


def test_a_version_that_stands_for_another_spec_is_a_conflict(
    source: Engine, target: Engine
) -> None:
    """It is named, and nothing at all is imported."""
    add_spec(target, THREE)
    add_name(target, "vision/mlp", THREE.id, THREE.id)
    before = exported(target)
    with pytest.raises(ImportConflictError, match="vision/mlp@2 "):
        imported(target, exported(source))
    assert exported(target) == before


@pytest.mark.parametrize(
    ("here", "expected"),
    [
        # (retired, versions) here; the file has version 1 retired, and 2 and 3.
        ((0, 0), (3, 1, 2)),
        ((1, 0), (3, 1, 2)),
        ((0, 1), (3, 0, 3)),
        ((2, 0), (3, 2, 1)),
        ((3, 0), (3, 3, 0)),
        ((7, 0), (7, 7, 0)),
        ((3, 2), (5, 3, 2)),
    ],
)
def test_numbers_of_versions_are_never_given_twice(
    source: Engine, target: Engine, here: tuple[int, int], expected: tuple[int, int, int]
) -> None:
    """Retired ones stay retired; the rest is without gaps."""
    retired, versions = here
    add_spec(target, THREE)
    add_name(target, "vision/mlp", *[THREE.id] * versions, retired=retired)
    imported(target, exported(source))
    with target.connect() as connection:
        name = connection.execute(select(names_table)).one()
        found = sorted(connection.execute(select(name_versions_table.c.version)).scalars())
    assert (name.newest_version, name.retired_version, len(found)) == expected
    assert found == list(range(name.retired_version + 1, name.newest_version + 1))


def test_a_gap_between_versions_is_a_conflict(source: Engine, target: Engine) -> None:
    """Versions in use here that end before those of the file begin."""
    content = exported(source).replace(b'"retired_version":1', b'"retired_version":4')
    lines = content.replace(b'"newest_version":3', b'"newest_version":6').splitlines(keepends=True)[
        :-1
    ]
    text = b"".join(lines).replace(b"mlp@2", b"mlp@5").replace(b"mlp@3", b"mlp@6")
    add_spec(target, ONE)
    add_name(target, "vision/mlp", ONE.id)
    with pytest.raises(ImportConflictError, match="vision/mlp "):
        imported(target, signed(text.splitlines(keepends=True)))
