"""What the kernels are compiled to, for GPUs that are not here: nothing is fused or approximate.

Two stages could contract a product and a sum: the one that writes PTX, and the
assembler that reads it. So the PTX is searched, and then the products and sums in
the machine code are counted: none may be missing there. What is fused in machine
code after all belongs to the division, which is one instruction in PTX and a
sequence of them, correctly rounded as a whole, on the device.
"""

import itertools
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource, make_backend
from triton.runtime.jit import create_function_from_signature

from weightbank.distributions import Drawn, Normal, Truncated
from weightbank.numbers.streams import Stream
from weightbank.triton_kernels import fill, launch
from weightbank.triton_kernels.compile import INTERPRETED, OPTIONS

pytestmark = pytest.mark.skipif(INTERPRETED, reason="TRITON_INTERPRET is set: nothing compiles")

ARCHITECTURES = [80, 90]
ELEMENTS = {"float32": "*fp32", "float64": "*fp64", "float16": "*fp16", "bfloat16": "*i16"}
KINDS = {"normal": launch.NORMAL, "uniform": launch.UNIFORM, "truncated": launch.TRUNCATED}
FORBIDDEN = re.compile(
    r"\bfma\b|\bmad(\.\w+)*\.f\d+|\.approx|\.full|\.ftz|\.sat|\bsqrt|\bm(in|ax)(\.\w+)*\.f\d+"
    # Without a rounding of its own the assembler may fuse it.
    r"|\b(add|sub|mul)\.f\d+|\bdiv\.(?!rn\.f32)"
)
INSTRUCTION = re.compile(r"^\s+(?:@!?%p\d+\s+)?([a-z][\w.:]+)\s", re.MULTILINE)
MACHINE_INSTRUCTION = re.compile(r"\*/\s+(?:@!?U?P\w+\s+)?([A-Z][A-Z0-9_.]*)")


@dataclass(frozen=True)
class Variant:
    """One compilation of a kernel.

    Attributes:
        kernel: Its name.
        out: Type of the pointer to the tensor that it fills.
        constants: Its compile-time arguments.
    """

    kernel: str
    out: str
    constants: tuple[tuple[str, Any], ...]

    def source(self) -> ASTSource:
        """Return what is compiled."""
        kernel, constants = getattr(fill, self.kernel), dict(self.constants)
        pointers = {"out": self.out, "tail": "*fp32", "words": "*i32"}
        signature = {name: pointers.get(name, "i32") for name in kernel.arg_names}
        signature |= dict.fromkeys(constants, "constexpr")
        places = {name: (place,) for place, name in enumerate(kernel.arg_names)}
        values = {places[name]: value for name, value in constants.items()}
        # The table of the tail is the library's own, and at a multiple of 16.
        attributes = {
            places[name]: [["tt.divisibility", 16]] for name in ("tail",) if name in places
        }
        return ASTSource(kernel, signature, values, attributes)

    def compiled(self, architecture: int, **options: Any) -> Any:
        """Return it compiled."""
        target = GPUTarget("cuda", architecture, 32)
        return triton.compile(self.source(), target=target, options={**OPTIONS, **options})


def filling(kind: str, dtype: str, *, aligned: bool = True) -> Variant:
    """Return the variant of ``fill`` for a kind and a dtype."""
    constants = {"kind": KINDS[kind], "tile_blocks": launch.TILE_BLOCKS, "aligned": aligned}
    return Variant("fill", ELEMENTS[dtype], tuple(constants.items()))


def variants() -> Iterator[Any]:
    """Yield every variant that there is."""
    tile = ("tile_blocks", launch.TILE_BLOCKS)
    yield pytest.param(Variant("map_words", "*fp32", (("tile_elements", 1024),)), id="map_words")
    for aligned, ending in ((True, "aligned"), (False, "masked")):
        words = Variant("fill_words", "*i32", (tile, ("aligned", aligned)))
        yield pytest.param(words, id=f"words-{ending}")
        for kind, dtype in itertools.product(KINDS, ELEMENTS):
            variant = filling(kind, dtype, aligned=aligned)
            yield pytest.param(variant, id=f"{kind}-{dtype}-{ending}")


def instructions(compiled: Any) -> Counter[str]:
    """Return how often each instruction stands in the PTX."""
    return Counter(INSTRUCTION.findall(compiled.asm["ptx"]))


def machine_instructions(compiled: Any, directory: Path) -> Counter[str]:
    """Return how often each instruction stands in the machine code, without modifiers."""
    path = directory / "kernel.cubin"
    path.write_bytes(compiled.asm["cubin"])
    finished = subprocess.run(  # noqa: S603 - the disassembler that Triton brings
        [triton.knobs.nvidia.nvdisasm.path, "-c", path], capture_output=True, text=True, check=True
    )
    return Counter(name.split(".")[0] for name in MACHINE_INSTRUCTION.findall(finished.stdout))


