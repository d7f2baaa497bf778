"""Real checkpoints, converted by the real process; each takes it a second or two."""

import io
import os
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from services.conversion.converter import Converter
from services.hub.errors import ConversionError

MEMORY_BYTES = 2**28


class _Touching:
    """Leaves a marker when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self._marker = marker

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self._marker}",)


def converted(source: Path, *, file_bytes: int = 2**30) -> bytes:
    """Convert a file; nothing may be printed."""
    told: list[str] = []
    converter = Converter(
        memory_bytes=MEMORY_BYTES, timeout_seconds=120, file_bytes=file_bytes, log=told.append
    )
    out = io.BytesIO()
    converter.convert(source, out)
    assert told == []
    return out.getvalue()


def message_of(source: Path, *, file_bytes: int = 2**30) -> str:
    """Convert a file, and return why it cannot be."""
    before = set(source.parent.iterdir())
    with pytest.raises(ConversionError) as caught:
        converted(source, file_bytes=file_bytes)
    assert set(source.parent.iterdir()) == before
    return str(caught.value)


def legacy_save(value: object, path: Path) -> None:
    """Save as torch did before 1.6."""
    torch.save(value, path, _use_new_zipfile_serialization=False)


SAVES: dict[str, Callable[[object, Path], None]] = {"zip": torch.save, "legacy": legacy_save}


def checkpoint() -> tuple[dict[str, Any], bytes]:
    """A state dict of all that there is in real ones, and the file it has to become."""
    generator = torch.Generator().manual_seed(1)
    weight = torch.randn(700, 500, generator=generator)
    tensors = {
        "module.embedding.weight": weight,
        "module.head.weight": weight,
        "module.head.bias": torch.nn.Parameter(weight[3]),
        "transposed": weight.t(),
        "half": weight.half(),
        "bfloat16": weight.bfloat16(),
        "bn.num_batches_tracked": torch.tensor(7),
        "mask": weight > 0,
        "double": weight[0].double(),
        "empty": torch.zeros(0, 3),
    }
    copies = {
        name: value.detach().clone(memory_format=torch.contiguous_format)
        for name, value in tensors.items()
    }
    return tensors, safetensors.torch.save(copies, metadata={"format": "pt"})


@pytest.mark.parametrize("save", sorted(SAVES))
def test_a_state_dict_becomes_what_safetensors_would_write(save: str, tmp_path: Path) -> None:
    """From either format, byte for byte, hence the same each time."""
    tensors, expected = checkpoint()
    source = tmp_path / "pytorch_model.bin"
    SAVES[save](tensors, source)
    assert converted(source) == expected


def test_a_training_checkpoint_becomes_its_state_dict(tmp_path: Path) -> None:
    """Whatever else is in it, if that is no code."""
    tensors, expected = checkpoint()
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(2))], lr=0.1).state_dict()
    source = tmp_path / "checkpoint.pth"
    torch.save({"epoch": 3, "state_dict": tensors, "optimizer": optimizer}, source)
    assert converted(source) == expected


@pytest.mark.parametrize("save", sorted(SAVES))
@pytest.mark.parametrize("place", ["beside", "within"])
def test_code_in_a_checkpoint_is_named_and_not_run(save: str, place: str, tmp_path: Path) -> None:
    """Wherever it is."""
    marker, source = tmp_path / "marker", tmp_path / "pytorch_model.bin"
    code = _Touching(marker)
    tensors = {"weight": torch.ones(2)}
    SAVES[save](
        {"beside": {"model": tensors, "x": code}, "within": {**tensors, "x": code}}[place], source
    )
    assert message_of(source).startswith("global 'posix.system' is called for by the pickle")
    assert not marker.exists()
    # Others do run it.
    torch.load(source, weights_only=False)
    assert marker.exists()


def test_a_bare_pickle_of_code_is_named_and_not_run(tmp_path: Path) -> None:
    """Though it is no checkpoint at all."""
    marker, source = tmp_path / "marker", tmp_path / "model.pth"
    source.write_bytes(pickle.dumps(_Touching(marker)))
    assert message_of(source).startswith("global 'posix.system' is called for by the pickle")
    assert not marker.exists()


def test_torch_has_the_last_word(tmp_path: Path) -> None:
    """Its reader of opcodes refuses what ours let pass; how is for the log alone."""
    source = tmp_path / "model.pt"
    torch.save({"weight": torch.ones(2)}, source, pickle_protocol=4)
    message = message_of(source)
    assert message.startswith(
        "checkpoint cannot be read: it is cut off or damaged, or weights_only"
    )


def test_storages_beyond_all_memory_are_refused(tmp_path: Path) -> None:
    """A few bytes can ask for gigabytes."""
    source = tmp_path / "model.pth"
    legacy_save({"weight": torch.zeros(70_000)}, source)
    data = source.read_bytes()
    small, huge = (b"J" + struct.pack("<i", number) for number in (70_000, 2**31 - 1))
    assert small in data
    source.write_bytes(data.replace(small, huge))
    assert message_of(source) == (
        "checkpoint needs too much memory to be converted; accepted: what needs 268,435,456 bytes "
        "or fewer"
    )


def test_a_file_that_would_be_too_large_is_refused(tmp_path: Path) -> None:
    """A tensor can repeat one element for terabytes."""
    source = tmp_path / "model.pth"
    torch.save({"weight": torch.zeros(1).expand(2**40)}, source)
    message = message_of(source, file_bytes=10**6)
    assert message.startswith("bytes 43980465")
    assert message.endswith("accepted: 1,000,000 bytes or fewer")


def test_a_legacy_file_cut_off_is_refused(tmp_path: Path) -> None:
    """Within its storages, where torch alone reads."""
    source = tmp_path / "model.pth"
    legacy_save({"weight": torch.zeros(70_000)}, source)
    os.truncate(source, source.stat().st_size - 1000)
    assert message_of(source).startswith("checkpoint cannot be read: it is cut off or damaged")
