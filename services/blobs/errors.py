"""What only a store of blobs has to say; and errors that outlive the call that raised them.

WeightbankError
└── BlobInUseError             it is pinned, being read, or on its way elsewhere
"""

from typing import Literal

from weightbank.errors import WeightbankError

Use = Literal["is pinned", "is being read", "is being fetched by another process"]


class BlobInUseError(WeightbankError):
    """A blob cannot be removed now.

    Examples:
        >>> str(BlobInUseError("sha256:00", "is pinned"))
        "blob 'sha256:00' is pinned; accepted: a blob that is neither pinned nor in use"
    """

    code = "blob_in_use"

    def __init__(self, blob_hash: str, use: Use) -> None:
        super().__init__("blob", blob_hash, use, "a blob that is neither pinned nor in use")


def without_frames(error: Exception) -> Exception:
    """Return an error that is to be kept: its frames would keep buffers and files."""
    error.__traceback__ = error.__cause__ = error.__context__ = None
    return error


def twin_of(error: Exception) -> Exception:
    """Return an error to be raised in place of one that several threads raise.

    A traceback is the error's own: raised itself, it would collect the frames of all.

    Examples:
        >>> error = OSError(28, "No space left on device")
        >>> twin = twin_of(error)
        >>> twin is error, type(twin) is type(error), str(twin) == str(error), twin.errno
        (False, True, True, 28)
    """
    kind = type(error)
    twin = kind.__new__(kind, *error.args)
    twin.__dict__.update(error.__dict__)
    return twin
