"""Descriptions of what paths of names consist of, and of what can be wrong with them."""

from typing import Any

from app.parameters import PATH_ID
from services.names.syntax import ID_PATTERN, NAME_PATTERN, VERSION_PATTERN

NAME_CODES = ("invalid_team", "invalid_team_name")
"""What can be wrong with a name by itself."""

REFERENCE_CODES = (
    *NAME_CODES,
    "invalid_version",
    "unknown_name",
    "unknown_version",
    "retired_name",
)
"""What can be wrong with a version of a name."""

PATH_TEAM: dict[str, Any] = {
    "name": "team",
    "in": "path",
    "required": True,
    "description": "A team: 1 to 63 characters of `a-z 0-9 . _ -`, beginning with a letter or a "
    "digit, without `..`.",
    "schema": {"type": "string", "pattern": f"^{NAME_PATTERN}$"},
    "example": "vision",
}
PATH_NAME: dict[str, Any] = {
    **PATH_TEAM,
    "name": "name",
    "description": "A name of the team, written as teams are.",
    "example": "resnet50",
}
PATH_VERSION: dict[str, Any] = {
    "name": "version",
    "in": "path",
    "required": True,
    "description": "A number; or `latest`, which stands for another spec whenever the name does.",
    "schema": {"type": "string", "pattern": f"^({VERSION_PATTERN})$"},
    "example": "3",
}
PATH_OTHER: dict[str, Any] = {
    "name": "other",
    "in": "path",
    "required": True,
    "description": "The spec to compare with: an id, or `team/name@version`.",
    "schema": {
        "type": "string",
        "pattern": f"^({ID_PATTERN}|{NAME_PATTERN}/{NAME_PATTERN}@({VERSION_PATTERN}))$",
    },
}
PATH_OTHER_OF_NAME: dict[str, Any] = {
    **PATH_OTHER,
    "description": "The spec to compare with: an id, `team/name@version`, or `@version` of the "
    "same name.",
    "schema": {
        "type": "string",
        "pattern": f"^({ID_PATTERN}|({NAME_PATTERN}/{NAME_PATTERN})?@({VERSION_PATTERN}))$",
    },
    "example": "@latest",
}

CHANGE_CONDITIONS: list[dict[str, Any]] = [
    {
        "name": name,
        "in": "header",
        "required": False,
        "description": text,
        "schema": {"type": "string"},
    }
    for name, text in (
        ("If-Match", '`"3"`: change it only if 3 is the newest version.'),
        ("If-None-Match", "`*`: change it only if it has no version."),
    )
]
"""What a change of a name can be bound to."""

NAMED = "/{team}/{name:unversioned}@{version}"
"""Behind ``/v1/weights`` or ``/v1/specs``, in place of an id."""

UNVERSIONED = "/{team}/{name:unversioned}"
"""A name alone."""

NAMED_PARAMETERS = [PATH_TEAM, PATH_NAME, PATH_VERSION]
ID_PARAMETERS = [PATH_ID]
