"""How a conversion went, in words for the caller."""

import json
import re
import signal
from collections.abc import Mapping
from typing import Any

from services.conversion.process import Ending
from services.conversion.refusal import KINDS
from services.hub.errors import ConversionError
from weightbank.errors import NO_VALUE

_TORCH_SAVE = "a file that torch.save wrote, of a state dict alone"
_STATE_DICT = "a dict of tensors by name, or one under state_dict, model, or their _ema kin"
_TENSORS = "dense tensors of the dtypes that safetensors has"

# The argument, the problem, and what is accepted.
_WORDS: Mapping[str, tuple[str, str, str]] = {
    "archive": ("record", "in the archive is nothing that torch.save writes", _TORCH_SAVE),
    "code": (
        "global",
        "is called for by the pickle, and no state dict needs it: it can run code",
        "pickles that call for torch's tensors and collections.OrderedDict alone",
    ),
    "compressed": (
        "record",
        "in the archive is compressed or encrypted, which torch.save never does",
        _TORCH_SAVE,
    ),
    "crashed": ("checkpoint", "ended the process that converted it ({detail})", _TORCH_SAVE),
    "damaged": (
        "checkpoint",
        "cannot be read: it is cut off or damaged, or weights_only=True does not take it",
        _TORCH_SAVE,
    ),
    "empty": ("checkpoint", "holds a state dict without tensors", _STATE_DICT),
    "entry": ("entry", "of the state dict is of type {detail}, and is no tensor", _STATE_DICT),
    "failed": ("checkpoint", "could not be converted; the server's log says why", ""),
    "format": ("checkpoint", "is no file that torch.save wrote", _TORCH_SAVE),
    "large": ("bytes", "would be the size of the converted file", "{file_bytes:,} bytes or fewer"),
    "memory": (
        "checkpoint",
        "needs too much memory to be converted",
        "what needs {memory_bytes:,} bytes or fewer",
    ),
    "name": ("name", "of an entry of the state dict cannot be that of a tensor", _STATE_DICT),
    "slow": (
        "checkpoint",
        "takes too long to be converted",
        "what takes {timeout_seconds:g} s or less",
    ),
    "structure": ("type", "is that of what the checkpoint holds", _STATE_DICT),
    "tensor": ("tensor", "is {detail}", _TENSORS),
    "torchscript": ("checkpoint", "is a TorchScript archive, which is code", _TORCH_SAVE),
    "unwieldy": ("bytes", "are too many for the structure of a checkpoint", _TORCH_SAVE),
}
_DETAIL = re.compile(r"[A-Za-z0-9_.]{1,60}")
_SHOWN_CHARACTERS = 500


def check_ending(ending: Ending, bounds: Mapping[str, float]) -> None:
    """Return if a file was converted, as far as its process can be believed.

    Args:
        ending: How the process ended.
        bounds: ``memory_bytes``, ``timeout_seconds`` and ``file_bytes``.

    Raises:
        ConversionError: If not.
    """
    if ending.is_large:
        raise _error({"kind": "large", "value": ending.written_bytes}, bounds)
    if ending.is_late or ending.status == -signal.SIGXCPU:
        raise _error({"kind": "slow"}, bounds)
    if ending.status == -signal.SIGKILL:
        # By the kernel: we only kill for lateness or size, and after its own end.
        raise _error({"kind": "memory"}, bounds)
    report = _report(ending)
    if ending.status != 0 or report is None:
        how = f"status {ending.status}" if ending.status >= 0 else f"signal {-ending.status}"
        raise _error({"kind": "crashed"}, bounds, detail=how)
    if report["kind"] != "converted":
        raise _error(report, bounds)


def _report(ending: Ending) -> dict[str, Any] | None:
    """Return what it reported, if that is a report at all."""
    try:
        report = json.loads(ending.report)
    except (ValueError, RecursionError):
        return None
    if not isinstance(report, dict) or not isinstance(report.get("kind"), str):
        return None
    if report["kind"] == "converted":
        return report if report.get("size_bytes") == ending.written_bytes else None
    return report if report["kind"] in KINDS else None


def _error(
    report: Mapping[str, Any], bounds: Mapping[str, float], *, detail: str | None = None
) -> ConversionError:
    """Return the error for a report, whose values may be anything."""
    argument, problem, accepted = _WORDS[report["kind"]]
    if detail is None:
        told = report.get("detail")
        detail = told if isinstance(told, str) and _DETAIL.fullmatch(told) else "another"
    value = report.get("value")
    if isinstance(value, str):
        value = value[:_SHOWN_CHARACTERS]
    elif not isinstance(value, int):
        value = NO_VALUE
    return ConversionError(
        argument, value, problem.format(detail=detail), accepted.format_map(bounds)
    )
