"""Differences of specs over HTTP: any two, page by page."""

from typing import Any

import pytest

from schemas.differences import SpecDifferenceOut
from tests.names import put
from tests.specs import linear, parameter

NORMAL = {"type": "normal", "std": 0.02}


def post(api: Any, *layers: dict[str, Any], **keys: Any) -> str:
    """Id of a spec that is stored."""
    spec_id: str = api.post("/v1/specs", json={"layers": list(layers), **keys}).json()["id"]
    return spec_id


def difference(api: Any, path: str) -> SpecDifferenceOut:
    """What differs, as the interface describes it."""
    response = api.get(path)
    assert response.status_code == 200, response.text
    return SpecDifferenceOut.model_validate_json(response.content)


def test_what_differs_is_told_tensor_by_tensor(api: Any) -> None:
    """In the words of the document, in one sentence, and whether bytes are equal."""
    before = post(
        api,
        parameter([3, 2], NORMAL, "changed"),
        parameter([4], "zeros", "reshaped"),
        parameter([5], "zeros", "old"),
        parameter([6], NORMAL, "gone"),
        linear("same"),
    )
    after = post(
        api,
        parameter([3, 2], {"type": "normal", "std": 0.01}, "changed"),
        parameter([2, 2], "zeros", "reshaped"),
        parameter([5], "zeros", "new"),
        parameter([7], NORMAL, "come"),
        linear("same"),
    )
    found = difference(api, f"/v1/specs/{before}/diff/{after}")
    assert (found.before, found.after, found.same_order, found.next) == (before, after, True, None)
    assert found.counts.model_dump() == {
        "equal": 2, "changed": 2, "renamed": 1, "removed": 1, "added": 1,
    }  # fmt: skip
    by_name = {item.name: item for item in found.differences}
    assert list(by_name) == ["changed", "come", "gone", "old", "reshaped"]
    changed, reshaped = by_name["changed"], by_name["reshaped"]
    assert [change.key for change in changed.changes] == ["initializer"]
    assert changed.changes[0].after == {"type": "normal", "mean": 0.0, "std": 0.01}
    assert (changed.sentence, changed.same_bytes) == (
        "std of normal 0.02 became 0.01; other bytes",
        False,
    )
    assert (reshaped.sentence, reshaped.same_bytes) == (
        "shape [4] became [2, 2]; the same bytes",
        True,
    )
    assert (by_name["old"].kind, by_name["old"].renamed_to) == ("renamed", "new")
    assert by_name["come"].after is not None
    assert by_name["come"].after["shape"] == [7]
    assert by_name["come"].before is None


def test_a_spec_does_not_differ_from_itself(api: Any) -> None:
    """Whatever names it."""
    spec = post(api, linear())
    put(api, "diff/self", spec)
    for one in (spec, "diff/self@1", "diff/self@latest"):
        for other in (spec, "diff/self@1", "diff/self@latest"):
            found = difference(api, f"/v1/specs/{one}/diff/{other}")
            assert (found.before, found.after, found.differences) == (spec, spec, [])
            assert found.counts.equal == 2


def test_versions_of_a_name_are_compared_in_short(api: Any) -> None:
    """``@2`` and ``@latest`` are of the same name."""
    ids = [post(api, linear("fc", outputs=size)) for size in (2, 3, 4)]
    for spec in ids:
        put(api, "diff/net", spec)
    for other, spec in (("@2", ids[1]), ("@latest", ids[2]), ("%402", ids[1])):
        found = difference(api, f"/v1/specs/diff/net@1/diff/{other}")
        assert (found.before, found.after) == (ids[0], spec)
        assert found.counts.changed == 2
    encoded = difference(api, f"/v1/specs/{ids[0]}/diff/diff%2Fnet%402")
    assert encoded.after == ids[1]


def test_differences_come_in_pages(api: Any) -> None:
    """Each once, in the order of names, with counts of all; odd names too."""
    names = ["a b", "c", "d/e", "é", "名前"]
    before = post(api, *(parameter([2], NORMAL, name) for name in names))
    after = post(api, *(parameter([3], NORMAL, name) for name in names))
    path, seen = f"/v1/specs/{before}/diff/{after}?limit=2", []
    while path:
        page = difference(api, path)
        assert page.counts.changed == 5
        seen += [item.name for item in page.differences]
        path = page.next
    assert seen == sorted(names)


@pytest.mark.parametrize(
    ("one", "other", "code"),
    [
        ("{id}", "f" * 64, "unknown_spec"),
        ("f" * 64, "{id}", "unknown_spec"),
        ("{id}", "@2", "invalid_reference"),
        ("{id}", "x", "invalid_reference"),
        ("{id}", "", "invalid_reference"),
        ("{id}", "a/b", "invalid_reference"),
        ("{id}", "a/b/c@1", "invalid_team_name"),
        ("{id}", "A/b@1", "invalid_team"),
        ("{id}", "a/b@x", "invalid_version"),
        ("{id}", "a/nobody@1", "unknown_name"),
        ("a/nobody@1", "@2", "unknown_name"),
    ],
)
def test_what_names_no_spec_is_refused(api: Any, one: str, other: str, code: str) -> None:
    """On either side."""
    spec = post(api, linear())
    path = f"/v1/specs/{one}/diff/{other}".replace("{id}", spec)
    refused = api.get(path)
    assert refused.json()["code"] == code
    assert refused.status_code in {404, 422}


def test_limits_of_pages_are_checked(api: Any) -> None:
    """An answer is bounded."""
    spec = post(api, linear())
    for query in ("limit=0", "limit=501", "limit=-1"):
        assert api.get(f"/v1/specs/{spec}/diff/{spec}?{query}").status_code == 422
