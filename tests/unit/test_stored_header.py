"""Headers that somebody else wrote: what is read, and what is refused by name."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weightbank.dtypes import DTYPES, STORED_DTYPES
from weightbank.errors import InvalidCheckpointError
from weightbank.limits import Limits
from weightbank.stored_header import (
    HEADER_BYTES,
    StoredHeader,
    header_length,
    parse_header,
)

BITS = {dtype.code: 8 * dtype.item_bytes for dtype in STORED_DTYPES.values()} | {
    "F4": 4,
    "F6_E2M3": 6,
    "F6_E3M2": 6,
}


def file_of(header: Any, data_bytes: int = 0) -> bytes:
    """Return a file with a header: a document, or text as it is."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode("utf-8")
    return len(text).to_bytes(8, "little") + text + bytes(data_bytes)


def entry(shape: list[int], start: int, stop: int, dtype: str = "U8") -> dict[str, Any]:
    """Return what a header says of a tensor."""
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, stop]}


def parse(file: bytes, **options: Any) -> StoredHeader:
    """Read the header of a whole file."""
    return parse_header(file, file_bytes=len(file), **options)


def refuse(header: Any, data_bytes: int, match: str, **options: Any) -> None:
    """Expect a refusal that says what is wrong."""
    with pytest.raises(InvalidCheckpointError, match=match) as caught:
        parse(file_of(header, data_bytes), **options)
    assert caught.value.code == "invalid_checkpoint"


def test_reads_what_the_library_writes() -> None:
    """A file that safetensors saved is read as it was meant."""
    import torch
    from safetensors.torch import save

    tensors = {
        "w": torch.zeros(2, 3, dtype=torch.bfloat16),
        "b": torch.zeros(3, dtype=torch.float64),
        "empty": torch.zeros(0, 4),
        "n": torch.tensor(7),
    }
    file = save(tensors, metadata={"format": "pt"})
    header = parse(file)
    assert header.metadata == {"format": "pt"}
    assert header.header_bytes == header_length(file, file_bytes=len(file))
    assert {name: stored.shape for name, stored in header.tensors.items()} == {
        name: tuple(tensor.shape) for name, tensor in tensors.items()
    }
    stored = header.tensors["n"]
    assert stored.dtype is DTYPES["int64"]
    assert file[stored.start : stored.start + stored.size_bytes] == (7).to_bytes(8, "little")


def test_tensors_stand_in_the_order_of_their_data() -> None:
    """Names in the header may be in any order; starts count from the file's beginning."""
    document = {"b": entry([3], 2, 5), "a": entry([2], 0, 2), "c": entry([0, 9], 2, 2)}
    header = parse(file_of(document, 5))
    assert list(header.tensors) == ["a", "c", "b"]
    assert [stored.start - header.header_bytes for stored in header.tensors.values()] == [0, 2, 2]


@pytest.mark.parametrize("code", BITS)
def test_every_dtype_of_the_library(code: str) -> None:
    """Four elements of any dtype are read; those below a byte are none of ours."""
    size_bytes = 4 * BITS[code] // 8
    file = file_of({"x": entry([4], 0, size_bytes, code)}, size_bytes)
    stored = parse(file).tensors["x"]
    assert stored.code == code
    assert (stored.dtype is None) == (BITS[code] < 8)
    assert loads(file)


def loads(file: bytes) -> bool:
    """Return whether the safetensors library takes a file."""
    import safetensors

    try:
        safetensors.deserialize(file)
    except safetensors.SafetensorError:
        return False
    return True


NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8)
SHAPES = st.lists(st.integers(0, 4), max_size=4)


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """Valid files: any names, dtypes and shapes, in any order of their data."""
    document: dict[str, Any] = {}
    if draw(st.booleans()):
        document["__metadata__"] = draw(st.dictionaries(NAMES, NAMES, max_size=2))
    end = 0
    for name in draw(st.lists(NAMES.filter(lambda n: n != "__metadata__"), unique=True)):
        code, shape = draw(st.sampled_from(sorted(BITS))), draw(SHAPES)
        bits = BITS[code]
        for size in shape:
            bits *= size
        if bits % 8:
            code, bits = "U8", bits // BITS[code] * 8
        document[name] = entry(shape, end, end + bits // 8, code)
        end += bits // 8
    items = draw(st.permutations(list(document.items())))
    text = json.dumps(dict(items), ensure_ascii=draw(st.booleans())).encode("utf-8")
    return file_of(text + b" " * draw(st.integers(0, 8)), end)


@given(files())
def test_what_is_accepted_is_loaded(file: bytes) -> None:
    """Valid files are accepted here and there, and mean the same."""
    import safetensors

    found = {
        name: (value["dtype"], tuple(value["shape"]), len(value["data"]))
        for name, value in safetensors.deserialize(file)
    }
    stored = parse(file).tensors
    assert set(stored) == set(found)
    for name, (_, shape, size_bytes) in found.items():
        assert (stored[name].shape, stored[name].size_bytes) == (shape, size_bytes)


@given(files(), st.data())
def test_changed_files_are_refused_or_load(file: bytes, data: st.DataObject) -> None:
    """Whatever bytes change, nothing but our error is raised; what passes loads there too."""
    changed = bytearray(file)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(changed) - 1))
        how = data.draw(st.sampled_from(["set", "insert", "delete"]))
        stretch = data.draw(
            st.sampled_from([b"", b"0", b"-", b'"', b"[", b"}", b",", b"\xff", b"9" * 9])
        )
        changed[at : at + (how != "insert")] = b"" if how == "delete" else stretch
        if not changed:
            break
    try:
        parse(bytes(changed))
    except InvalidCheckpointError:
        return
    assert loads(bytes(changed))


@given(st.binary(max_size=64), st.integers(0, 2**63), st.booleans())
def test_random_bytes_are_refused(text: bytes, file_bytes: int, is_framed: bool) -> None:  # noqa: FBT001 - drawn
    """Noise, with a right length before it or not, raises nothing but our error."""
    file = len(text).to_bytes(8, "little") + text if is_framed else text
    size = len(file) if is_framed else file_bytes
    try:
        header = parse_header(file, file_bytes=size)
    except InvalidCheckpointError:
        return
    assert not header.tensors


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=2),
    max_leaves=4,
)


@given(
    st.dictionaries(
        NAMES,
        JSON
        | st.fixed_dictionaries(
            {"dtype": st.sampled_from(["F32", "F4"]) | JSON, "shape": JSON, "data_offsets": JSON}
        ),
    )
)
def test_any_json_is_refused_or_loads(document: dict[str, Any]) -> None:
    """An object of anything raises nothing but our error; what passes loads there too."""
    file = file_of(document)
    try:
        parse(file)
    except InvalidCheckpointError:
        return
    assert loads(file)


def test_length_beyond_everything() -> None:
    """A header of 2 GiB is refused from its first eight bytes, whatever the file's size."""
    prefix = (2**31).to_bytes(8, "little")
    with pytest.raises(InvalidCheckpointError, match=f"{HEADER_BYTES} or fewer"):
        header_length(prefix, file_bytes=2**40)
    with pytest.raises(InvalidCheckpointError, match="100 or fewer"):
        header_length((101).to_bytes(8, "little"), file_bytes=2**40, limit_bytes=100)
    with pytest.raises(InvalidCheckpointError, match="the file has 50 bytes"):
        header_length((100).to_bytes(8, "little"), file_bytes=50)
    with pytest.raises(InvalidCheckpointError, match="of which 3 came"):
        header_length(b"abc", file_bytes=50)


def test_a_header_that_has_not_come() -> None:
    """The header has to be there whole."""
    file = file_of({"a": entry([1], 0, 1)}, 1)
    with pytest.raises(InvalidCheckpointError, match="are all of it that came"):
        parse_header(file[:20], file_bytes=len(file))


