"""Writes tests/contract/openapi.json anew: ``python -m tests.contract.update_openapi``."""

import json
from pathlib import Path
from typing import Any

from app.application import create_app
from app.settings import Settings

SNAPSHOT = Path(__file__).parent / "openapi.json"


def openapi_document() -> dict[str, Any]:
    """Return the interface's description as it is now."""
    document: dict[str, Any] = create_app(Settings()).openapi()
    # The package's version changes without the interface.
    document["info"]["version"] = "0"
    return document


if __name__ == "__main__":
    text = json.dumps(openapi_document(), indent=1, ensure_ascii=False, sort_keys=True)
    SNAPSHOT.write_text(text + "\n", encoding="utf-8")
