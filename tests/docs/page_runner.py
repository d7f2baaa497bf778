"""Runs the blocks of one page in order, as a reader does who starts with a clone.

What a page calls 127.0.0.1:8000 is a server of the page's own on a free port; other ports
of the page become free ones as well. The reader's commands stay as they are otherwise.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import httpx
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from app.settings import PREFIX, Settings
from tests.docs.blocks import ROOT, Block
from tests.docs.interpreters import Outcome, Python, Shell
from tests.docs.segments import Segment, is_printed, split_python, split_shell
from tests.ports import free_port

BLOCK_SECONDS = 180
SERVER = "127.0.0.1:8000"

_SITE = Path(__file__).parent / "site"
_ADDRESS = re.compile(r"(127\.0\.0\.1:|localhost:|WEIGHTBANK_PORT=)(8\d{3})\b")

# What Python finds by itself, what servers make, and what is copied.
_LEFT_OUT = {"app", "schemas", "services", "weightbank", "tests", "data", "examples"}


# What would change the machine or the environment that tests run in.
_NEVER = re.compile(
    r"\b(pip3? install|make \w+|sudo|docker|kubectl|helm|kustomize|systemctl|apt|ray start)\b"
)


class WrongBlockError(AssertionError):
    """A block that does not do what its page says."""


class PageRunner:
    """What a reader of one page has.

    Args:
        folder: Empty, for all that comes of it.
        start_server: Starts a server on a directory of data, and returns its URL.
        settings: ``WEIGHTBANK_*`` that servers of the page get too.
    """

    def __init__(
        self,
        folder: Path,
        start_server: Callable[[ExitStack, Path], str],
        settings: dict[str, str] | None = None,
    ) -> None:
        self._stack = ExitStack()
        self._start_server = start_server
        self._settings = settings or {}
        self._ports: dict[str, str] = {}
        self._files = folder / "files"
        self._clone = folder / "clone"
        self._files.mkdir()
        self._clone.mkdir()
        for path in ROOT.iterdir():
            is_hidden = path.name.startswith(".") and path.name != ".env.example"
            if not is_hidden and path.name not in _LEFT_OUT:
                (self._clone / path.name).symlink_to(path)
        (self._clone / ".venv").symlink_to(sys.prefix)
        shutil.copytree(ROOT / "examples", self._clone / "examples")

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(self, *_: object) -> None:
        """End all processes, and leave nothing on the disk."""
        self._stack.close()
        shutil.rmtree(self._clone)
        shutil.rmtree(self._files)

    def write(self, path: str, text: str) -> None:
        """Give the reader a file of his own."""
        target = self._clone / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")

    def run(self, block: Block) -> None:
        """Run a block, or check what can be checked of it if it is marked.

        Raises:
            WrongBlockError: If it does not do what the page says.
        """
        actions = {
            "sh": self._run_shell,
            "python": self._run_python,
            "yaml": self._check_yaml,
            "json": check_syntax,
            "ini": check_syntax,
            "text": lambda _: None,
        }
        if block.language not in actions:
            accepted = ", ".join(actions)
            raise WrongBlockError(
                f"{block.place}: language {block.language!r} is not run; accepted: {accepted}"
            )
        if block.reason is None:
            actions[block.language](block)
        else:
            check_syntax(block)

    def _run_shell(self, block: Block) -> None:
        found = _NEVER.search(block.code)
        if found is not None:
            raise WrongBlockError(f"{block.place}: {found[0]!r} is never run; mark the block")
        if "examples/" in block.code:
            self._rewrite_examples()
        for segment in split_shell(block.code):
            outcome = self._shell.run(
                self._here(segment.code),
                is_strict=segment.expected is None,
                timeout_seconds=BLOCK_SECONDS,
            )
            self._judge(block, segment, outcome)

    def _run_python(self, block: Block) -> None:
        for segment in split_python(block.code):
            outcome = self._python.run(
                self._here(segment.code),
                page=block.page,
                line=block.line + segment.line,
                timeout_seconds=BLOCK_SECONDS,
            )
            self._judge(block, segment, outcome)

    def _judge(self, block: Block, segment: Segment, outcome: Outcome) -> None:
        place = f"{block.page}:{block.line + segment.line}"
        printed, complained = (
            self._as_written(text) for text in (outcome.printed, outcome.complained)
        )
        if outcome.problem is not None:
            seen = f"{segment.code}\n{printed}\n{complained}"
            raise WrongBlockError(f"{place}: {outcome.problem}\n{seen}")
        if segment.expected is not None and not is_printed(segment.expected, printed):
            told = "\n".join(segment.expected)
            raise WrongBlockError(
                f"{place}: does not print what the page says\n{segment.code}\n"
                f"the page says:\n{told}\n\nit prints:\n{printed}\n{complained}"
            )

    def _check_yaml(self, block: Block) -> None:
        """Have the server resolve it if it is a spec."""
        if not any(_is_spec(document) for document in _yaml_documents(block)):
            return
        answer = httpx.post(
            f"http://{self._here(SERVER)}/v1/specs?dry_run=true",
            content=block.code.encode(),
            headers={"Content-Type": "application/yaml"},
            timeout=BLOCK_SECONDS,
        )
        if answer.is_error:
            raise WrongBlockError(f"{block.place}: is refused as a spec\n{answer.text}")

    def _here(self, text: str) -> str:
        """Return code as it is to be run here."""

        def replaced(found: re.Match[str]) -> str:
            return f"{found[1].replace('localhost', '127.0.0.1')}{self._port(found[2])}"

        return _ADDRESS.sub(replaced, text)

    def _as_written(self, text: str) -> str:
        """Return output as a reader would see it."""
        for written, port in self._ports.items():
            text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{written}")
        return text

    def _port(self, written: str) -> str:
        if written not in self._ports:
            server = SERVER.rpartition(":")[2]
            self._ports[written] = self._server_port() if written == server else str(free_port())
        return self._ports[written]

    def _server_port(self) -> str:
        url = self._start_server(self._stack, self._clone / "data")
        return url.rpartition(":")[2]

    @cached_property
    def _shell(self) -> Shell:
        folders = {"folder": self._clone, "files": self._folder("shell")}
        return self._stack.enter_context(Shell(**folders, environment=self._environment()))

    @cached_property
    def _python(self) -> Python:
        folders = {"folder": self._clone, "files": self._folder("python")}
        return self._stack.enter_context(Python(**folders, environment=self._environment()))

    def _folder(self, name: str) -> Path:
        folder = self._files / name
        folder.mkdir()
        return folder

    def _rewrite_examples(self) -> None:
        """Let scripts that speak to the server by themselves find it."""
        for path in (self._clone / "examples").glob("*.py"):
            path.write_text(self._here(path.read_text("utf-8")), "utf-8")

    def _environment(self) -> dict[str, str]:
        """Return that of the reader, who has set nothing of ours."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("WEIGHTBANK", "HF_"))
        }
        ours = {
            "HF_HOME": str(self._files / "huggingface"),
            "PIP_DRY_RUN": "1",
            "PYTHONPATH": f"{_SITE}{os.pathsep}{ROOT}",
        }
        return {**kept, **ours, **self._settings}


