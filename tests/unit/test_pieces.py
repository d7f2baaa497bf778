"""Pieces: all that a part of a file depends on, in every process."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.specs import file_of, linear, parameter
from weightbank import PreparedTensors, ReferenceBackend
from weightbank.distributions import Constant
from weightbank.dtypes import DTYPES, FLOATING_NAMES
from weightbank.generation import Generator
from weightbank.pieces import Piece, fill_pieces

LAYERS = (
    linear("fc", 17, 13),
    parameter([9, 11], {"type": "trunc_normal", "a": -1, "b": 0.5}, "truncated"),
    parameter([8, 6], "orthogonal", "orthogonal"),
    parameter([12, 7], {"type": "sparse", "sparsity": 0.3}, "sparse"),
    parameter([4, 4, 3], "dirac", "dirac"),
    parameter([31], "ones", "ones"),
    {"name": "bn", "type": "BatchNorm1d", "num_features": 5},
    {"name": "e", "type": "Embedding", "num_embeddings": 6, "embedding_dim": 3, "padding_idx": 2},
    parameter([9, 11], {"type": "tie", "to": "truncated"}, "tied"),
)
FILES = {name: file_of(*LAYERS, seed=3, dtype=name) for name in FLOATING_NAMES}


@pytest.mark.parametrize("name", FLOATING_NAMES)
@given(data=st.data())
def test_pieces_that_travelled_give_the_same_bytes(name: str, data: st.DataObject) -> None:
    """Of any range, though whoever makes them has never seen the spec."""
    file = FILES[name]
    start = data.draw(st.integers(0, file.size_bytes))
    stop = data.draw(st.integers(start, file.size_bytes))
    pieces = pickle.loads(pickle.dumps(list(file.pieces(start, stop))))
    buffer = bytearray(stop - start)
    fill_pieces(pieces, buffer, Generator(ReferenceBackend(), PreparedTensors()))
    assert buffer == file.read(start, stop)


def test_a_piece_says_which_elements_it_touches() -> None:
    """Those that its first and last byte belong to included."""
    values = Constant(0.0)
    assert Piece(values, DTYPES["float32"], offset=3, size_bytes=6).elements == (0, 3)
    assert Piece(values, DTYPES["float32"], offset=4, size_bytes=4).elements == (1, 2)
    assert Piece(values, DTYPES["float16"], offset=7, size_bytes=1).elements == (3, 4)


def test_what_is_made_whole_is_joined_only_where_it_is_touched() -> None:
    """A place in the flight of each matrix, which the caller leaves."""
    file = FILES["float32"]
    index = {tensor.name: at for at, tensor in enumerate(file.layout.tensors)}
    for name in ("orthogonal", "sparse"):
        start = file.layout.starts[index[name]]
        (flight,) = file.wholes(start + 5, start + 6)
        while flight.step():
            pass
        assert flight.done
        flight.leave()
    start = file.layout.starts[index["truncated"]]
    assert file.wholes(start, start + 10) == []
    flights = file.wholes(0, file.size_bytes)
    assert len(flights) == 2
    for flight in flights:
        flight.leave()
