"""What can be wrong with a file of specs, or with having it here.

WeightbankError
├── InvalidImportError     the file is damaged, cut, or not one of these
└── ImportConflictError    what it says of a name is not what is so here
"""

from collections.abc import Sequence

from weightbank.errors import NO_VALUE, WeightbankError

_SHOWN = 10


class InvalidImportError(WeightbankError):
    """The file is damaged, cut, or not one of these.

    Examples:
        >>> str(InvalidImportError(3, "is no JSON object"))
        'line 3 is no JSON object; accepted: a file as GET /v1/specs:export writes it'
    """

    code = "invalid_import"

    def __init__(self, line: int, problem: str) -> None:
        accepted = "a file as GET /v1/specs:export writes it"
        super().__init__(f"line {line}", NO_VALUE, problem, accepted)


class ImportConflictError(WeightbankError):
    """What the file says of a name is not what is so here; nothing was imported.

    Examples:
        >>> str(ImportConflictError(["vision/resnet50@3"]))
        'names vision/resnet50@3 stand for other specs here, or are retired in the file and in \
use here; accepted: names that agree'
    """

    code = "import_conflict"

    def __init__(self, names: Sequence[str]) -> None:
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        shown = ", ".join(names[:_SHOWN]) + more
        problem = "stand for other specs here, or are retired in the file and in use here"
        super().__init__(f"names {shown}", NO_VALUE, problem, "names that agree")
