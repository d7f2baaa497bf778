"""Prints docs/settings.md: ``python -m app.settings_table > docs/settings.md``."""

from typing import Any

from pydantic import ByteSize, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from app.access_settings import AccessSettings
from app.checkpoint_settings import CheckpointSettings
from app.http_settings import HttpSettings
from app.settings import PREFIX, Settings
from app.trace_settings import TraceSettings

_KIBIBYTE = 2**10
_OF_THE_PROCESS = {
    "threads": "cores",
    "hub_endpoint": "`https://huggingface.co`",
    "hub_offline": "`false`",
}
"""Defaults that depend on where the process runs, in words."""

_HEAD = """\
# Settings

Every setting is an environment variable, read once when the server starts. A variable that begins
with `WEIGHTBANK_` and is not in this table stops the start, so that a typing error does not go
unnoticed. Sizes can be written as `4194304`, `4MiB` or `4 MiB`.

| setting | default | what it says |
|---|---|---|
"""


def settings_page() -> str:
    """Return the page with a row for each setting.

    Examples:
        >>> "| `WEIGHTBANK_PORT` | `8000` | Port to listen on" in settings_page()
        True
    """
    rows = [
        f"| `{PREFIX}{name.upper()}` | {default_of(name, field)} | {field.description} |\n"
        for name, field in ordered_fields()
    ]
    return _HEAD + "".join(rows)


def ordered_fields() -> list[tuple[str, FieldInfo]]:
    """Return the fields as they are to be read: first those of the server itself."""
    parts = [
        fields.model_fields
        for fields in (HttpSettings, AccessSettings, CheckpointSettings, TraceSettings)
    ]

    def part(item: tuple[str, FieldInfo]) -> int:
        return sum(index for index, fields in enumerate(parts, 1) if item[0] in fields)

    return sorted(Settings.model_fields.items(), key=part)


def default_of(name: str, field: FieldInfo) -> str:
    """Return a default as the page shows it: a literal in backticks, or in words."""
    value: Any = field.default
    if value is PydanticUndefined:
        return _OF_THE_PROCESS[name]
    if isinstance(value, SecretStr) or value in {"", None}:
        return "empty"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if field.annotation is ByteSize:
        shown = ByteSize(value).human_readable(decimal=value % _KIBIBYTE != 0, separator=" ")
        return f"`{shown.replace('.0 ', ' ')}`"
    return f"`{value}`"


if __name__ == "__main__":
    print(settings_page(), end="")  # noqa: T201 - this is what it is for
