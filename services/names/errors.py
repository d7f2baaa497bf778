"""What can be wrong with a name, or with what it is to stand for.

WeightbankError
├── InvalidTeamError        no team can be called this
├── InvalidTeamNameError    nothing can be called this
├── InvalidVersionError     neither a number nor ``latest``
├── InvalidReferenceError   neither an id nor ``team/name@version``
├── MissingVersionError     a name alone, where one version is meant
├── InvalidNoteError        a note that is too long, or no text
├── UnknownTeamError        no team of this name has names here
├── UnknownNameError        the team has no such name
├── UnknownVersionError     the name has no such version
└── RetiredNameError        it had one, and an administrator retired it
"""

from collections.abc import Sequence

from weightbank.errors import WeightbankError
from weightbank.suggestions import accepted_names

_LIST = "what GET /v1/names lists"


class InvalidTeamError(WeightbankError):
    """No team can be called this."""

    code = "invalid_team"


class InvalidTeamNameError(WeightbankError):
    """Nothing can be called this."""

    code = "invalid_team_name"


class InvalidVersionError(WeightbankError):
    """What should be a version is neither a number nor ``latest``."""

    code = "invalid_version"


class InvalidReferenceError(WeightbankError):
    """What should name a spec is neither an id nor ``team/name@version``."""

    code = "invalid_reference"


class InvalidNoteError(WeightbankError):
    """A note that is too long, or no text."""

    code = "invalid_note"


class MissingVersionError(WeightbankError):
    """A name alone, where one version is meant: what it stands for may change.

    Examples:
        >>> str(MissingVersionError("vision/resnet50", newest_version=3))
        "name 'vision/resnet50' has no version; accepted: vision/resnet50@3, the newest one, \
or vision/resnet50@latest"
    """

    code = "missing_version"

    def __init__(self, name: str, *, newest_version: int) -> None:
        accepted = f"{name}@{newest_version}, the newest one, or {name}@latest"
        super().__init__("name", name, "has no version", accepted)


class UnknownTeamError(WeightbankError):
    """No team of this name has names here."""

    code = "unknown_team"

    def __init__(self, team: str, *, known: Sequence[str]) -> None:
        accepted = accepted_names(team, known) if known else _LIST
        super().__init__("team", team, "has no names here", accepted)


class UnknownNameError(WeightbankError):
    """The team has no such name.

    Examples:
        >>> str(UnknownNameError("vision/resnet51", known=["vision/resnet50"]))
        "name 'vision/resnet51' is unknown; accepted: vision/resnet50 (did you mean this?)"
    """

    code = "unknown_name"

    def __init__(self, name: str, *, known: Sequence[str]) -> None:
        accepted = accepted_names(name, known) if known else _LIST
        super().__init__("name", name, "is unknown", accepted)


class UnknownVersionError(WeightbankError):
    """The name has no such version."""

    code = "unknown_version"

    def __init__(self, name: str, version: int, *, newest_version: int) -> None:
        problem = f"is no version of {name}"
        super().__init__("version", version, problem, f"{newest_version}, the newest one")


class RetiredNameError(WeightbankError):
    """There was such a version, and an administrator retired it."""

    code = "retired_name"

    def __init__(self, name: str, version: int | None, *, newest_version: int | None) -> None:
        shown = name if version is None else f"{name}@{version}"
        accepted = (
            "another name, or a new version of this one"
            if newest_version is None
            else f"{name}@{newest_version}, the newest one"
        )
        super().__init__("name", shown, "is retired", accepted)