def check_syntax(block: Block) -> None:
    """Check what can be checked of a block without running it.

    Raises:
        WrongBlockError: If it cannot be read.
    """
    try:
        if block.language == "sh":
            command = ["bash", "-n"]
            subprocess.run(  # noqa: S603 - reads, and runs nothing
                command, input=block.code, capture_output=True, text=True, check=True
            )
        elif block.language == "python":
            compile(block.code, block.page, "exec")
        elif block.language == "yaml":
            list(_yaml_documents(block))
        elif block.language == "json":
            json.loads(block.code)
        elif block.language == "ini":
            _check_environment(block.code)
    except subprocess.CalledProcessError as error:
        raise WrongBlockError(f"{block.place}: {error.stderr}") from error
    except (SyntaxError, ValueError) as error:
        raise WrongBlockError(f"{block.place}: {error}") from error


def _yaml_documents(block: Block) -> Iterator[Any]:
    try:
        yield from YAML(typ="safe").load_all(block.code)
    except YAMLError as error:
        raise WrongBlockError(f"{block.place}: {error}") from error


def _check_environment(code: str) -> None:
    """See that lines of a file of variables set what there is to set.

    Raises:
        ValueError: If one does not.
    """
    for line in code.splitlines():
        name, equals, _ = line.partition("=")
        if not line.strip() or line.startswith("#"):
            continue
        field = name.removeprefix(PREFIX).lower()
        if not equals or (name.startswith(PREFIX) and field not in Settings.model_fields):
            raise ValueError(f"{line!r} sets nothing that there is")


def _is_spec(document: Any) -> bool:
    return isinstance(document, dict) and "layers" in document
