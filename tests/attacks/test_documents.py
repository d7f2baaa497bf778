"""Specs that are bombs: deep, wide, endless, or written to run something."""

import json
from typing import Any

import pytest

from tests.attacks.wire import CLOSE, Answer, only, send

JSON, YAML = b"application/json", b"application/yaml"
LINEAR = {"name": "fc", "type": "Linear", "in_features": 2, "out_features": 1}


def post(victim: Any, body: bytes, media_type: bytes) -> Answer:
    """The answer to a spec that is only checked."""
    head = (
        b"POST /v1/specs?dry_run=true HTTP/1.1\r\nHost: here\r\nContent-Type: %s\r\n"
        b"Content-Length: %d\r\n" % (media_type, len(body))
    )
    return only(send(victim, head + CLOSE + body))


LAUGHS = "a0: &a0 [ha, ha]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)

BOMBS: dict[str, tuple[bytes, bytes]] = {
    "deep lists": (b"[" * 500_000, JSON),
    "deep lists that end": (b"[" * 250_000 + b"]" * 250_000, JSON),
    "deep objects": (b'{"a":' * 150_000, JSON),
    "deep lists in a layer": (b'{"layers": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", JSON),
    "a number of many digits": (b'{"seed": ' + b"9" * 900_000 + b"}", JSON),
    "a fraction of many digits": (b'{"seed": 0.' + b"9" * 900_000 + b"}", JSON),
    "a number beyond all others": (b'{"layers": [], "seed": 1e999999999}', JSON),
    "many equal keys": (b"{" + b'"seed": 1,' * 90_000 + b'"seed": 1}', JSON),
    "many keys": (json.dumps({f"k{n}": n for n in range(80_000)}).encode(), JSON),
    "a long text": (b'"' + b"a" * 1_000_000 + b'"', JSON),
    "a long key": (b'{"' + b"a" * 1_000_000 + b'": 1}', JSON),
    "half a surrogate as a key": (b'{"\\ud800": 1, "layers": []}', JSON),
    "zeros": (bytes(1_000_000), JSON),
    "text in UTF-16": ('{"layers": []}'.encode("utf-16"), JSON),
    "commas": (b"[" + b"," * 1_000_000 + b"]", JSON),
    "a prototype": (b'{"__proto__": {"admin": true}, "constructor": {}, "layers": []}', JSON),
    "a billion laughs": (LAUGHS.encode(), YAML),
    "an alias of itself": (b"layers: &a [*a]", YAML),
    "a merge": (b"a: &a {seed: 1}\n<<: *a\nlayers: []", YAML),
    "deep flow": (b"[" * 200_000, YAML),
    "deep flow of mappings": (b"{a: " * 20_000, YAML),
    "deep blocks": (b"\n".join(b" " * n + b"- " * 2 + b"a:" for n in range(600)), YAML),
    "deep lists on a line": (b"- " * 100_000 + b"a", YAML),
    "a call": (b"!!python/object/apply:os.system ['id']", YAML),
    "a call within": (b"layers: !!python/object/new:subprocess.Popen [[id]]", YAML),
    "a tag": (b"layers: !<tag:example,2026:x> []", YAML),
    "many documents": (b"---\nlayers: []\n" * 10_000, YAML),
    "many keys of YAML": (b"".join(b"k%d: 1\n" % n for n in range(5_000)), YAML),
    "many anchors": (b"".join(b"- &a%d x\n" % n for n in range(5_000)), YAML),
    "a number of many digits of YAML": (b"layers: []\nseed: " + b"9" * 200_000, YAML),
    "a number in sixties": (b"layers: []\nseed: " + b"59:" * 60_000 + b"1", YAML),
    "a long line": (b"layers: []\nx: " + b"a " * 30_000, YAML),
    "quotes without end": (b'layers: "' + b"\\x41" * 50_000, YAML),
    "a folded text": (b"layers: >\n" + b"  a\n\n" * 10_000, YAML),
    "questions": (b"? " * 100_000, YAML),
    "tabs": (b"\t" * 200_000, YAML),
    "percent signs": (b"%YAML 9.9\n---\nlayers: []", YAML),
}


@pytest.mark.parametrize(("body", "media_type"), BOMBS.values(), ids=BOMBS)
def test_a_bomb_is_refused(victim: Any, body: bytes, media_type: bytes) -> None:
    """As what it is: no text of its kind, or no spec. The answer is short."""
    answer = post(victim, body, media_type)
    assert answer.status in {413, 422}, answer.body[:300]
    assert answer.problem()["code"] in {
        *("invalid_syntax", "invalid_spec", "invalid_argument", "invalid_seed"),
        *("unknown_key", "limit_exceeded", "body_too_large"),
    }
    assert len(answer.body) < 5000


SPECS: dict[str, dict[str, Any]] = {
    "a long name": {"layers": [{**LINEAR, "name": "a" * 500_000}]},
    "a name with a zero": {"layers": [{**LINEAR, "name": "a\0b"}]},
    "a name with a line feed": {"layers": [{**LINEAR, "name": "a\nb"}]},
    "a name that is half a surrogate": {"layers": [{**LINEAR, "name": "\ud800"}]},
    "a name of metadata": {"layers": [{**LINEAR, "name": "__metadata__"}]},
    "a type that is a path": {"layers": [{**LINEAR, "type": "../../etc/passwd"}]},
    "a type that is a method": {"layers": [{**LINEAR, "type": "__class__"}]},
    "a size of many digits": {"layers": [{**LINEAR, "in_features": 10**4000}]},
    "sizes that multiply": {"layers": [{**LINEAR, "in_features": 2**62, "out_features": 2**62}]},
    "a shape of many dimensions": {
        "layers": [{"name": "p", "type": "Parameter", "shape": [1] * 100_000, "init": "zeros"}]
    },
    "a whole tensor that is huge": {
        "layers": [{**LINEAR, "in_features": 2**20, "out_features": 2**20, "init": "orthogonal"}]
    },
    "a split of many parts": {
        "layers": [{**LINEAR, "split": {"axis": 0, "sizes": [1] * 100_000}}],
    },
    "a repetition of repetitions": {
        "layers": [LINEAR],
        "rules": [["((((a{1000}){1000}){1000}){1000}){1000}", "zeros"]],
    },
    "a large class": {"layers": [LINEAR], "rules": [["(\\pL|\\pN)*" * 200 + "x", "zeros"]]},
    "groups without number": {"layers": [LINEAR], "rules": [["(" * 2000 + ")" * 2000, "zeros"]]},
    "a pattern that looks back": {"layers": [LINEAR], "rules": [["(a+)+(?=b)\\1$", "zeros"]]},
    "patterns without number": {
        "layers": [LINEAR],
        "rules": [[f"x{number}", "zeros"] for number in range(20_000)],
    },
    "a tie to itself": {
        "layers": [LINEAR],
        "rules": [["fc.weight", {"type": "tie", "to": "fc.weight"}], [".*", "zeros"]],
    },
}


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_a_spec_that_is_too_much_is_refused(victim: Any, spec: dict[str, Any]) -> None:
    """Before anything is made of it, and in few words."""
    answer = post(victim, json.dumps(spec).encode(), JSON)
    assert answer.status == 422, answer.body[:300]
    assert answer.problem()["code"] != "internal"
    assert len(answer.body) < 5000


@pytest.mark.parametrize(
    "pattern",
    [
        "(a%2B)%2B$",
        "(.*)*" * 50,
        "((((a{1000}){1000}){1000}){1000})",
        "(?=a)",
        "(a)%5C1",
        "(" * 500,
    ],
)
def test_a_pattern_of_a_checkpoint_s_is_bounded_too(victim: Any, pattern: str) -> None:
    """It is refused, or the Hub is asked: nothing is matched before."""
    head = f"GET /v1/checkpoints/a/b?include={pattern} HTTP/1.1\r\nHost: here\r\n".encode()
    answer = only(send(victim, head + CLOSE))
    assert answer.status in {404, 422, 504}
