"""Text to plain values: what JSON and YAML may hold, and what is refused of them."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from weightbank import parse_json, parse_yaml
from weightbank.errors import SyntaxSpecError

PARSERS = pytest.mark.parametrize("parse", [parse_json, parse_yaml])
Parse = Callable[[Any], Any]


@PARSERS
def test_the_same_text(parse: Parse) -> None:
    """JSON is YAML 1.2: both readers give one value."""
    text = '{"seed": 42, "x": [1.5, -0.25e-3, true, null, "é\\u00e9"], "y": {}}'
    expected = {"seed": 42, "x": [1.5, -0.25e-3, True, None, "éé"], "y": {}}
    assert parse(text) == parse(text.encode()) == expected


@PARSERS
def test_a_byte_order_mark_is_passed_over(parse: Parse) -> None:
    """Editors that write one are forgiven."""
    assert parse(b'\xef\xbb\xbf{"seed": 1}') == {"seed": 1}


def test_yaml_is_of_version_1_2() -> None:
    """Words and numbers mean what they look like."""
    text = "a: yes\nb: off\nc: 017\nd: 12:30:45\ne: 1e-5\nf: .5\ng: ~\nh: 0o17\ni: 0x1f"
    expected = {"a": "yes", "b": "off", "c": 17, "d": "12:30:45", "e": 1e-5, "f": 0.5, "g": None,
                "h": 15, "i": 31}  # fmt: skip
    assert parse_yaml(text) == expected


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (parse_json, '{"std": NaN}'),
        (parse_json, '{"std": -Infinity}'),
        (parse_json, '{"std": 1e999}'),
        (parse_yaml, "std: .nan"),
        (parse_yaml, "std: -.inf"),
    ],
)
def test_what_is_not_finite_gets_through_to_its_argument(parse: Parse, text: str) -> None:
    """Whoever reads the argument refuses it by its name."""
    value = parse(text)["std"]
    assert isinstance(value, float)
    assert value - value != 0


JSON_REFUSED = [
    ("", "the document is not JSON: Expecting value at line 1, column 1"),
    ("{", "is not JSON: Expecting property name enclosed in double quotes at line 1, column 2"),
    ('{"a": 1,\n "b": }', "at line 2, column 7"),
    ('{"a": 1, "a": 2}', "the document says the key 'a' twice"),
    ('{"x": {"seed": 1, "std": 2, "seed": 1}}', "says the key 'seed' twice"),
    ("{'a': 1}", "is not JSON"),
    ('{"a": 1} {"b": 2}', "is not JSON: Extra data at line 1, column 10"),
    ("[" * 40 + "]" * 40, "is nested too deeply; accepted: 32 levels or fewer"),
    ("[" * 200_000, "is nested too deeply"),
    ('{"a":' * 200_000, "is nested too deeply"),
    ('{"a": ' + "9" * 5000 + "}", "the document holds an integer that is too long"),
    (b'{"a": "\xff"}', "the document is not UTF-8: invalid start byte at byte 7"),
    ('{"a": 1}'.encode("utf-16"), "is not UTF-8"),
]
YAML_REFUSED = [
    ("a: [1, 2", "the document is not YAML: "),
    ("a: 1\n  b: 2", "is not YAML: mapping values are not allowed here at line 2, column 4"),
    ("a: 1\na: 2", 'is not YAML: found duplicate key "a"'),
    ("a: &x 1\nb: *x", "has an alias (*x) at line 2; accepted: YAML without aliases"),
    ("a: &x [*x]", "has an alias (*x) at line 1"),
    ("a: &x {b: 1}\nc:\n  <<: *x", "has a merge key (<<) at line 3"),
    ("a: 2024-01-01", "the value datetime.date(2024, 1, 1) is read as a date; accepted: a string"),
    ("a: 2001-12-14t21:59:43.10-05:00", "is read as a"),
    ("a: !!binary aGVsbG8=", "has a tag (tag:yaml.org,2002:binary) at line 1"),
    ("a: !!set {x}", "has a tag (tag:yaml.org,2002:set) at line 1"),
    ("a: !!python/object/apply:os.system [ls]", "has a tag (tag:yaml.org,2002:python/object"),
    ("a: 1\nb: !!int '42'", "has a tag (tag:yaml.org,2002:int) at line 2"),
    ("seed: !!int ''", "has a tag"),
    ('seed: "\\UFFFFFFFF"', "is not YAML"),
    (
        "<<: {seed: 1}\nseed: 2",
        "has a merge key (<<) at line 1; accepted: YAML 1.2, which has none",
    ),
    ("seed: 1_000", "has a number with an underscore ('1_000') at line 1"),
    ("a: !custom 1", "has a tag (!custom) at line 1; accepted: YAML without tags"),
    ("%YAML 1.1\n---\na: yes", "has a directive (%) before it; accepted: YAML 1.2 without"),
    ("%TAG ! tag:example.com,2000:\n---\na: 1", "has a directive (%) before it"),
    ("1: a", "the key 1 is not a string; accepted: keys in quotes"),
    ("true: a", "the key True is not a string"),
    ("? [a]\n: 1", "the key ['a'] is not a string"),
    ("a: 1\n---\nb: 2", "is not YAML: but found another document"),
    ("[" * 40 + "]" * 40, "is nested too deeply; accepted: 32 levels or fewer"),
    ("[" * 5000, "is nested too deeply"),
    ("[" * 40 + "\x01", "is not YAML"),
    ("a: " + "[" * 40 + " !!tag 1", "is nested too deeply"),
    ("- " * 5000, "is nested too deeply"),
    ("a: " + "9" * 5000, "the document holds an integer that is too long"),
    ("a: \x00", "the document is not YAML: unacceptable character #x0000"),
    ("\ta: 1", "is not YAML: found character '\\t' that cannot start any token at line 1"),
    (b"a: \xff", "the document is not UTF-8: invalid start byte at byte 3"),
]


@pytest.mark.parametrize(("text", "message"), JSON_REFUSED, ids=lambda item: repr(item[:40]))
def test_refused_json(text: Any, message: str) -> None:
    """What is no JSON of ours is refused, with the place where that can be said."""
    with pytest.raises(SyntaxSpecError, match=re.escape(message)):
        parse_json(text)


@pytest.mark.parametrize(("text", "message"), YAML_REFUSED, ids=lambda item: repr(item[:40]))
def test_refused_yaml(text: Any, message: str) -> None:
    """What is no YAML of ours is refused, with the place where that can be said."""
    with pytest.raises(SyntaxSpecError, match=re.escape(message)):
        parse_yaml(text)


@PARSERS
def test_messages_are_of_bounded_length(parse: Parse) -> None:
    """A key of a megabyte does not come back in the message."""
    key = "k" * 1_000_000
    with pytest.raises(SyntaxSpecError) as caught:
        parse(f'{{"{key}": 1, "{key}": 2}}')
    assert len(str(caught.value)) < 1000


@PARSERS
def test_thirty_two_levels_are_read(parse: Parse) -> None:
    """The deepest accepted document is read."""
    document = parse("[" * 33 + "]" * 33)
    for _ in range(32):
        (document,) = document
    assert document == []
