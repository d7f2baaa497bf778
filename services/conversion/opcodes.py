"""What a pickle would call for, read from its opcodes; nothing of it is run.

Theory of operation: a pickle is a program, and all that it can do beyond making dicts,
lists, numbers and strings goes by objects that it calls for by name (GLOBAL and its
kin). A state dict of plain tensors needs a dozen such names. Any other is refused here,
so that whoever wanted the file reads its name. This is not what keeps code from
running: torch's own reader has a list too, and reads the file for itself.
"""

import pickletools
import re
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections import deque
from typing import BinaryIO

from services.conversion.refusal import Refusal

PICKLE_BYTES = 2**26
"""Most bytes of pickles in a file. Those of a model with 10,000 tensors are one megabyte."""

_ALLOWED = frozenset(
    {
        "_codecs.encode",
        "builtins.bytearray",
        "builtins.complex",
        "builtins.set",
        "collections.Counter",
        "collections.OrderedDict",
        "torch.Size",
        "torch.Tensor",
        "torch._utils._rebuild_meta_tensor_no_storage",
        "torch._utils._rebuild_parameter",
        "torch._utils._rebuild_qtensor",
        "torch._utils._rebuild_sparse_tensor",
        "torch._utils._rebuild_tensor",
        "torch._utils._rebuild_tensor_v2",
        "torch._utils._rebuild_tensor_v3",
        "torch.device",
        "torch.nn.parameter.Parameter",
        "torch.serialization._get_layout",
        "torch.storage.TypedStorage",
        "torch.storage.UntypedStorage",
    }
)
# Storages, dtypes and the schemes of quantized tensors, which are refused by name later.
_ALLOWED_PATTERN = re.compile(
    r"torch\.((cuda\.)?[A-Za-z0-9]+Storage"
    r"|bool|u?int[0-9]+|b?float[0-9]+\w*|complex[0-9]+|qu?int\w+|per_\w+)"
)
_STRINGS = {"STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE"}
_STRINGS |= {"SHORT_BINUNICODE", "BINUNICODE8"}
_PUTS = {"PUT", "BINPUT", "LONG_BINPUT"}
_GETS = {"GET", "BINGET", "LONG_BINGET"}
_EXTENSIONS = {"EXT1", "EXT2", "EXT4"}
_UNKNOWN = "?"


def check_opcodes(file: BinaryIO) -> None:
    r"""Read one pickle, up to its end, and refuse what no state dict calls for.

    Args:
        file: Where the pickle begins.

    Raises:
        Refusal: ``code`` with the name it calls for, or ``unwieldy``.
        ValueError: If it is no pickle, or has no end.

    Examples:
        >>> import io
        >>> check_opcodes(io.BytesIO(b"cposix\nsystem\n."))
        Traceback (most recent call last):
        services.conversion.refusal.Refusal: ('code', 'posix.system', '')
    """
    strings = _Strings()
    first = file.tell()
    for opcode, argument, position in pickletools.genops(file):
        if (position or first) - first > PICKLE_BYTES:
            raise Refusal("unwieldy", PICKLE_BYTES)
        name = opcode.name
        if name in {"GLOBAL", "INST"}:
            _check_global(*str(argument).split(" ", 1))
        elif name == "STACK_GLOBAL":
            _check_global(*strings.last_two())
        elif name in _EXTENSIONS:
            raise Refusal("code", f"copyreg extension {argument}")
        else:
            strings.see(name, argument)


def _check_global(module: str, name: str) -> None:
    """Refuse a name, as Python 3 has it, unless a state dict may need it."""
    if (module, name) in NAME_MAPPING:
        module, name = NAME_MAPPING[module, name]
    else:
        module = IMPORT_MAPPING.get(module, module)
    full = f"{module}.{name}"
    if full not in _ALLOWED and _ALLOWED_PATTERN.fullmatch(full) is None:
        raise Refusal("code", full)


class _Strings:
    """Strings that a pickle has pushed, as far as it takes to name what it calls for."""

    def __init__(self) -> None:
        self._pushed: deque[str] = deque([_UNKNOWN] * 2, maxlen=2)
        self._memo: dict[int, str] = {}

    def see(self, name: str, argument: object) -> None:
        """Follow one opcode."""
        if name in _STRINGS:
            self._pushed.append(str(argument))
        elif name == "MEMOIZE":
            self._memo[len(self._memo)] = self._pushed[-1]
        elif name in _PUTS and isinstance(argument, int):
            self._memo[argument] = self._pushed[-1]
        elif name in _GETS and isinstance(argument, int):
            self._pushed.append(self._memo.get(argument, _UNKNOWN))

    def last_two(self) -> tuple[str, str]:
        """Return the module and the name that STACK_GLOBAL takes from the stack.

        Raises:
            ValueError: If nobody can say what they are: it is hardly a pickle.
        """
        module, name = self._pushed
        if _UNKNOWN in self._pushed:
            raise ValueError("a global without a name")
        return module, name
