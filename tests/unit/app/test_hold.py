"""What is closed when its last user is done."""

from app.hold import Hold


def make_hold() -> tuple[Hold, list[str]]:
    """A hold, and what its closing writes down."""
    closed: list[str] = []
    return Hold(lambda: closed.append("closed")), closed


def test_what_nobody_uses_is_closed_by_its_owner() -> None:
    """Once, however often the owner ends it."""
    hold, closed = make_hold()
    hold.end()
    hold.end()
    assert closed == ["closed"]


def test_what_is_in_use_is_closed_by_its_last_user() -> None:
    """The owner does not wait for that."""
    hold, closed = make_hold()
    assert hold.take()
    assert hold.take()
    hold.end()
    hold.give_back()
    assert closed == []
    hold.give_back()
    assert closed == ["closed"]


def test_what_has_ended_is_not_taken() -> None:
    """Also while somebody still uses it."""
    hold, closed = make_hold()
    assert hold.take()
    hold.end()
    assert not hold.take()
    hold.give_back()
    assert not hold.take()
    assert closed == ["closed"]


def test_what_was_given_back_can_be_taken_again() -> None:
    """Until its owner ends it."""
    hold, closed = make_hold()
    for _ in range(2):
        assert hold.take()
        hold.give_back()
    assert closed == []
    hold.end()
    assert closed == ["closed"]