def total(counts: Counter[str], pattern: str) -> int:
    """Return how many instructions match."""
    return sum(count for name, count in counts.items() if re.fullmatch(pattern, name))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("variant", list(variants()))
def test_nothing_is_fused_or_approximate(variant: Variant, architecture: int) -> None:
    """No variant of a kernel fuses, approximates, or leaves either to the assembler."""
    found = instructions(variant.compiled(architecture))
    assert found.total() > 100
    assert [name for name in found if FORBIDDEN.search(name)] == []


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_fused_in_machine_code(kind: str, architecture: int, tmp_path: Path) -> None:
    """Each product and sum of the PTX is one of its own there, and a division fuses within."""
    compiled = filling(kind, "float32").compiled(architecture)
    found, machine = instructions(compiled), machine_instructions(compiled, tmp_path)
    assert machine["FMUL"] >= total(found, r"mul\.rn\.f32") > 0
    assert machine["FADD"] >= total(found, r"(add|sub)\.rn\.f32") > 0
    assert (machine["FFMA"] > 0) == (found["div.rn.f32"] > 0) == (kind != "uniform")


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_search_finds_what_is_fused(architecture: int, tmp_path: Path) -> None:
    """With fusion on, there is what the test above looks for, in both stages."""
    normal = filling("normal", "float32")
    plain, fused = (normal.compiled(architecture, enable_fp_fusion=on) for on in (False, True))
    assert total(instructions(fused), r"fma\.rn\.f32") > 0
    assert all(FORBIDDEN.search(name) for name in ("fma.rn.f32", "mad.rn.f32", "div.full.f32"))
    sums = machine_instructions(plain, tmp_path)["FADD"]
    assert machine_instructions(fused, tmp_path)["FADD"] < sums


def test_normals_are_made_as_they_are_written() -> None:
    """A normal takes the float operations of docs/numbers.md, and no others."""
    variant = Variant("map_words", "*fp32", (("tile_elements", 128),))
    found = instructions(variant.compiled(90))  # one element a thread
    assert found["div.rn.f32"] == 1
    # Of v, y and s; of n and d; of z; and of the tail.
    assert found["mul.rn.f32"] == 3 + 6 + 5 + 1 + 6
    assert found["cvt.rn.f32.s32"] == 2


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_conversions_round_to_nearest(dtype: str) -> None:
    """float16 is rounded by an instruction to nearest even, with subnormals; widening is exact."""
    found = instructions(filling("uniform", dtype).compiled(80))
    name = {"float16": r"cvt\.rn\.f16(x2)?\.f32", "float64": r"cvt\.f64\.f32"}[dtype]
    assert total(found, name) > 0
    assert total(found, r"cvt\..*f(16|64).*") == total(found, name)


def test_aligned_tiles_are_stored_wide() -> None:
    """Whole tiles go out 16 bytes at a time; at any other place, element by element."""
    for dtype, wide in (("float32", "v4.b32"), ("float64", "v2.b64"), ("bfloat16", "v4.b32")):
        found = instructions(filling("normal", dtype).compiled(90))
        assert found[f"st.global.{wide}"] > 0
    masked = filling("normal", "float32", aligned=False).compiled(90)
    stores = {name for name in instructions(masked) if name.startswith("st.global")}
    assert stores == {"st.global.b32"}


def scalars_of(values: Drawn, start: int, out: torch.Tensor) -> tuple[Any, ...]:
    """Return what a launch passes."""
    ((part, position),) = launch.launch_parts(values.stream, start, out)
    kind, scalars = launch.value_scalars(values)
    tail = torch.empty(192)
    return (part, tail, *position, *scalars, kind, launch.TILE_BLOCKS, True)


def test_values_make_no_variants() -> None:
    """Triton compiles nothing anew for 0, 1, multiples of 16, large words, and odd addresses."""
    backend = make_backend(GPUTarget("cuda", 90, 32))
    binder = create_function_from_signature(fill.fill.signature, fill.fill.params, backend)
    one, large, most = np.float32(1), np.float32(3e38), 2**32 - 1
    arguments = [
        scalars_of(Normal(Stream(0, 1, 16, most), one, np.float32(0)), 0, torch.empty(64)),
        scalars_of(Normal(Stream(1, most, 0, 16), np.float32(0), large), 65, torch.empty(2)[1:]),
        scalars_of(Normal(Stream(most, 0, 1, 0), -one, one), 2**66 - 4, torch.empty(4)),
        scalars_of(Normal(Stream(16, 2, 2**31, 1), large, one), 2**64, torch.empty(17)[1:]),
    ]
    specializations = [binder(*given, **OPTIONS)[1] for given in arguments]
    assert len({str(found) for found in specializations}) == 1
    types = [entry[0] for entry in specializations[0]]
    assert types == ["*fp32", "*fp32", *["i32"] * 14, *["constexpr"] * 3]
    truncated = Truncated(Stream(0, 0, 0, 0), 0, 2**32, one, one, -large, large)
    assert all(type(scalar) is int for scalar in launch.value_scalars(truncated)[1])
