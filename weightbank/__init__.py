"""Weightbank: the weights a training run starts from.

A layer spec and a seed in, the bytes of a safetensors file out: the same bytes on
every machine, in any part and any order.

Examples:
    >>> import weightbank
    >>> file = weightbank.weights({"layers": [
    ...     {"name": "fc1", "type": "Linear", "in_features": 784, "out_features": 256,
    ...      "nonlinearity": "relu"},
    ...     {"name": "fc2", "type": "Linear", "in_features": 256, "out_features": 10}]}, seed=42)
    >>> file.size_bytes
    814456
    >>> file.elements("fc1.weight", 1000, 1003).tolist()
    [0.061832327395677567, -0.13318920135498047, -0.08346652239561081]
"""

from typing import Any

from weightbank.algorithm import VERSION as ALGORITHM
from weightbank.backends import Backend, CpuBackend, ReferenceBackend
from weightbank.documents import parse_json, parse_yaml
from weightbank.errors import WeightbankError
from weightbank.file import WeightsFile
from weightbank.from_module import ModuleSpec, from_module
from weightbank.layout import Layout
from weightbank.limits import Limits
from weightbank.prepared import PreparedTensors
from weightbank.resolve import Resolution, resolve
from weightbank.resolved import ResolvedSpec
from weightbank.spec import Spec


def weights(
    document: Any, *, seed: int, dtype: str | None = None, backend: Backend | None = None
) -> WeightsFile:
    """Return the file of weights that a spec and a seed give.

    Args:
        document: A spec as plain values, as ``parse_json`` or ``parse_yaml`` give.
        seed: In [0, 2**64); a seed in the spec is only a suggestion.
        dtype: In place of the spec's, for tensors that do not fix their own.
        backend: Makes the numbers; numba on one CPU thread if left out.

    Raises:
        WeightbankError: If the spec, the seed or the dtype is refused.
    """
    resolved = resolve(Spec.from_document(document)).resolved
    if dtype is not None:
        resolved = resolved.with_dtype(dtype)
    return WeightsFile(Layout.of(resolved), seed=seed, backend=backend or CpuBackend())


__all__ = [
    "ALGORITHM",
    "Backend",
    "CpuBackend",
    "Layout",
    "Limits",
    "ModuleSpec",
    "PreparedTensors",
    "ReferenceBackend",
    "Resolution",
    "ResolvedSpec",
    "Spec",
    "WeightbankError",
    "WeightsFile",
    "from_module",
    "parse_json",
    "parse_yaml",
    "resolve",
    "weights",
]
