"""A converting process that hangs, lies or dies, and a server that dies before it."""

import importlib.metadata
import io
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from services.conversion.converter import Converter, check_available
from services.errors import ShuttingDownError, StartupError
from services.hub.errors import ConversionError

PREPARED = """
import json, os, signal, subprocess, sys
options = json.loads(sys.argv[1])
sys.path[:] = options["path"]
def report(**values):
    os.write(options["report"], json.dumps(values).encode("ascii"))
"""
DEADLINE_SECONDS = 30


def stub(code: str) -> Sequence[str]:
    """What runs some code in place of a conversion."""
    return (sys.executable, "-I", "-B", "-c", PREPARED + code)


def converter_of(code: str, **changes: Any) -> Converter:
    """A converter whose process runs some code instead."""
    bounds = {"memory_bytes": 2**20, "timeout_seconds": DEADLINE_SECONDS, "file_bytes": 2**20}
    return Converter(command=stub(code), **{**bounds, **changes})


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A file to be converted."""
    path = tmp_path / "pytorch_model.bin"
    path.write_bytes(b"pickled")
    return path


def message_of(converter: Converter, source: Path, out: io.BytesIO | None = None) -> str:
    """Convert a file, and return why it cannot be."""
    with pytest.raises(ConversionError) as caught:
        converter.convert(source, out or io.BytesIO())
    return str(caught.value)


def descriptors() -> set[Path]:
    """What this process has open."""
    return set(Path("/proc/self/fd").iterdir())


def await_end(pid: int) -> None:
    """Wait until a process of any parent is dead."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        ready, _, _ = select.select([descriptor], [], [], DEADLINE_SECONDS)
        assert ready, f"{pid} is still there"
    finally:
        os.close(descriptor)


def test_what_the_process_writes_is_the_converted_file(source: Path) -> None:
    """However much it is; it reads the source by a descriptor."""
    converter = converter_of(
        "data = os.read(options['source'], 100) * 100_000\n"
        "sys.stdout.buffer.write(data)\nsys.stdout.flush()\n"
        "report(kind='converted', size_bytes=len(data))"
    )
    out = io.BytesIO()
    converter.convert(source, out)
    assert out.getvalue() == b"pickled" * 100_000


def test_a_file_that_is_open_can_be_converted(source: Path) -> None:
    """Though it has no name any more."""
    converter = converter_of(
        "os.write(1, os.read(options['source'], 100)); report(kind='converted', size_bytes=7)"
    )
    out = io.BytesIO()
    with source.open("rb") as file:
        source.unlink()
        converter.convert(Path(f"/proc/self/fd/{file.fileno()}"), out)
    assert out.getvalue() == b"pickled"


