"""Pickles refused for what they would call, by name, without being run."""

import io
import os
import pickle
import struct
from typing import Any

import pytest

from services.conversion.opcodes import PICKLE_BYTES, check_opcodes
from services.conversion.refusal import Refusal


class _Calling:
    """Pickled as a call."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self._call = function, arguments

    def __reduce__(self) -> Any:
        return self._call


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_call_is_refused_by_its_name_in_every_protocol(protocol: int) -> None:
    """Whatever way the pickle has of saying it."""
    pickled = pickle.dumps({"weight": _Calling(os.system, "true")}, protocol)
    with pytest.raises(Refusal) as caught:
        check_opcodes(io.BytesIO(pickled))
    assert (caught.value.kind, caught.value.value) == ("code", "posix.system")


@pytest.mark.parametrize(
    ("pickled", "name"),
    [
        (b"(S'true'\nios\nsystem\n.", "os.system"),
        (b"\x80\x02c__builtin__\neval\n.", "builtins.eval"),
        (b"\x80\x02ctorch.hub\nload\n.", "torch.hub.load"),
        (b"\x80\x02ctorch\nload\n.", "torch.load"),
        (b"\x80\x02ctorch\nFloatStorage.__init__\n.", "torch.FloatStorage.__init__"),
        (b"\x80\x02\x82\x07.", "copyreg extension 7"),
        # The name is put aside, and taken from there.
        (b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94h\x00h\x01\x93.", "os.system"),
    ],
)
def test_other_ways_to_call_are_refused(pickled: bytes, name: str) -> None:
    """By Python 3's names."""
    with pytest.raises(Refusal) as caught:
        check_opcodes(io.BytesIO(pickled))
    assert (caught.value.kind, caught.value.value) == ("code", name)


@pytest.mark.parametrize(
    "called",
    [
        "collections\nOrderedDict",
        "torch._utils\n_rebuild_tensor_v2",
        "torch\nBFloat16Storage",
        "torch\nfloat8_e4m3fn",
        "torch.nn.parameter\nParameter",
        "__builtin__\nset",
    ],
)
def test_what_state_dicts_call_is_let_pass(called: str) -> None:
    """Also under the names of Python 2, which protocol 2 has."""
    check_opcodes(io.BytesIO(b"\x80\x02c" + called.encode("ascii") + b"\n."))


def test_one_pickle_is_read_of_several() -> None:
    """The file stands at the next one."""
    file = io.BytesIO(pickle.dumps(1, 2) + pickle.dumps(2, 2))
    check_opcodes(file)
    assert pickle.load(file) == 2


@pytest.mark.parametrize(
    "pickled",
    [b"", b"\x80\x02]", b"\xff\xff", b"\x80\x04)h\x00)h\x00\x93.", b"\x80\x02X\xff\xff\xff\x7fa"],
)
def test_what_is_no_pickle_is_a_value_error(pickled: bytes) -> None:
    """And takes no memory for what it only announces."""
    with pytest.raises(ValueError, match=r"."):
        check_opcodes(io.BytesIO(pickled))


def test_a_huge_pickle_is_refused() -> None:
    """Before all of it is read."""
    text = struct.pack("<I", PICKLE_BYTES) + bytes(PICKLE_BYTES)
    with pytest.raises(Refusal, match="unwieldy"):
        check_opcodes(io.BytesIO(b"\x80\x02X" + text + b"."))