@pytest.mark.parametrize(
    ("document", "match"),
    [
        ({"a": entry([2], 0, 2), "b": entry([2], 1, 3)}, r"^b: data_offsets .* overlaps"),
        ({"a": entry([2], 0, 2), "b": entry([2], 0, 2)}, r"^b: data_offsets .* overlaps"),
        ({"a": entry([1], 0, 1), "b": entry([1], 2, 3)}, r"^b: data_offsets .* gap: 1 is free"),
        ({"a": entry([2], 1, 3)}, r"^a: data_offsets .* gap: 0 is free"),
        ({"a": entry([2], 0, 2)}, r"^header ends its tensors at byte 2 .* there are 3"),
        ({"a": entry([4], 0, 4)}, r"^header ends its tensors at byte 4 .* there are 3"),
        ({}, r"^header ends its tensors at byte 0"),
        ({"a": entry([2], 0, 3)}, r"^a: data_offsets \[0, 3\] are 3 bytes.*accepted: 2 bytes"),
        ({"a": entry([1], 3, 0)}, r"^a: data_offsets .* no interval"),
        ({"a": entry([3, 2], 0, 3, "F4")} | {}, None),
        ({"a": entry([3], 0, 3, "F4")}, r"accepted: 1\.5 bytes"),
        ({"a": entry([3], 0, 3, "F7")}, r"^a: dtype 'F7' is unknown"),
        ({"a": entry([3], 0, 3) | {"dtype": 3}}, r"^a: dtype 3 is unknown"),
        ({"a": entry([3], 0, 3) | {"dtype": []}}, r"^a: dtype \[\] is unknown"),
        ({"a": entry([2**40, 2**40], 0, 3)}, r"^a: shape .* is too large"),
        ({"a": entry([2**63, 2**63, 0], 0, 0)}, r"^a: shape .* is too large"),
        ({"a": entry([1] * 65, 0, 1)}, r"^a: shape .* is no shape"),
        ({"a": entry([3], 0, 3) | {"shape": [3.0]}}, r"^a: shape \[3\.0\]"),
        ({"a": entry([3], 0, 3) | {"shape": [True, 3]}}, r"^a: shape \[True, 3\]"),
        ({"a": entry([3], 0, 3) | {"shape": 3}}, r"^a: shape 3"),
        ({"a": entry([-3], 0, 3)}, r"'-3' is a number of nothing"),
        ({"a": entry([10**30], 0, 3)}, r"is a number of nothing"),
        ({"a": entry([3], 0, 3) | {"data_offsets": [0, 3, 3]}}, r"^a: data_offsets"),
        ({"a": entry([3], 0, 3) | {"more": 1}}, r"^a .* is no tensor"),
        ({"a": {"dtype": "U8", "shape": [3]}}, r"^a .* is no tensor"),
        ({"a": [3]}, r"^a \[3\] is no tensor"),
        ({"": entry([3], 0, 3)}, r"name of a tensor '' is empty"),
        ({"a\nb": entry([3], 0, 3)}, r"holds a control character"),
        ({"\ud800": entry([3], 0, 3)}, r"is not Unicode text"),
        ({"a" * 513: entry([3], 0, 3)}, r"has 513 bytes"),
        ({"__metadata__": {"a": 1}, "a": entry([3], 0, 3)}, r"__metadata__\.a 1 is not a string"),
        ({"__metadata__": [], "a": entry([3], 0, 3)}, r"__metadata__ \[\] is not a mapping"),
        ({"__metadata__": {"a": "\ud800"}, "a": entry([3], 0, 3)}, r"half a character"),
    ],
)
def test_refuses_by_name(document: dict[str, Any], match: str | None) -> None:
    """The message names the tensor and what is wrong with it; three bytes of data."""
    if match is None:
        assert parse(file_of(document, 3)).tensors
    else:
        refuse(document, 3, match)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (b'{"a":1,"a":2}', "says the key 'a' twice"),
        (b'{"a":{"dtype":"U8","dtype":"U8"}}', "says the key 'dtype' twice"),
        (b" {}", "begins no JSON object"),
        (b"\xef\xbb\xbf{}", "begins no JSON object"),
        (b"", "begins no JSON object"),
        (b"{}\0", "is not JSON"),
        (b'{"a":NaN}', "'NaN' is no number"),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
        (b'{"\xff":1}', "is not UTF-8"),
        (b'{"a":' + b"1" * 5000 + b"}", "is a number of nothing"),
    ],
)
def test_refuses_what_is_no_header(text: bytes, match: str) -> None:
    """Text that is no object, or means two things, is refused."""
    refuse(text, 0, match)


def test_bounds_on_tensors_and_values() -> None:
    """Too many tensors are refused, and what would need much more memory than text."""
    document = {name: entry([0], 0, 0) for name in "abc"}
    refuse(document, 0, "header 3 tensors are too many", limits=Limits(tensors=2))
    refuse(b'{"a":[' + b"[]," * 2_000_000 + b"[]]}", 0, "values or more are too many")


def test_metadata_may_be_null_or_missing() -> None:
    """The library writes no metadata, or reads none out of a null."""
    for document in ({}, {"__metadata__": None}):
        file = file_of(document)
        assert parse(file).metadata == {}
        assert loads(file)
