"""Values for checkpoints: different in every tensor, so that a mix-up shows.

NumPy has no BF16: such a tensor is an array of its elements' bits, ``uint16``, which is
the dtype of nothing else here.
"""

import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import safetensors
from numpy.typing import NDArray

from tests.hub.layouts import Layout

Tensors = Mapping[str, NDArray[Any]]
FloatDtype = Literal["F32", "F16", "BF16", "F64"]

_DTYPES: Mapping[str, Any] = {"F16": np.float16, "F32": np.float32, "F64": np.float64}
_METADATA = {"format": "pt"}


def make_tensor(
    name: str, shape: tuple[int, ...], *, seed: int, dtype: FloatDtype = "F32"
) -> NDArray[Any]:
    """Return the values of a tensor; they follow from its name and the seed.

    Examples:
        >>> make_tensor("bn.num_batches_tracked", (), seed=1)
        array(908584)
        >>> make_tensor("fc.bias", (2,), seed=1).round(2)
        array([-0.08, -0.01], dtype=float32)
    """
    generator = np.random.Generator(np.random.PCG64([seed, zlib.crc32(name.encode())]))
    if name.endswith("num_batches_tracked"):
        return np.asarray(generator.integers(1, 10**6, shape), dtype=np.int64)
    if name.endswith("running_var"):
        values = generator.random(shape, dtype=np.float32) + np.float32(0.5)
    else:
        values = generator.standard_normal(shape, dtype=np.float32) * np.float32(0.05)
    if dtype == "BF16":
        # Towards zero: no test minds how these were rounded.
        return (values.view(np.uint32) >> np.uint32(16)).astype(np.uint16)
    return np.asarray(values, dtype=_DTYPES[dtype])


def make_tensors(layout: Layout, *, seed: int, dtype: FloatDtype = "F32") -> dict[str, Any]:
    """Return the values of all tensors of a layout."""
    return {
        name: make_tensor(name, shape, seed=seed, dtype=dtype) for name, shape in layout.items()
    }


def to_safetensors(tensors: Tensors) -> bytes:
    """Return the bytes of a file as libraries write it for PyTorch."""
    return safetensors.serialize(_specify(tensors), metadata=_METADATA)


def write_safetensors(tensors: Tensors, path: Path) -> None:
    """Write such a file."""
    safetensors.serialize_file(_specify(tensors), path, metadata=_METADATA)


def _specify(tensors: Tensors) -> dict[str, safetensors.TensorSpec]:
    """Say where the values are; they have to outlive what is returned."""
    return {
        name: safetensors.TensorSpec(
            dtype="bfloat16" if values.dtype == np.uint16 else values.dtype.name,
            shape=values.shape,
            data_ptr=values.ctypes.data,
            data_len=values.nbytes,
        )
        for name, values in tensors.items()
    }


def to_pickle(tensors: Tensors, *, is_zip: bool = True) -> bytes:
    """Return the bytes of a file of ``torch.save``: a zip archive, or the older form."""
    import io

    import torch

    state = {name: torch.tensor(values) for name, values in tensors.items()}
    for name, tensor in state.items():
        if tensor.dtype == torch.uint16:
            state[name] = tensor.view(torch.bfloat16)
    file = io.BytesIO()
    torch.save(state, file, _use_new_zipfile_serialization=is_zip)
    return file.getvalue()
