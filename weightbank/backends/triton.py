"""The backend for GPUs: Triton kernels, and memory of the host that they fill.

torch and triton are imported when a backend is made, not before: the library needs
neither. What has no kernel yet is made on the CPU.
"""

import importlib
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from weightbank.backends.cpu import CpuBackend
from weightbank.backends.staging import BLOCK_BYTES, CudaStaging, HostStaging, Staging
from weightbank.distributions import Drawn, Normal, Truncated, Uniform
from weightbank.dtypes import BFLOAT16, FLOAT16, FLOAT32, FLOAT64, Dtype
from weightbank.making import Making
from weightbank.numbers.streams import Stream

if TYPE_CHECKING:
    import torch

    from weightbank.triton_kernels.launch import Launcher

_WORD_BYTES = 4


class TritonBackend:
    """The reference's bytes, from a GPU.

    Several threads may call at once. Each has its own streams and its own buffers
    on the device, so that one thread's kernels run beside another's copies.

    Args:
        device: ``cuda:N``; or ``cpu``, if ``TRITON_INTERPRET=1`` was set before this
            package's kernels were first imported.
        block_bytes: Bytes that are made into one of a thread's two buffers at a
            time, a multiple of 32.
        threads: Of the CPU, for orthogonal matrices.

    Raises:
        ImportError: If torch or triton is missing.
        ValueError: If there is no such device.
    """

    def __init__(
        self, device: str = "cuda:0", *, block_bytes: int = BLOCK_BYTES, threads: int = 1
    ) -> None:
        self._torch: Any = _imported("torch")
        _imported("triton")
        self.device: torch.device = _checked(self._torch, device)
        kernels = importlib.import_module("weightbank.triton_kernels.launch")
        self._launcher: Launcher = kernels.Launcher(self.device)
        self._block_bytes = block_bytes
        self._cpu = CpuBackend(threads)
        self._own = threading.local()
        self._closed = False

    def fill(self, values: Drawn, dtype: Dtype, start: int, out: NDArray[Any]) -> None:
        """See ``Backend.fill``; it is fastest where ``out`` is pinned."""
        made_in = self._launcher.dtype(dtype)

        def make(first: int, memory: "torch.Tensor") -> None:
            self._launcher.fill(values, dtype, first, memory.view(made_in))

        self._copy_out(start, dtype.item_bytes, make, out)

    def words(self, stream: Stream, start: int, stop: int) -> NDArray[np.uint32]:
        """See ``Backend.words``."""
        out = np.empty(stop - start, np.uint32)

        def make(first: int, memory: "torch.Tensor") -> None:
            self._launcher.fill_words(stream, first, memory.view(self._torch.int32))

        self._copy_out(start, _WORD_BYTES, make, out)
        return out

    def begin_orthogonal(self, stream: Stream, rows: int, columns: int, gain: np.float32) -> Making:
        """See ``Backend.begin_orthogonal``: it is the CPU's."""
        return self._cpu.begin_orthogonal(stream, rows, columns, gain)

    def launch(self, values: Drawn, dtype: Dtype, start: int, out: "torch.Tensor") -> None:
        """Fill a tensor that is on the device already.

        It returns once the kernels are under way on the device's current stream.

        Args:
            values: What to draw.
            dtype: A floating dtype.
            start: First element, counted over the whole tensor.
            out: Of ``dtype``, contiguous, on the device, shape (n,). Fastest where
                ``start`` is a multiple of 4 and its address one of 16.
        """
        self._launcher.fill(values, dtype, start, out)

    def warm_up(self) -> None:
        """Compile all kernels that ``fill`` and ``words`` use, before the first call."""
        stream = Stream(0, 0, 0, 0)
        one, zero, infinite = np.float32(1), np.float32(0), np.float32(np.inf)
        kinds: tuple[Drawn, ...] = (
            Normal(stream, one, zero),
            Uniform(stream, one, zero),
            Truncated(stream, 0, 2**32, one, zero, -infinite, infinite),
        )
        for dtype in (FLOAT32, FLOAT64, BFLOAT16, FLOAT16):
            for values in kinds:
                self.fill(values, dtype, 0, np.empty(1, dtype.storage))
        self.words(stream, 0, 1)
        self._cpu.warm_up()

    def close(self) -> None:
        """Let go of the device's memory. Calls under way go on; later ones raise RuntimeError."""
        self._closed = True
        self._own = threading.local()
        self._cpu.close()

    def _copy_out(self, start: int, item_bytes: int, make: Any, out: NDArray[Any]) -> None:
        if self._closed:
            raise RuntimeError("the backend is closed")
        if out.size:
            host = self._torch.from_numpy(out.view(np.uint8))
            self._staging().copy_out(start, item_bytes, make, host)

    def _staging(self) -> Staging:
        """Return what belongs to this thread, made on its first call."""
        own = self._own
        if not hasattr(own, "staging"):
            if self.device.type == "cuda":
                own.staging = CudaStaging(self._torch, self.device, self._block_bytes)
            else:
                own.staging = HostStaging(self._torch, self._block_bytes)
        staging: Staging = own.staging
        return staging


def _imported(package: str) -> Any:
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise ImportError(
            f"the backend for GPUs needs {package}, which cannot be imported: {error}; "
            "accepted: pip install 'weightbank[gpu]'",
            name=package,
        ) from error


def _checked(torch_module: Any, name: str) -> "torch.device":
    """Return the device of a name if kernels can run there."""
    device: torch.device = torch_module.device(name)
    if device.type == "cuda" and torch_module.cuda.is_available():
        number = torch_module.cuda.current_device() if device.index is None else device.index
        if number < torch_module.cuda.device_count():
            found: torch.device = torch_module.device("cuda", number)
            return found
    if device.type == "cpu":
        compiled = importlib.import_module("weightbank.triton_kernels.compile")
        if compiled.INTERPRETED:
            return device
        raise ValueError(
            "device 'cpu' runs no compiled kernels; accepted: cuda:N, or TRITON_INTERPRET=1 in "
            "the environment before kernels are imported"
        )
    accepted = ", ".join(f"cuda:{number}" for number in range(torch_module.cuda.device_count()))
    raise ValueError(f"device {name!r} is not there; accepted: {accepted or 'no GPU is seen'}")
