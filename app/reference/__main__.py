"""Writes the pages: ``python -m app.reference docs/reference``."""

import sys
from pathlib import Path

from app.reference.pages import all_pages


def main(folder: Path) -> None:
    """Write all pages to a folder."""
    for name, text in all_pages().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
