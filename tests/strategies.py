"""Random specs for hypothesis: small, valid, of every form, dtype and odd name."""

from typing import Any

from hypothesis import strategies as st

NAMES = st.one_of(
    st.sampled_from(["fc", "layer.0", "é", "名前", 'quo"te', "back\\slash", "a b", "\u2028", "😀"]),
    st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=12).filter(
        lambda name: name != "__metadata__"
    ),
)
DTYPES = st.sampled_from(["float64", "float32", "bfloat16", "float16"])
SEEDS = st.integers(0, 2**64 - 1)
SIZES = st.integers(1, 9)

ELEMENTWISE: list[Any] = [
    "zeros",
    {"type": "constant", "val": 0.1},
    {"type": "normal", "mean": 0.25, "std": 0.5},
    {"type": "uniform", "a": -0.25, "b": 1.5},
    {"type": "trunc_normal", "std": 1, "a": -0.25, "b": 2},
    {"type": "truncated_normal", "std": 0.02},
]
MATRICES: list[Any] = [
    *ELEMENTWISE,
    "eye",
    "orthogonal",
    {"type": "orthogonal", "gain": "relu", "padding_idx": 0},
    {"type": "sparse", "sparsity": 0.4, "std": 1},
    {"type": "sparse", "sparsity": 0.4, "std": 1, "padding_idx": -1},
    {"type": "kaiming_normal", "nonlinearity": "gelu", "padding_idx": 0},
    {"type": "glorot_uniform", "residual": {"layers": 3}},
]
KERNELS: list[Any] = [*ELEMENTWISE, "dirac", "orthogonal", "lecun_normal"]
BUFFER_DTYPES = ["int64", "int32", "int16", "int8", "uint8", "bool", "float32", "bfloat16"]


@st.composite
def parameters(draw: st.DrawFn, name: str) -> dict[str, Any]:
    """Draw a bare Parameter of zero to three dimensions."""
    shape = draw(st.lists(SIZES, max_size=3))
    choices = {2: MATRICES, 3: KERNELS}.get(len(shape), ELEMENTWISE)
    init = draw(st.sampled_from(choices))
    layer = {"name": name, "type": "Parameter", "shape": shape, "init": init}
    dtype = draw(st.one_of(st.none(), DTYPES))
    return layer if dtype is None else {**layer, "dtype": dtype}


@st.composite
def fused(draw: st.DrawFn, name: str) -> dict[str, Any]:
    """Draw a bare Parameter whose parts have fans, or matrices, of their own."""
    axis = draw(st.integers(0, 1))
    sizes = draw(st.lists(SIZES, min_size=1, max_size=3))
    shape = [draw(SIZES), draw(SIZES)]
    shape[axis] = sum(sizes)
    kind = draw(st.sampled_from(["xavier_uniform", "kaiming_normal", "orthogonal"]))
    init = {"type": kind, "split": {"axis": axis, "sizes": sizes}}
    return {"name": name, "type": "Parameter", "shape": shape, "init": init}


@st.composite
def layers(draw: st.DrawFn, name: str) -> dict[str, Any]:
    """Draw a layer or a bare tensor."""
    size = draw(SIZES)
    fixed: list[dict[str, Any]] = [
        {"type": "Linear", "in_features": size, "out_features": 3, "nonlinearity": "relu"},
        {"type": "Conv2d", "in_channels": 2, "out_channels": size, "kernel_size": [2, 3]},
        {"type": "Conv1D", "nx": size, "nf": 4},
        {"type": "BatchNorm1d", "num_features": size},
        {"type": "Embedding", "num_embeddings": 4, "embedding_dim": size, "padding_idx": 1},
        {"type": "MultiheadAttention", "embed_dim": 2 * size, "num_heads": 2},
        {
            "type": "Conv1d", "in_channels": 2, "out_channels": 2 + size, "kernel_size": 3,
            "init": "delta_orthogonal",
        },
        {
            "type": "Buffer", "shape": [size], "value": 1,
            "dtype": draw(st.sampled_from(BUFFER_DTYPES)),
        },
    ]  # fmt: skip
    bare = st.one_of(parameters(name), fused(name))
    return draw(st.one_of(st.sampled_from(fixed).map(lambda layer: {"name": name, **layer}), bare))


@st.composite
def specs(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a spec of one to five layers, with a tie now and then."""
    names = draw(st.lists(NAMES, min_size=1, max_size=5, unique_by=_owner))
    drawn = [draw(layers(name)) for name in names]
    tied = next((layer for layer in drawn if layer["type"] == "Parameter"), None)
    if tied is not None and draw(st.booleans()):
        tie = {**tied, "name": "tied to it", "init": {"type": "tie", "to": tied["name"]}}
        drawn.append(tie)
    return {"dtype": draw(DTYPES), "layers": drawn}


def _owner(name: str) -> str:
    """Return what must differ, so that no tensors of two layers have one name."""
    return name.split(".", maxsplit=1)[0]
