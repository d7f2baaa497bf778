"""The runner of pages notices what is wrong."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.docs.blocks import find_blocks
from tests.docs.page_runner import PageRunner, WrongBlockError

FENCE = "```"


def nothing(_stack: ExitStack, _data_dir: Path) -> str:
    """Start no server; nobody listens at this address."""
    return "http://127.0.0.1:9"


class Refusing(BaseHTTPRequestHandler):
    """Answers 404, and says where it was asked."""

    def do_GET(self) -> None:
        """Refuse."""
        body = f"nothing at http://{self.headers['Host']}{self.path}\n".encode()
        self.send_response(404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing of it."""


@contextmanager
def refusing_server() -> Iterator[str]:
    """Run a server that refuses everything; yields its URL."""
    with HTTPServer(("127.0.0.1", 0), Refusing) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def refuse(stack: ExitStack, _data_dir: Path) -> str:
    """Start a server that refuses everything."""
    return stack.enter_context(refusing_server())


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[[str], None]]:
    """Runs all blocks of a page."""
    with PageRunner(tmp_path, nothing) as runner:

        def run(text: str) -> None:
            for block in find_blocks(text, page="page.md"):
                runner.run(block)

        yield run


def page(*blocks: str) -> str:
    """Return a page of blocks, each with its language in the first line."""
    return "\n".join(f"{FENCE}{block}\n{FENCE}\n" for block in blocks)


@pytest.mark.parametrize(
    "blocks",
    [
        ["sh\necho one\n# one\n\n# a comment\necho two"],
        ["sh\nprintf 'one\\ntwo\\n'\n# one\n# ..."],
        ["sh\nNAME=kept", "sh\necho $NAME\n# kept"],
        ["sh\ncat > file <<'END'\n# no output\nEND\ncat file\n# # no output"],
        ["python\nx = 1", "python\nprint(x + 1)\n# 2"],
        ["python\n# a note\nx = 2  # another\n# a third"],
        ["sh\necho 5 > number", 'python\nprint(open("number").read().strip())\n# 5'],
        ["sh\n.venv/bin/python -c 'import weightbank'\ntest -f examples/gpt2.yaml"],
        ["yaml\nservices: {a: {image: b}}", "json\n[1]", "text\nanything at all ("],
        ["ini\n# a note\nWEIGHTBANK_PORT=8001\nCOMPOSE_PROFILES=gpu"],
    ],
)
def test_what_is_right_passes(blocks: list[str], run: Callable[[str], None]) -> None:
    """Blocks of a page see what earlier ones have left."""
    run(page(*blocks))


@pytest.mark.parametrize(
    ("block", "problem"),
    [
        ("sh\nfalse", "page.md:2: ended with status 1"),
        ("sh\necho $UNSET", "unbound variable"),
        ("sh\nexit 0", "ended with status 0"),
        ("sh\necho one\n# two", "does not print what the page says"),
        ("sh\necho one\necho two\n# two", "does not print what the page says"),
        ("sh\ntrue\n# one", "does not print what the page says"),
        ("sh\ntrue\n\necho one\n# one\nfalse\n", "page.md:6: ended with status 1"),
        ("sh\nsudo true", "is never run"),
        ("sh\n.venv/bin/python -m pip install nothing", "is never run"),
        ("python\nraise KeyError(1)", "raised KeyError"),
        ("python\nx = 1\nprint(x)\n# 2", "does not print what the page says"),
        ("python\nimport sys\nsys.exit(0)", "raised SystemExit"),
        ("yaml\na: [", "page.md:2"),
        ("json\n{a: 1}", "page.md:2"),
        ("ini\nWEIGHTBANK_PROT=8001", "sets nothing that there is"),
        ("console\n$ true", "language 'console' is not run"),
        ("\ntrue", "language '' is not run"),
    ],
)
def test_what_is_wrong_is_told(block: str, problem: str, run: Callable[[str], None]) -> None:
    """With the page and the line."""
    with pytest.raises(WrongBlockError, match=r"page\.md:") as caught:
        run(page(block))
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    "block", ["sh\nif true; then", "python\nx =", "yaml\na: [", "json\n{a: 1}"]
)
def test_a_block_that_is_not_run_is_read(block: str, run: Callable[[str], None]) -> None:
    """Its syntax has to be right all the same."""
    with pytest.raises(WrongBlockError):
        run("<!-- not run: needs a GPU -->\n" + page(block))


def test_a_block_that_is_not_run_does_nothing(run: Callable[[str], None], tmp_path: Path) -> None:
    """It may not even leave a file."""
    run("<!-- not run: needs a GPU -->\n" + page(f"sh\ntouch {tmp_path}/touched; exit 1"))
    assert not (tmp_path / "touched").exists()


def test_an_indented_block_is_not_run(run: Callable[[str], None]) -> None:
    """It has no language; a fence has."""
    with pytest.raises(WrongBlockError, match="'indented' is not run"):
        run("A paragraph.\n\n    true\n")


def test_a_refusal_is_noticed_where_nothing_is_said_of_it(tmp_path: Path) -> None:
    """By itself curl would call a 404 a success."""
    (block,) = find_blocks(page("sh\ncurl -s http://127.0.0.1:8000/here"), page="page.md")
    with (
        PageRunner(tmp_path, refuse) as runner,
        pytest.raises(WrongBlockError, match="ended with status 22"),
    ):
        runner.run(block)


def test_a_refusal_may_be_what_the_page_shows(tmp_path: Path) -> None:
    """The address is that of the page, whatever the server's port is."""
    told = "nothing at http://127.0.0.1:8000/here"
    blocks = find_blocks(
        page(
            f"sh\ncurl -s http://127.0.0.1:8000/here\n# {told}",
            "python\nimport urllib.request",
            "python\n"
            "try:\n"
            "    urllib.request.urlopen('http://127.0.0.1:8000/here')\n"
            "except urllib.error.HTTPError as error:\n"
            "    answer = error.read().decode().strip()\n"
            f"print(answer)\n# {told}",
        ),
        page="page.md",
    )
    with PageRunner(tmp_path, refuse) as runner:
        for block in blocks:
            runner.run(block)


def test_what_a_page_has_started_ends_with_it(tmp_path: Path) -> None:
    """No process of a page is left."""
    (block,) = find_blocks(page(f"sh\nsleep 600 &\necho $! > {tmp_path}/pid"), page="page.md")
    with PageRunner(tmp_path, nothing) as runner:
        runner.run(block)
        pid = int((tmp_path / "pid").read_text("utf-8"))
        os.kill(pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
