"""Runs the Python of one page, a piece at a time: a line of JSON each on standard input."""

import json
import linecache
import sys
import traceback
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any


def main() -> None:
    """Run what comes until nothing more does."""
    sys.path.insert(0, "")
    names: dict[str, Any] = {"__name__": "__main__"}
    answers = sys.stdout
    for line in sys.stdin:
        order = json.loads(line)
        with (
            Path(order["out"]).open("w", encoding="utf-8") as out,
            Path(order["error"]).open("w", encoding="utf-8") as error,
            redirect_stdout(out),
            redirect_stderr(error),
        ):
            answer = _run(Path(order["code"]).read_text("utf-8"), order["page"], names)
        print(answer, file=answers, flush=True)


def _run(code: str, page: str, names: dict[str, Any]) -> str:
    linecache.cache[page] = (len(code), None, code.splitlines(keepends=True), page)
    try:
        exec(compile(code, page, "exec"), names)  # noqa: S102 - the page's own code
    except BaseException as error:  # noqa: BLE001 - whatever it is, the page is wrong
        traceback.print_exc()
        return f"raised {type(error).__name__}"
    return "done"


if __name__ == "__main__":
    main()