def test_the_process_inherits_what_it_needs_alone(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No secrets in the environment, no sockets or files of the server, no terminal."""
    monkeypatch.setenv("WEIGHTBANK_HUB_TOKEN", "secret")
    told: list[str] = []
    converter = converter_of(
        "opened = {int(name): os.readlink(f'/proc/self/fd/{name}')\n"
        "    for name in os.listdir('/proc/self/fd')\n"
        "    if os.path.exists(f'/proc/self/fd/{name}')}\n"
        "print(json.dumps([opened, sorted(os.environ), os.getcwd(), os.getsid(0) == os.getpid(),"
        " [options['source'], options['report']]]), file=sys.stderr)",
        log=told.append,
    )
    plain, inheritable = socket.socketpair()
    with plain, inheritable:
        inheritable.set_inheritable(True)
        message_of(converter, source)
    opened, environment, directory, leads_session, given = json.loads(told[0])
    assert {int(name) for name in opened} == {0, 1, 2, *given}
    assert opened[str(given[0])] == str(source)
    variables = {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"}
    assert set(environment) - {"LC_CTYPE", "LD_LIBRARY_PATH"} == variables
    assert (directory, leads_session) == ("/", True)


def test_a_process_that_hangs_is_killed_with_all_it_started(source: Path) -> None:
    """After the time-out."""
    converter = converter_of(
        "other = subprocess.Popen(['/bin/sleep', '600'], close_fds=False)\n"
        "os.write(1, f'{os.getpid()} {other.pid}'.encode('ascii'))\n"
        "signal.pause()",
        timeout_seconds=3,
    )
    out = io.BytesIO()
    before = descriptors()
    message = message_of(converter, source, out)
    assert message == (
        "checkpoint takes too long to be converted; accepted: what takes 3 s or less"
    )
    pid, other = map(int, out.getvalue().split())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    await_end(other)
    assert descriptors() == before


def test_what_a_process_leaves_behind_is_killed(source: Path) -> None:
    """Its success does not wait for it."""
    converter = converter_of(
        "other = subprocess.Popen(['/bin/sleep', '600'], close_fds=False)\n"
        "data = str(other.pid).encode('ascii')\n"
        "os.write(1, data)\n"
        "report(kind='converted', size_bytes=len(data))"
    )
    out = io.BytesIO()
    converter.convert(source, out)
    await_end(int(out.getvalue()))


def test_a_process_that_writes_on_is_stopped(source: Path) -> None:
    """At the size that a file may have."""
    out = io.BytesIO()
    message = message_of(
        converter_of("while True: os.write(1, bytes(2**16))", file_bytes=200_000), source, out
    )
    assert message.endswith("accepted: 200,000 bytes or fewer")
    assert len(out.getvalue()) <= 200_000


def test_what_a_process_prints_goes_to_the_log_alone(source: Path) -> None:
    """Cut at a bound, whatever it is."""
    told: list[str] = []
    converter = converter_of(
        "os.write(2, b'Traceback: secret \\xff')\n"
        "for _ in range(100): os.write(2, bytes(2**16))\n"
        "report(kind='failed')",
        log=told.append,
    )
    message = message_of(converter, source)
    assert message == "checkpoint could not be converted; the server's log says why"
    assert [len(text) <= 2**14 + 3 for text in told] == [True]
    assert told[0].startswith("Traceback: secret \\xff")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("os.write(1, b'half'); os._exit(3)", "(status 3)"),
        ("os.write(1, b'half'); report(kind='converted', size_bytes=8)", "(status 0)"),
        ("report(kind='memory')", "needs too much memory"),
        ("report(kind='code', value='posix.system', detail='')", "global 'posix.system' is called"),
        ("os.write(options['report'], bytes(2**20))", "(status 0)"),
        ("os.abort()", "(signal 6)"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "needs too much memory"),
    ],
)
def test_a_process_that_fails_is_an_error(source: Path, code: str, words: str) -> None:
    """And leaves nothing open."""
    before = descriptors()
    assert words in message_of(converter_of(code), source)
    assert descriptors() == before


def test_a_full_disk_ends_the_process(source: Path) -> None:
    """The error is the disk's."""

    class Full(io.BytesIO):
        def write(self, _: Any) -> int:
            raise OSError(28, "No space left on device")

    before = descriptors()
    with pytest.raises(OSError, match="No space left"):
        converter_of("os.write(1, b'data'); signal.pause()").convert(source, Full())
    assert descriptors() == before


def test_a_missing_source_is_no_conversion(tmp_path: Path) -> None:
    """No process is started for it."""
    with pytest.raises(FileNotFoundError):
        converter_of("").convert(tmp_path / "missing", io.BytesIO())


def test_a_program_that_cannot_be_started_leaves_nothing_open(source: Path) -> None:
    """It is a mistake of the installation."""
    bounds = {"memory_bytes": 1, "timeout_seconds": 1, "file_bytes": 1}
    before = descriptors()
    with pytest.raises(FileNotFoundError):
        Converter(command=["/nonexistent"], **bounds).convert(source, io.BytesIO())
    assert descriptors() == before


def test_closing_ends_what_is_being_converted(source: Path) -> None:
    """And nothing is converted any more."""
    started, caught = threading.Event(), []

    class Out(io.BytesIO):
        def write(self, data: Any) -> int:
            started.set()
            return super().write(data)

    converter = converter_of("os.write(1, b'begun'); signal.pause()")

    def convert() -> None:
        with pytest.raises(ShuttingDownError):
            converter.convert(source, Out())
        caught.append(True)

    thread = threading.Thread(target=convert)
    thread.start()
    assert started.wait(DEADLINE_SECONDS)
    converter.close()
    thread.join(DEADLINE_SECONDS)
    assert caught
    with pytest.raises(ShuttingDownError):
        converter.convert(source, io.BytesIO())


def test_a_process_ends_with_its_server(source: Path) -> None:
    """Even if that is killed."""
    confined = (
        "from services.conversion.confinement import confine\n"
        "confine(options['parent'], cpu_seconds=60)\n"
        "os.write(1, f'{os.getpid()}\\n'.encode('ascii'))\n"
        "signal.pause()"
    )
    server_code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from services.conversion.converter import Converter\n"
        "converter = Converter(memory_bytes=1, timeout_seconds=600, file_bytes=100,"
        f" command={stub(confined)!r})\n"
        "converter.convert(Path(sys.argv[1]), open(1, 'wb', buffering=0))"
    )
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-B", "-c", server_code, str(source)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as server:  # noqa: S603 - our own interpreter and code
        assert server.stdout is not None
        pid = int(server.stdout.readline())
        os.kill(pid, 0)
        server.send_signal(signal.SIGKILL)
    await_end(pid)


def test_torch_is_asked_for_when_it_is_missing() -> None:
    """How to install it is said."""

    def missing() -> str:
        raise importlib.metadata.PackageNotFoundError("torch")

    with pytest.raises(StartupError, match=r"and none is installed: pip install '\.\[torch\]'"):
        check_available(missing)


def test_this_installation_can_convert() -> None:
    """Tests have torch; the converter itself does not import it."""
    check_available()
    code = (
        "import sys; import services.conversion.converter as c; c.check_available(); "
        "sys.exit('torch' in sys.modules)"
    )
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-B", "-c", code], env=environment, check=True)  # noqa: S603 - our own interpreter and code
