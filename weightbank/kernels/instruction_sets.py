"""Instruction sets that machine code can be made for ahead of time, by name.

Theory of operation: LLVM is told a processor's name, which only sets how
instructions are ordered and what is implied, and the features that code may use.
All of them are written out here, so that what stands in a cache's index says by
itself whether another processor can run the code: it has to have every one.
The levels of x86-64 are those of its psABI, section 3.1.1; Armv8-A without
options has what every 64-bit Arm has.
"""

from collections.abc import Mapping
from typing import NamedTuple


class InstructionSet(NamedTuple):
    """What LLVM compiles for.

    Attributes:
        cpu_name: LLVM's name of a processor.
        features: LLVM's names of what it must have, ``+one,+another``.
    """

    cpu_name: str
    features: str


_V2 = "+crc32,+cx16,+popcnt,+sahf,+sse3,+sse4.1,+sse4.2,+ssse3"
_V3 = f"{_V2},+avx,+avx2,+bmi,+bmi2,+f16c,+fma,+lzcnt,+movbe,+xsave"
_V4 = f"{_V3},+avx512f,+avx512bw,+avx512cd,+avx512dq,+avx512vl"

INSTRUCTION_SETS: Mapping[str, InstructionSet] = {
    "x86-64-v2": InstructionSet("x86-64-v2", _V2),
    "x86-64-v3": InstructionSet("x86-64-v3", _V3),
    "x86-64-v4": InstructionSet("x86-64-v4", _V4),
    "armv8-a": InstructionSet("generic", "+fp-armv8,+neon"),
}
"""All of them, by the names that operators use."""

USUAL: Mapping[str, str] = {"x86_64": "x86-64-v3", "aarch64": "armv8-a"}
"""What to compile for if nobody says, by ``platform.machine()``."""


def runs_on(features: str, host_features: str) -> bool:
    """Whether a processor can run what was compiled.

    Args:
        features: That the code may use, as ``+one,-another``.
        host_features: Of the processor, written in the same way.

    Examples:
        >>> runs_on("+avx2,-sse4a", "+avx,+avx2,+fma")
        True
        >>> runs_on("+avx512f", "+avx,+avx2,+fma")
        False
    """
    return _present(features) <= _present(host_features)


def _present(features: str) -> set[str]:
    return {name[1:] for name in features.split(",") if name.startswith("+")}
