"""Lists of specs: in order, in pages, by condition, and without what is private."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, delete, update

from services.database import spec_facts_table, specs_table
from services.errors import SpecInUseError, UnknownSpecError
from services.spec_catalogue.filling import FactsFiller
from services.spec_catalogue.filter import SpecFilter
from services.spec_catalogue.listing import NAMES_SHOWN, SpecList
from services.spec_catalogue.position import Position
from services.spec_store import SqlSpecStore
from tests.databases import DATABASES, open_empty_database
from tests.exchange import EPOCH, add_name, add_spec, resolved_spec

SPECS = [resolved_spec(width) for width in range(1, 6)]
IDS = [spec.id for spec in SPECS]


@pytest.fixture(params=DATABASES)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A database with five specs, one second between each and the next."""
    with open_empty_database(request.param, tmp_path) as opened:
        for seconds, spec in enumerate(SPECS):
            add_spec(opened, spec, seconds=seconds)
        yield opened


def listed(
    engine: Engine, *, limit: int = 100, hidden: str = "", **conditions: Any
) -> list[list[str]]:
    """Ids of all pages."""
    pages, after, found = [], None, SpecList(engine)
    while True:
        page = found.page(
            SpecFilter(**conditions), limit=limit, after=after, may_know=lambda name: name != hidden
        )
        pages.append([spec.id for spec in page.specs])
        if page.next is None:
            return pages
        after = Position.parse(page.next.token())
        assert after is not None


def test_the_newest_comes_first(engine: Engine) -> None:
    """In as many pages as it takes, without a page behind the last."""
    assert listed(engine) == [IDS[::-1]]
    assert listed(engine, limit=2) == [IDS[:2:-1], IDS[2:0:-1], IDS[:1]]
    assert listed(engine, limit=5) == [IDS[::-1]]


def test_specs_of_one_moment_are_all_listed(engine: Engine) -> None:
    """In the order of their ids."""
    with engine.begin() as connection:
        connection.execute(update(spec_facts_table).values(created_at=EPOCH))
    assert listed(engine, limit=1) == [[spec_id] for spec_id in sorted(IDS, reverse=True)]


def test_a_place_says_too_little_to_ask_for_the_spec(engine: Engine) -> None:
    """It may be the place of one that is left out."""
    page = SpecList(engine).page(SpecFilter(), limit=1, after=None, may_know=lambda _: True)
    assert page.next is not None
    assert IDS[-1][:16] in page.next.token()
    assert IDS[-1][:17] not in page.next.token()


@pytest.mark.parametrize("token", ["", "x", "0-0", "0" * 15 + "-" + "0" * 16])
def test_what_is_no_place_is_none(token: str) -> None:
    """Whatever it looks like."""
    assert Position.parse(token) is None


def test_what_a_caller_must_not_know_is_left_out(engine: Engine) -> None:
    """And others take its place in the page."""
    with engine.begin() as connection:
        connection.execute(
            update(spec_facts_table)
            .where(spec_facts_table.c.spec_id.in_([IDS[1], IDS[3]]))
            .values(repositories_json='["o/private"]')
        )
    assert listed(engine, limit=2, hidden="o/private") == [[IDS[4], IDS[2]], [IDS[0]]]
    assert listed(engine, checkpoint="o/private") == [[IDS[3], IDS[1]]]
    assert listed(engine, checkpoint="o/private", hidden="o/private") == [[]]


def test_conditions_are_met(engine: Engine) -> None:
    """One by one, and together."""
    add_name(engine, "vision/net_1", IDS[0], note="100% of Run")
    add_name(engine, "audio/netx1", IDS[1], IDS[2])
    assert listed(engine, text="net_1") == [[IDS[0]]]
    assert listed(engine, text="NET") == [[IDS[2], IDS[1], IDS[0]]]
    assert listed(engine, text="100% of run") == [[IDS[0]]]
    assert listed(engine, text="0%f") == [[]]
    assert listed(engine, text="n/n") == [[IDS[0]]]
    assert listed(engine, text=IDS[4][:20]) == [[IDS[4]]]
    assert listed(engine, text=IDS[4]) == [[IDS[4]]]
    assert listed(engine, team="audio") == [[IDS[2], IDS[1]]]
    assert listed(engine, team="audi") == [[]]
    assert listed(engine, dtype="float32") == [IDS[::-1]]
    assert listed(engine, dtype="bfloat16") == [[]]
    assert listed(engine, least_tensors=2, most_tensors=2) == [IDS[::-1]]
    assert listed(engine, least_tensors=3) == [[]]
    assert listed(engine, initializer="constant") == [IDS[::-1]]
    assert listed(engine, initializer="constan_") == [[]]
    assert listed(engine, initializer="constant", team="vision", text="run") == [[IDS[0]]]


def test_names_are_shown_but_not_all(engine: Engine) -> None:
    """The newest versions of a name first."""
    add_name(engine, "vision/net", *[IDS[0]] * (NAMES_SHOWN + 1))
    add_name(engine, "audio/net", IDS[0])
    page = SpecList(engine).page(SpecFilter(), limit=9, after=None, may_know=lambda _: True)
    names = page.specs[-1].names
    assert len(names) == NAMES_SHOWN
    assert names[:2] == ("audio/net@1", f"vision/net@{NAMES_SHOWN + 1}")
    assert page.specs[0].names == ()


def test_facts_of_older_specs_are_filled_in(engine: Engine) -> None:
    """A damaged one is passed over, and told of; until then they are in no list."""
    before = SpecList(engine).page(SpecFilter(), limit=9, after=None, may_know=lambda _: True)
    with engine.begin() as connection:
        connection.execute(delete(spec_facts_table))
        connection.execute(
            update(specs_table).where(specs_table.c.id == IDS[0]).values(canonical_json="{}")
        )
    assert listed(engine) == [[]]
    failed: list[str] = []
    filler = FactsFiller(engine, on_error=lambda spec_id, _: failed.append(spec_id))
    assert filler.fill() == 4
    assert failed == [IDS[0]]
    assert filler.fill() == 0
    after = SpecList(engine).page(SpecFilter(), limit=9, after=None, may_know=lambda _: True)
    assert after.specs == before.specs[:-1]
    filler.close()


def test_a_filler_that_is_stopped_stops(engine: Engine) -> None:
    """Between two specs."""
    with engine.begin() as connection:
        connection.execute(delete(spec_facts_table))
    filler = FactsFiller(engine, on_error=lambda *_: None)
    filler.close()
    assert filler.fill() == 0


def test_a_spec_that_a_name_needs_is_not_removed(engine: Engine) -> None:
    """Its names are told."""
    add_name(engine, "vision/net", IDS[0])
    store = SqlSpecStore(engine)
    with pytest.raises(SpecInUseError, match="vision/net@1"):
        store.remove(IDS[0])
    store.remove(IDS[1])
    assert listed(engine) == [[IDS[4], IDS[3], IDS[2], IDS[0]]]
    with pytest.raises(UnknownSpecError):
        store.remove(IDS[1])
