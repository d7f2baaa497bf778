"""Ships machine code for kernels in an installed package: ``compile_kernels.py [INSTRUCTION_SET]``.

Without an argument the usual one of this machine is taken. The code is made by running every
kernel once, so this processor has to have the instruction set.
"""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from numba.core.codegen import get_host_cpu_features

from weightbank import kernels
from weightbank.kernels.instruction_sets import INSTRUCTION_SETS, USUAL, InstructionSet, runs_on
from weightbank.kernels.machine_code import SHIPPED

_WARM_UP = "from weightbank.backends.cpu import CpuBackend; CpuBackend().warm_up()"


def main(arguments: list[str]) -> None:
    """Compile, and copy the files to where an installation's machine code is looked for."""
    named = "".join(arguments).strip() or USUAL.get(platform.machine(), "")
    if named not in INSTRUCTION_SETS:
        sys.exit(f"instruction set {named!r} is unknown; accepted: {', '.join(INSTRUCTION_SETS)}")
    instruction_set = INSTRUCTION_SETS[named]
    if not runs_on(instruction_set.features, get_host_cpu_features()):
        sys.exit(f"instruction set {named!r} is not this processor's; accepted: build elsewhere")
    shipped = Path(kernels.__path__[0]) / SHIPPED
    shutil.rmtree(shipped, ignore_errors=True)
    with tempfile.TemporaryDirectory() as directory:
        _compile(instruction_set, Path(directory))
        files = sorted(Path(directory).glob("*/*.nb[ci]"))
        assert files, "numba kept nothing"
        shipped.mkdir()
        for file in files:
            shutil.copy(file, shipped)
    print(f"{len(files)} files of machine code for {named} in {shipped}")


def _compile(instruction_set: InstructionSet, directory: Path) -> None:
    """Compile all kernels for an instruction set, in a process that numba's variables reach."""
    variables = {
        "NUMBA_CPU_NAME": instruction_set.cpu_name,
        "NUMBA_CPU_FEATURES": instruction_set.features,
        "NUMBA_CACHE_DIR": str(directory),
    }
    command = [sys.executable, "-c", _WARM_UP]
    subprocess.run(command, env={**os.environ, **variables}, check=True)  # noqa: S603 - this Python


if __name__ == "__main__":
    main(sys.argv[1:])
