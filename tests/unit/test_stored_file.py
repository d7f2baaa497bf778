"""Files with stored tensors in them: any part alone, and never complete before the hash."""

import itertools
import pickle
import threading
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load, save

from services.devices.portable import portable_pieces
from services.engine.device import UnsuitableError, Work
from tests.specs import file_of, linear, parameter
from tests.stored import Memory, MemoryReader, content, memory
from weightbank import (
    CpuBackend,
    Layout,
    PreparedTensors,
    ReferenceBackend,
    Spec,
    WeightsFile,
    resolve,
)
from weightbank.adaptations import InputChannels, PositionGrid, adapt_channels, resample_positions
from weightbank.backends import Backend
from weightbank.dtypes import DTYPES, FLOATING_NAMES, STORED_DTYPES
from weightbank.forms import PretrainedForm
from weightbank.pieces import Piece
from weightbank.resolved import ResolvedSpec, ResolvedTensor
from weightbank.stored_ranges import is_stored, stored_range

GENERATOR = torch.Generator().manual_seed(0)


def numbers(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Return a tensor of random normals."""
    return torch.randn(shape, generator=GENERATOR, dtype=torch.float64).to(dtype)


TENSORS = {
    "stem.weight": numbers(4, 3, 3, 3),
    "bn.weight": numbers(4, dtype=torch.float16),
    "bn.bias": numbers(4, dtype=torch.float64),
    "bn.running_mean": numbers(4),
    "bn.running_var": numbers(4).abs(),
    "bn.num_batches_tracked": torch.tensor(1234),
    "pos": numbers(1, 5, 6, dtype=torch.bfloat16),
    "tok.weight": numbers(7, 5),
    "wide.weight": numbers(9, 10),
    "draws.weight": numbers(3, 3),
}
CHECKPOINT = {"type": "pretrained", "repo": "owner/model"}
LAYERS: list[dict[str, Any]] = [
    {"name": "stem", "type": "Conv2d", "in_channels": 5, "out_channels": 4, "kernel_size": 3,
     "bias": False},
    {"name": "bn", "type": "BatchNorm2d", "num_features": 4},
    parameter([1, 10, 6], {**CHECKPOINT, "positions": "resample"}, "pos"),
    {"name": "tok", "type": "Embedding", "num_embeddings": 7, "embedding_dim": 5, "padding_idx": 1},
    linear("head", 5, 7, bias=False, init={"type": "tie", "to": "tok.weight"}),
    linear("wide", 6, 5, bias=False, init={"type": "slice_of", "repo": "owner/model"}),
    {"name": "draws", "type": "Embedding", "num_embeddings": 6, "embedding_dim": 4,
     "padding_idx": 2, "init": {"type": "moments_of", "repo": "owner/model"}},
    linear("fc", 6, 6, init="orthogonal"),
]  # fmt: skip
RULES = [["(stem|bn|tok)[.].*", {**CHECKPOINT, "input_channels": "adapt"}]]


def mixed(
    reader: MemoryReader | None = None,
    *,
    found: Memory | None = None,
    backend: Backend | None = None,
    prepared: PreparedTensors | None = None,
    dtype: str = "float32",
    seed: int = 3,
) -> WeightsFile:
    """Return a file in which everything is that a checkpoint can give, and a seeded head."""
    found = found or memory(TENSORS)
    spec = Spec.from_document({"layers": LAYERS, "rules": RULES, "dtype": dtype})
    layout = Layout.of(resolve(spec, checkpoints=found.checkpoints).resolved)
    return WeightsFile(
        layout,
        seed=seed,
        backend=backend or ReferenceBackend(),
        prepared=prepared,
        reader=reader or found.reader,
    )


def whole(file: WeightsFile) -> bytes:
    """Return all bytes of a file."""
    return bytes(file.read(0, file.size_bytes))


@pytest.mark.parametrize("dtype", FLOATING_NAMES)
def test_values_are_what_torch_makes_of_the_checkpoint(dtype: str) -> None:
    """Converted from what each is stored in; what is fitted is rounded at the end."""
    torch_dtype = getattr(torch, dtype)
    loaded = load(whole(mixed(dtype=dtype)))
    for name in ("bn.weight", "bn.bias", "bn.running_mean", "bn.running_var", "tok.weight"):
        assert content(loaded[name]) == content(TENSORS[name].to(torch_dtype))
    assert content(loaded["head.weight"]) == content(loaded["tok.weight"])
    assert loaded["bn.num_batches_tracked"].dtype == torch.int64
    assert loaded["bn.num_batches_tracked"].item() == 1234
    stem = adapt_channels(TENSORS["stem.weight"].double().numpy(), InputChannels(5))
    assert content(loaded["stem.weight"]) == content(torch.from_numpy(stem).to(torch_dtype))
    grid = PositionGrid((2, 2), (3, 3), 1)
    positions = resample_positions(TENSORS["pos"].double().numpy(), grid)
    assert content(loaded["pos"]) == content(torch.from_numpy(positions).to(torch_dtype))
    rows, columns = torch.tensor([0, 2, 4, 6, 8]), torch.tensor([0, 2, 4, 5, 7, 9])
    chosen = TENSORS["wide.weight"][rows][:, columns].to(torch_dtype)
    assert content(loaded["wide.weight"]) == content(chosen)


FILES = {dtype: mixed(dtype=dtype) for dtype in FLOATING_NAMES}
WHOLES = {dtype: whole(file) for dtype, file in FILES.items()}


@pytest.mark.parametrize("dtype", FLOATING_NAMES)
@given(cuts=st.lists(st.floats(0, 1), max_size=8))
def test_any_partition_concatenates_to_the_whole(dtype: str, cuts: list[float]) -> None:
    """Wherever it is cut, within elements too."""
    file, expected = FILES[dtype], WHOLES[dtype]
    ends = [0, *sorted(int(cut * file.size_bytes) for cut in cuts), file.size_bytes]
    parts = [bytes(file.read(start, stop)) for start, stop in itertools.pairwise(ends)]
    assert b"".join(parts) == expected


@pytest.mark.parametrize("dtype", FLOATING_NAMES)
def test_every_backend_gives_the_same_bytes(dtype: str) -> None:
    """What is drawn from a checkpoint's moments too."""
    assert whole(mixed(dtype=dtype, backend=CpuBackend())) == WHOLES[dtype]


def test_a_file_is_what_safetensors_would_save() -> None:
    """Whatever dtypes are in it."""
    assert save(load(WHOLES["bfloat16"]), metadata={"format": "pt"}) == WHOLES["bfloat16"]


def test_a_checkpoint_moves_no_other_tensor() -> None:
    """Seeded tensors have their bytes with and without pretrained ones beside them."""
    alone = load(whole(file_of(linear("fc", 6, 6, init="orthogonal"), seed=3)))
    mixed_in = load(WHOLES["float32"])
    assert content(alone["fc.weight"]) == content(mixed_in["fc.weight"])


def test_the_seed_moves_nothing_that_is_copied() -> None:
    """It moves what is drawn from moments."""
    one, other = load(WHOLES["float32"]), load(whole(mixed(seed=4)))
    changed = {name for name in one if content(one[name]) != content(other[name])}
    assert changed == {"fc.weight", "draws.weight"}


def test_moments_are_those_of_a_normal() -> None:
    """The tensor's own stream, scaled in float32, with its padding row zeroed."""
    drawn = load(WHOLES["float32"])["draws.weight"].numpy()
    values = TENSORS["draws.weight"].double().numpy()
    mean, std = np.float32(values.mean()), np.float32(values.std())
    normal = load(whole(file_of(parameter([6, 4], "normal", "draws.weight"), seed=3)))
    expected = normal["draws.weight"].numpy() * std + mean
    expected[2] = 0
    assert np.allclose(drawn, expected, rtol=1e-6, atol=0)


@pytest.mark.parametrize(
    ("stored", "dtype", "expected"),
    [
        (torch.full((9,), 0.25), "float32", 0.25),
        (torch.full((9,), 0.1, dtype=torch.float64), "float64", float(np.float32(0.1))),
        (torch.tensor([2.0**-65, -(2.0**-65)]), "bfloat16", 0.0),
    ],
)
def test_a_deviation_of_nothing_gives_the_mean(
    stored: torch.Tensor, dtype: str, expected: float
) -> None:
    """In float32, whatever it is stored in."""
    found = memory({"p": stored})
    file = single(found, {"type": "moments_of", "repo": "owner/model"}, [1000], dtype=dtype)
    assert set(load(whole(file))["p"].double().tolist()) == {expected}


def test_moments_that_a_dtype_cannot_hold_become_infinite() -> None:
    """As converted values do; they are known only when they are read."""
    found = memory({"p": torch.tensor([-1e6, 1e6])})
    file = single(found, {"type": "moments_of", "repo": "owner/model"}, [100], dtype="float16")
    values = load(whole(file))["p"]
    assert values.isinf().sum() > 80
    assert not values.isnan().any()


def single(found: Memory, init: Any, shape: list[int], dtype: str = "float32") -> WeightsFile:
    """Return a file of one tensor."""
    spec = Spec.from_document({"layers": [parameter(shape, init)], "dtype": dtype})
    layout = Layout.of(resolve(spec, checkpoints=found.checkpoints).resolved)
    return WeightsFile(layout, seed=0, backend=ReferenceBackend(), reader=found.reader)


def test_tensors_of_every_stored_dtype_are_served_as_they_are() -> None:
    """In the order of the safetensors library, each aligned, and saved as it saves them."""
    generator = np.random.default_rng(0)
    tensors = {}
    for name in STORED_DTYPES:
        data = torch.from_numpy(generator.integers(0, 2, (24,), dtype=np.uint8))
        tensors[f"of.{name}"] = data.view(getattr(torch, name)).reshape(-1, 3)
    found = memory(tensors)
    resolved = ResolvedSpec(
        tuple(
            ResolvedTensor(name, stored.shape, stored.dtype, True, PretrainedForm(stored, None))  # noqa: FBT003
            for name, stored in sorted(found.checkpoint.tensors.items())
        )
    )
    again = ResolvedSpec.from_json(resolved.canonical_json())
    layout = Layout.of(again)
    file = WeightsFile(layout, seed=0, backend=ReferenceBackend(), reader=found.reader)
    assert whole(file) == save(tensors, metadata={"format": "pt"})
    for tensor, start in zip(layout.tensors, layout.starts, strict=True):
        assert start % tensor.dtype.item_bytes == 0
    assert len(layout.tensors) == len(STORED_DTYPES) > len(DTYPES)


# --- what has to be there first


def held() -> tuple[WeightsFile, MemoryReader]:
    """Return a file of a checkpoint of which nothing has arrived."""
    found = memory(TENSORS)
    found.reader.hold()
    return mixed(found=found), found.reader


def span(file: WeightsFile, name: str) -> tuple[int, int]:
    """Return where a tensor is in a file."""
    layout = file.layout
    at = next(at for at, tensor in enumerate(layout.tensors) if tensor.name == name)
    return layout.starts[at], layout.starts[at] + layout.tensors[at].size_bytes


def test_nothing_is_waited_for_where_nothing_is_stored() -> None:
    """The header, and what is drawn."""
    file, reader = held()
    assert file.wholes(0, len(file.header)) == []
    start, stop = span(file, "fc.weight")
    flights = file.wholes(start, stop)
    assert len(flights) == 1  # the orthogonal matrix
    for flight in flights:
        flight.leave()
    assert reader.reads == []


def test_just_the_bytes_that_are_needed_are_waited_for() -> None:
    """Of a copied tensor a range, of chosen elements what lies between them."""
    file, reader = held()
    start, _ = span(file, "tok.weight")
    flights = file.wholes(start + 5, start + 19)
    assert [flight.done for flight in flights] == [False]
    reader.arrive("tok.weight", 19)
    assert [flight.done for flight in flights] == [False]
    reader.arrive("tok.weight", 20)
    assert [flight.done for flight in flights] == [True]
    for flight in flights:
        flight.leave()
    assert file.read(start + 5, start + 19) == content(TENSORS["tok.weight"])[5:19]


def test_what_is_fitted_waits_for_arrival_and_then_for_its_making() -> None:
    """In two phases: nothing can be made of what is not here."""
    file, reader = held()
    start, stop = span(file, "stem.weight")
    first = file.wholes(start, stop)
    assert [(flight.done, flight.ready) for flight in first] == [(False, False)]
    reader.arrive()
    assert [flight.done for flight in first] == [True]
    second = file.wholes(start, stop)
    assert sorted(flight.done for flight in second) == [False, True]
    for flight in second:
        while flight.step():
            pass
    assert all(flight.done for flight in second)
    before = len(reader.reads)
    assert len(file.read(start, stop)) == stop - start
    assert len(reader.reads) == before
    for flight in (*first, *second):
        flight.leave()
    assert reader.places == []


def test_places_in_what_has_arrived_are_left() -> None:
    """Only those are handed out that are waited for."""
    file, reader = held()
    reader.arrive("tok.weight")
    start, _ = span(file, "tok.weight")
    _, stop = span(file, "wide.weight")
    flights = file.wholes(start, stop - 1)
    assert len(flights) == 1
    assert len(reader.places) == 1
    flights[0].leave()


def test_an_arrival_that_failed_is_handed_out() -> None:
    """Alone, and at once, so that nobody waits for what is of no use."""
    file, reader = held()
    reader.arrive("tok.weight")
    reader.fail(OSError("gone"))
    start, _ = span(file, "tok.weight")
    _, stop = span(file, "wide.weight")
    flights = file.wholes(start, stop - 1)
    assert [(flight.done, flight.failed) for flight in flights] == [(True, True)]
    with pytest.raises(OSError, match="gone"):
        flights[0].result()
    flights[0].leave()


def test_the_last_byte_waits_for_the_hash() -> None:
    """Even if it is drawn: an answer that is complete is a right one."""
    file, reader = held()
    reader.arrive()
    size_bytes = file.size_bytes
    for flight in file.wholes(size_bytes - 2, size_bytes - 1):
        assert flight.failed is False
        flight.leave()
    waiting = file.wholes(size_bytes - 1, size_bytes)
    assert [flight.done for flight in waiting] == [False]
    reader.verify()
    assert [flight.done for flight in waiting] == [True]
    for flight in waiting:
        flight.leave()


def test_reading_the_last_byte_raises_what_the_hash_says() -> None:
    """Whoever reads without waiting first is told as well."""
    file, reader = held()
    reader.arrive()
    file.read(len(file.header), file.size_bytes - 1)
    reader.fail(OSError("wrong hash"))
    with pytest.raises(OSError, match="wrong hash"):
        file.read(0, file.size_bytes)
    assert reader.places == []


def test_reading_waits_for_what_has_not_arrived() -> None:
    """Without an engine a file can be read too."""
    file, reader = held()
    done = threading.Event()
    read: list[bytes] = []

    def job() -> None:
        read.append(whole(file))
        done.set()

    thread = threading.Thread(target=job)
    thread.start()
    reader.verify()
    assert done.wait(60)
    thread.join()
    assert read == [WHOLES["float32"]]


# --- what is kept for others


def wrong() -> Memory:
    """Return a checkpoint with the right names and wrong bytes, not yet found out."""
    found = memory({name: torch.zeros_like(tensor) for name, tensor in TENSORS.items()})
    found.reader.hold()
    found.reader.arrive()
    return found


def test_nothing_that_came_of_wrong_bytes_is_kept_for_others() -> None:
    """A second attempt with the right ones meets none of it."""
    prepared = PreparedTensors()
    bad = mixed(found=wrong(), prepared=prepared)
    assert bytes(bad.read(0, bad.size_bytes - 1)) != WHOLES["float32"][:-1]
    found = memory(TENSORS)
    found.reader.hold()
    found.reader.arrive()
    good = mixed(found=found, prepared=prepared)
    assert bytes(good.read(0, good.size_bytes - 1)) == WHOLES["float32"][:-1]
    found.reader.verify()
    assert whole(good) == WHOLES["float32"]


def test_what_came_of_right_bytes_is_kept_for_others() -> None:
    """Fitted tensors and moments are made once."""
    prepared = PreparedTensors()
    whole(mixed(prepared=prepared))
    found = memory(TENSORS)
    file = mixed(found=found, prepared=prepared)
    assert whole(file) == WHOLES["float32"]
    assert {name for name, _, _ in found.reader.reads}.isdisjoint(
        {"stem.weight", "pos", "draws.weight"}
    )


def test_one_file_makes_nothing_twice_before_the_hash_is_known() -> None:
    """Its own is kept for it."""
    file, reader = held()
    reader.arrive()
    start, stop = span(file, "stem.weight")
    file.read(start, stop)
    reads = len(reader.reads)
    file.read(start, stop)
    assert len(reader.reads) == reads
    reader.verify()
    file.read(start, stop)
    assert len(reader.reads) == reads


# --- other processes


def test_pieces_say_whether_they_are_stored() -> None:
    """Such a piece travels, but can be made only where the file is."""
    file = FILES["float32"]
    pieces = [piece for piece in file.pieces(0, file.size_bytes) if isinstance(piece, Piece)]
    for piece, tensor in zip(pieces, file.layout.tensors, strict=True):
        assert pickle.loads(pickle.dumps(piece)) == piece
        assert is_stored(piece.values) == (tensor.name not in {"fc.weight", "fc.bias"})
        needed = stored_range(piece.values, *piece.elements)
        assert (needed is not None) == is_stored(piece.values)
        assert stored_range(piece.values, 3, 3) is None


def test_stored_pieces_are_made_in_this_process() -> None:
    """Another one has no reader."""
    file = FILES["float32"]
    for name in ("tok.weight", "draws.weight", "stem.weight"):
        with pytest.raises(UnsuitableError):
            portable_pieces(Work(file, *span(file, name)))
    assert len(portable_pieces(Work(file, *span(file, "fc.bias")))) == 1
