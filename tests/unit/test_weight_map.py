"""Indices of checkpoints in several files: what is read, and what is refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weightbank.errors import InvalidCheckpointError
from weightbank.limits import Limits
from weightbank.stored_header import StoredHeader, parse_header
from weightbank.weight_map import WeightMap, parse_weight_map

ONE, TWO = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"


def index_of(file_of: Any, **others: Any) -> WeightMap:
    """Read an index."""
    return parse_weight_map(json.dumps({"weight_map": file_of, **others}).encode("utf-8"))


def header_of(*names: str) -> StoredHeader:
    """Return the header of a file with tensors of one byte."""
    document = {
        name: {"dtype": "U8", "shape": [1], "data_offsets": [at, at + 1]}
        for at, name in enumerate(names)
    }
    text = json.dumps(document).encode("utf-8")
    prefix = len(text).to_bytes(8, "little") + text
    return parse_header(prefix, file_bytes=len(prefix) + len(names))


def test_reads_an_index() -> None:
    """Tensors, and the files in order and each once, are read."""
    index = index_of({"c": TWO, "a": ONE, "b": TWO}, metadata={"total_size": 3})
    assert index.file_of == {"c": TWO, "a": ONE, "b": TWO}
    assert index.files == (ONE, TWO)


@pytest.mark.parametrize("metadata", [None, {}, [], {"total_size": 1.5}, {"total_size": True}])
def test_a_total_may_be_missing(metadata: Any) -> None:
    """What no index needs may be missing, or of another kind."""
    assert index_of({"a": ONE}, metadata=metadata).file_of == {"a": ONE}


@pytest.mark.parametrize(
    "file",
    [
        "../model.safetensors",
        "/etc/model.safetensors",
        "shards/model.safetensors",
        "shards\\model.safetensors",
        "..safetensors",
        "a..safetensors",
        ".safetensors",
        ".hidden.safetensors",
        "model.bin",
        "model.safetensors.exe",
        "model.safetensors\n",
        "model\0.safetensors",
        "C:model.safetensors",
        "m%2F.safetensors",
        "mödel.safetensors",
        "m" * 244 + ".safetensors",
        "",
        None,
        7,
        ["model.safetensors"],
    ],
)
def test_refuses_what_is_no_plain_file(file: Any) -> None:
    """No name leads out of the repository's directory, or to anything but tensors."""
    with pytest.raises(InvalidCheckpointError, match=r"^fc .*no file beside the index"):
        index_of({"fc": file})


@pytest.mark.parametrize("file", ["a.safetensors", "m.fp16-00001-of-00002.safetensors"])
def test_takes_the_names_that_there_are(file: str) -> None:
    """Names as the usual tools write them are taken."""
    assert index_of({"fc": file}).files == (file,)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (b"[]", "begins no JSON object"),
        (b"{}", "weight_map None maps nothing"),
        (b'{"weight_map":{}}', "maps nothing"),
        (b'{"weight_map":["a"]}', "maps nothing"),
        (b'{"weight_map":{"a":"a.safetensors","a":"b.safetensors"}}', "says the key 'a' twice"),
        (b'{"weight_map":{"":"a.safetensors"}}', "is empty"),
        (b'{"weight_map":{"__metadata__":"a.safetensors"}}', "is reserved"),
        (b'{"weight_map":{"a\\u0000":"a.safetensors"}}', "control character"),
    ],
)
def test_refuses_what_is_no_index(text: bytes, match: str) -> None:
    """Other documents, keys that stand twice and names of no tensor are refused."""
    with pytest.raises(InvalidCheckpointError, match=match):
        parse_weight_map(text)


def test_bounds() -> None:
    """Too many tensors, files and values are refused."""
    many = json.dumps({"weight_map": {f"t{at}": f"f{at}.safetensors" for at in range(2001)}})
    with pytest.raises(InvalidCheckpointError, match="2001 files are too many"):
        parse_weight_map(many.encode())
    with pytest.raises(InvalidCheckpointError, match="2001 tensors are too many"):
        parse_weight_map(many.encode(), limits=Limits(tensors=2000))
    with pytest.raises(InvalidCheckpointError, match="values or more are too many"):
        parse_weight_map(b'{"weight_map":[' + b"[]," * 200_000 + b"[]]}")


def test_files_that_agree() -> None:
    """Files with the tensors of the index pass, whatever their total is said to be."""
    index = index_of({"a": ONE, "b": TWO}, metadata={"total_size": 12345})
    index.check({f"sub/{ONE}": header_of("a"), f"sub/{TWO}": header_of("b")})


def test_a_tensor_of_no_index_may_be_in_one_file() -> None:
    """A tensor that the index leaves out is no contradiction, unless it is there twice."""
    index = index_of({"a": ONE, "b": TWO})
    index.check({ONE: header_of("a", "c"), TWO: header_of("b")})
    with pytest.raises(InvalidCheckpointError, match=f"{TWO} 'c' is in {ONE} as well"):
        index.check({ONE: header_of("a", "c"), TWO: header_of("b", "c")})


def test_refuses_files_that_do_not_agree() -> None:
    """A tensor that is missing from its file, or also in another one, is named."""
    index = index_of({"a": ONE, "b": TWO})
    with pytest.raises(InvalidCheckpointError, match=f"{TWO} 'b' is not in this file"):
        index.check({ONE: header_of("a"), TWO: header_of("x")})
    with pytest.raises(InvalidCheckpointError, match=f"{TWO} 'a' is in {ONE} as well"):
        index.check({ONE: header_of("a"), TWO: header_of("a", "b")})


@given(st.binary(max_size=40) | st.text(max_size=40).map(lambda text: text.encode("utf-8")))
def test_noise_is_refused(text: bytes) -> None:
    """Whatever is no index raises nothing but our error, in a map or alone."""
    for document in (
        text,
        b'{"weight_map":' + text + b"}",
        b'{"weight_map":{"a":"' + text + b'"}}',
    ):
        try:
            index = parse_weight_map(document)
        except InvalidCheckpointError:
            continue
        assert all(file.endswith(".safetensors") for file in index.files)
