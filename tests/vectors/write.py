"""Write the known answers of specs and of what else draws: `python -m tests.vectors.write`.

Only for a new file, or for a case added at the end of one. A released answer never
changes: it is what the tests compare with, not what they follow.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from tests import definitions
from tests.vectors import stored
from weightbank import Layout, ReferenceBackend, Spec, WeightsFile, resolve
from weightbank.presets import catalogue

HERE = Path(__file__).parent
DTYPES = ("float64", "float32", "bfloat16", "float16")
SEED = 20_240_229


def _parameter(name: str, shape: list[int], init: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": "Parameter", "shape": shape, "init": init, **more}


def _linear(name: str, inputs: int, outputs: int, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": "Linear", "in_features": inputs, "out_features": outputs, **more}


_CONV = {"in_channels": 4, "out_channels": 6, "kernel_size": 3}
SPECS: dict[str, dict[str, Any]] = {
    "perceptron": {
        "layers": [
            _linear("fc1", 784, 64, nonlinearity="relu"),
            _linear("fc2", 64, 10),
        ]
    },
    "convolutions of torch": {
        "preset": "torch@2",
        "layers": [
            {"name": "stem", "type": "Conv2d", **_CONV, "groups": 2},
            {"name": "bn", "type": "BatchNorm2d", "num_features": 6},
            {"name": "line", "type": "Conv1d", **_CONV, "bias": False},
            {"name": "volume", "type": "Conv3d", **_CONV},
        ],
    },
    "attention": {
        "layers": [
            {"name": "a", "type": "MultiheadAttention", "embed_dim": 12, "num_heads": 3},
            {"name": "b", "type": "MultiheadAttention", "embed_dim": 12, "num_heads": 3,
             "kdim": 8, "add_bias_kv": True},
            {"name": "norm", "type": "LayerNorm", "normalized_shape": [3, 4]},
        ]
    },
    "a tied language model": {
        "rules": [
            [r".*\.c_proj\.weight", {"type": "normal", "std": 0.02, "residual": {"layers": 12}}],
            [r".*\.weight", {"type": "normal", "std": 0.02}],
        ],
        "layers": [
            {"name": "wte", "type": "Embedding", "num_embeddings": 50, "embedding_dim": 12,
             "padding_idx": -1},
            {"name": "h.0.c_attn", "type": "Conv1D", "nf": 36, "nx": 12},
            {"name": "h.0.c_proj", "type": "Conv1D", "nf": 12, "nx": 12},
            _linear("lm_head", 12, 50, bias=False, init={"type": "tie", "to": "wte.weight"}),
        ],
    },
    "drawn forms": {
        "layers": [
            _parameter("normal", [33], {"type": "normal", "mean": 0.25, "std": 0.5}),
            _parameter("uniform", [33], {"type": "uniform", "a": -0.25, "b": 1.5}),
            _parameter("trunc_normal", [33], {"type": "trunc_normal", "mean": 0.5, "a": -0.25}),
            _parameter("one-sided", [33], {"type": "trunc_normal", "a": None, "b": 0.5}),
            _parameter("truncated", [33], {"type": "truncated_normal", "std": 0.02}),
            _parameter("cut at 3", [33], {"type": "truncated_normal", "cutoff_sigma": 3}),
            _parameter("scaled", [6, 7], "variance_scaling"),
            _parameter("averaged", [6, 7], {"type": "variance_scaling", "scale": 0.3,
                                            "mode": "fan_avg", "distribution": "uniform"}),
        ]
    },
    "gains": {
        "layers": [
            _parameter(name, [5, 9], {"type": "kaiming_normal", "nonlinearity": name, "a": 0.2})
            for name in ("relu", "leaky_relu", "tanh", "sigmoid", "selu", "gelu", "gelu_tanh",
                         "silu", "mish", "elu", "softplus", "softsign", "hardswish", "hardtanh",
                         "sin", "erf")
        ]
    },
    "second moments": {
        "layers": [
            _linear(name, 9, 5, nonlinearity=name, bias=False)
            for name in ("tanh", "sigmoid", "selu", "gelu", "silu", "softplus", "leaky_relu")
        ]
    },
    "matrices": {
        "layers": [
            _parameter("square", [70, 70], "orthogonal"),
            _parameter("wide", [5, 9, 2], {"type": "orthogonal", "gain": "relu"}),
            _parameter("tall", [90, 5], {"type": "orthogonal", "gain": "gelu"}),
            _parameter("groups", [12, 5], {"type": "orthogonal", "groups": 3}),
            _parameter("delta", [6, 4, 3, 3], {"type": "delta_orthogonal", "gain": 0.5}),
            _parameter("sparse", [20, 7], {"type": "sparse", "sparsity": 0.3}),
        ]
    },
    "structured": {
        "layers": [
            _parameter("eye", [5, 7], "eye"),
            _parameter("dirac", [6, 4, 3, 2], {"type": "dirac", "groups": 2}),
            _parameter("constant", [3], {"type": "constant", "val": 0.1}),
            _parameter("scalar", [], "ones"),
        ]
    },
    "parts": {
        "layers": [
            _parameter("rows", [30, 8], {"type": "xavier_uniform",
                                         "split": {"axis": 0, "sizes": [10, 15, 5]}}),
            _parameter("columns", [8, 30], {"type": "kaiming_normal",
                                            "split": {"axis": 1, "sizes": [10, 15, 5]}}),
            _parameter("matrices", [30, 8], {"type": "orthogonal",
                                             "split": {"axis": 0, "sizes": [10, 15, 5]}}),
            _parameter("padded", [6, 8], {"type": "orthogonal", "padding_idx": -2}),
        ]
    },
    "dtypes": {
        "dtype": "bfloat16",
        "layers": [
            _parameter("f64", [9], {"type": "constant", "val": 0.1}, dtype="float64"),
            _parameter("f32", [9], "normal", dtype="float32"),
            _parameter("f16", [9], "normal", dtype="float16"),
            _parameter("default", [9], "normal"),
            *(
                {"name": name, "type": "Buffer", "shape": [3], "value": 1, "dtype": name}
                for name in ("int64", "int32", "int16", "int8", "uint8", "bool")
            ),
        ],
    },
    "names": {
        "layers": [
            _parameter(name, [9], "normal")
            for name in (
                "é", "e\u0301", "名前.重み", 'quo"te', "back\\slash", "a b", "😀", "Z", "a",
            )
        ]
    },
}  # fmt: skip


def answer(name: str) -> dict[str, Any]:
    """Return the known answer of a spec: its id, and a digest for each dtype."""
    resolved = resolve(Spec.from_document(SPECS[name])).resolved
    digests = {}
    for dtype in DTYPES:
        file = WeightsFile(
            Layout.of(resolved.with_dtype(dtype)), seed=SEED, backend=ReferenceBackend()
        )
        digests[dtype] = hashlib.sha256(file.read(0, file.size_bytes)).hexdigest()
    return {"name": name, "spec": SPECS[name], "id": resolved.id, "sha256": digests}


def _bits(values: Any) -> list[str]:
    return [f"{int(bits):08x}" for bits in values.reshape(-1).view("<u4")]


def _sparse(name: str, shape: list[int], **arguments: float) -> dict[str, Any]:
    values = definitions.sparse(SEED, name, (shape[0], shape[1]), **arguments)
    case: dict[str, Any] = {"name": name, "shape": shape, **arguments}
    if values.size <= 48:
        return {**case, "float32": _bits(values)}
    return {**case, "sha256": hashlib.sha256(values.tobytes()).hexdigest()}


def _parts(name: str, shape: list[int], axis: int, sizes: list[int]) -> dict[str, Any]:
    values = definitions.orthogonal_parts(SEED, name, shape, axis=axis, sizes=sizes)
    digest = hashlib.sha256(values.tobytes()).hexdigest()
    return {"name": name, "shape": shape, "axis": axis, "sizes": sizes, "sha256": digest}


def project() -> dict[str, Any]:
    """Return the known answers of what else draws."""
    return {
        "about": "Known answers of docs/numbers.md, What else draws: float32, little-endian.",
        "seed": SEED,
        "sparse": [
            _sparse("s", [8, 4], sparsity=0.5, std=0.01),
            _sparse("s", [6, 3], sparsity=0.1, std=1.0),
            _sparse("layer.weight", [10, 4], sparsity=0.7, std=0.5),
            _sparse("layer.weight", [300, 70], sparsity=0.9, std=0.01),
        ],
        "orthogonal_parts": [
            _parts("o", [12, 6], 0, [3, 5, 4]),
            _parts("o", [6, 12], 1, [6, 6]),
            _parts("o", [8, 3, 3], 0, [4, 4]),
        ],
        "dirac": [
            {
                "shape": shape,
                "groups": groups,
                "ones": definitions.dirac(shape, groups=groups).reshape(-1).nonzero()[0].tolist(),
            }
            for shape, groups in (([4, 4, 3], 1), ([6, 2, 2, 3], 3), ([4, 8, 3, 3], 2))
        ],
    }


def _write(name: str, document: Any) -> None:
    text = json.dumps(document, indent=1, ensure_ascii=False)
    (HERE / name).write_text(f"{text}\n", encoding="utf-8")


def main() -> None:
    """Write the files."""
    about = (
        "Ids of specs, and the sha256 of their whole files for one seed in each dtype, computed "
        "with the plain NumPy backend. They never change."
    )
    _write(
        "spec_ids.json", {"about": about, "seed": SEED, "specs": [answer(name) for name in SPECS]}
    )
    _write("project.json", project())
    _write("stored.json", stored.answer(SEED, DTYPES))
    _write("presets.json", {preset["name"]: preset["rows"] for preset in catalogue()})


if __name__ == "__main__":
    main()
