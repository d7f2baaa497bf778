"""A spec that starts from a checkpoint made by a formula, and its known answer."""

import hashlib
from typing import Any

import numpy as np
import torch

from tests.stored import Memory, memory
from weightbank import Layout, ReferenceBackend, ResolvedSpec, Spec, WeightsFile, resolve
from weightbank.backends import Backend

_REPO = {"repo": "owner/model"}
_PRETRAINED = {"type": "pretrained", **_REPO}
SPEC: dict[str, Any] = {
    "layers": [
        {"name": "stem.five", "type": "Conv2d", "in_channels": 5, "out_channels": 4,
         "kernel_size": 3, "bias": False},
        {"name": "stem.grey", "type": "Conv2d", "in_channels": 1, "out_channels": 4,
         "kernel_size": 3, "bias": False},
        {"name": "bn", "type": "BatchNorm2d", "num_features": 4},
        {"name": "pos", "type": "Parameter", "shape": [1, 21, 6],
         "init": {**_PRETRAINED, "positions": "resample", "grid": [4, 5]}},
        {"name": "wide", "type": "Linear", "in_features": 6, "out_features": 4,
         "init": {"weight": {"type": "slice_of", **_REPO},
                  "bias": {"type": "slice_of", **_REPO, "selection": "first", "parts": 2}}},
        {"name": "tok", "type": "Embedding", "num_embeddings": 6, "embedding_dim": 4,
         "padding_idx": 2, "init": {"type": "moments_of", **_REPO}},
        {"name": "head", "type": "Linear", "in_features": 4, "out_features": 4},
    ],
    "rules": [
        [r"stem\..*", {**_PRETRAINED, "input_channels": "adapt",
                       "rename": {"stem.five": "stem", "stem.grey": "stem"}}],
        [r"bn\..*", _PRETRAINED],
    ],
}  # fmt: skip


def _numbers(shape: tuple[int, ...], dtype: torch.dtype, first: int) -> torch.Tensor:
    """Return (1000 k mod 8191) / 3000 - 1.365 for k from ``first`` on, in float64, and cast."""
    elements = int(np.prod(shape))
    integers = np.arange(first, first + elements) * 1000 % 8191 - 4095
    return torch.from_numpy(integers / 3000).reshape(shape).to(dtype)


def checkpoint() -> Memory:
    """Return the checkpoint."""
    return memory(
        {
            "stem.weight": _numbers((4, 3, 3, 3), torch.float32, 0),
            "bn.weight": _numbers((4,), torch.float16, 1),
            "bn.bias": _numbers((4,), torch.float64, 2),
            "bn.running_mean": _numbers((4,), torch.bfloat16, 3),
            "bn.running_var": _numbers((4,), torch.float32, 4).abs(),
            "bn.num_batches_tracked": torch.tensor(1234),
            "pos": _numbers((1, 10, 6), torch.float32, 5),
            "wide.weight": _numbers((9, 10), torch.float64, 6),
            "wide.bias": _numbers((6,), torch.float32, 7),
            "tok.weight": _numbers((3, 5), torch.bfloat16, 8),
        }
    )


def resolved() -> ResolvedSpec:
    """Return the spec, resolved."""
    return resolve(Spec.from_document(SPEC), checkpoints=checkpoint().checkpoints).resolved


def digest(dtype: str, seed: int, backend: Backend) -> str:
    """Return the digest of its file in a dtype."""
    layout = Layout.of(resolved().with_dtype(dtype))
    file = WeightsFile(layout, seed=seed, backend=backend, reader=checkpoint().reader)
    return hashlib.sha256(file.read(0, file.size_bytes)).hexdigest()


def answer(seed: int, dtypes: tuple[str, ...]) -> dict[str, Any]:
    """Return its known answer: its id, and a digest for each dtype."""
    backend = ReferenceBackend()
    return {
        "about": "Id of the spec of stored.py, and the sha256 of its file for one seed in each "
        "dtype, computed with the plain NumPy backend. They never change.",
        "seed": seed,
        "id": resolved().id,
        "sha256": {dtype: digest(dtype, seed, backend) for dtype in dtypes},
    }
