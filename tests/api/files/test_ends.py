"""Files over real connections that come to another end: clients that leave, stall, or crowd."""

import contextlib
import socket
import struct
import threading

import pytest

from app.connection import abort_connection
from tests.file_server import (
    SIZE,
    FileApp,
    FileServers,
    content_of,
    eventually,
    read_all,
    read_exactly,
    read_head,
)


def test_a_client_that_leaves_ends_its_answer(files: FileApp) -> None:
    """At once, and the file is closed."""
    file = files.files["weights"]
    for _ in range(5):
        with files.connect("GET /files/weights", is_small=True) as connection:
            assert read_exactly(connection, 15) == b"HTTP/1.1 200 OK"
            assert file.opened == 1
        eventually(lambda: file.opened == 0)
    line = files.log.wait_for(path="/files/weights", outcome="disconnected")
    assert 0 < line["sent_bytes"] < SIZE


def test_a_client_that_leaves_unseen_ends_its_answer(files: FileApp) -> None:
    """The server does not read, as a request waits already: then writing tells."""
    file = files.files["weights"]
    with files.connect("GET /files/weights", is_small=True) as connection:
        read_head(connection)
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: w\r\n\r\n")
        # Both were read before this is answered.
        files.get("/healthz")
        linger = struct.pack("ii", 1, 0)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    eventually(lambda: file.opened == 0)
    files.log.wait_for(path="/files/weights", outcome="disconnected")


def test_a_client_that_stops_reading_is_cut_off(servers: FileServers) -> None:
    """After the time-out, by a reset: it must not take what it has for the whole."""
    files = servers.make(stall_timeout_seconds=0.2)
    file = files.add("weights", content_of(1))
    with files.connect("GET /files/weights", is_small=True) as connection:
        line = files.log.wait_for(path="/files/weights", outcome="stalled")
        assert 0 < line["sent_bytes"] < SIZE
        eventually(lambda: file.opened == 0)
        with pytest.raises(ConnectionResetError):
            read_all(connection)


def test_those_who_do_not_read_hold_nobody_up(files: FileApp) -> None:
    """Fifty of them need no more threads than one."""
    file = files.files["weights"]
    files.get("/files/weights")
    threads = threading.active_count()
    with contextlib.ExitStack() as stack:
        for _ in range(50):
            connection = stack.enter_context(files.connect("GET /files/weights", is_small=True))
            assert read_exactly(connection, 15) == b"HTTP/1.1 200 OK"
        assert file.opened == 50
        assert files.get("/files/weights").content == content_of(1)
        # Threads that read the first bytes begin with the first who need them.
        assert threading.active_count() <= threads + 1


def test_an_answer_too_many_is_refused_at_once(servers: FileServers) -> None:
    """503 with Retry-After, and its file is closed."""
    files = servers.make(limit=2)
    file = files.add("weights", content_of(1))
    with (
        files.connect("GET /files/weights", is_small=True) as one,
        files.connect("GET /files/weights", is_small=True) as two,
    ):
        assert one.recv(1)
        assert two.recv(1)
        refused = files.get("/files/weights")
        assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
        assert refused.headers["retry-after"] == "1"
        assert file.opened == 2
    eventually(lambda: file.opened == 0)
    assert files.get("/files/weights").status_code == 200


def test_a_server_that_drains_ends_what_runs_and_begins_nothing(files: FileApp) -> None:
    """What is being sent arrives."""
    with files.connect("GET /files/weights", is_small=True) as connection:
        read_head(connection)
        files.call(files.sender.drain)
        refused = files.get("/files/weights")
        assert (refused.status_code, refused.json()["code"]) == (503, "shutting_down")
        assert read_exactly(connection, SIZE) == content_of(1)


def test_shutdown_ends_answers_after_its_deadline(files: FileApp) -> None:
    """A client that does not read does not keep the server."""
    with files.connect("GET /files/weights", is_small=True) as connection:
        assert connection.recv(1)
        files.server.stop()
        files.log.wait_for(path="/files/weights", outcome="cancelled")
        with pytest.raises(ConnectionResetError):
            read_all(connection)


def test_a_connection_that_is_aborted_ends_its_answer(files: FileApp) -> None:
    """By a reset, although the answer has a descriptor of its own."""
    file = files.files["weights"]
    with files.connect("GET /files/weights", is_small=True) as connection:
        read_head(connection)
        files.call(lambda: abort_connection(files.scopes["weights"]))
        with pytest.raises(ConnectionResetError):
            read_all(connection)
        eventually(lambda: file.opened == 0)
    files.log.wait_for(path="/files/weights", outcome="disconnected")


def test_a_file_that_became_shorter_has_no_end(files: FileApp) -> None:
    """It is a mistake of ours, or a broken disk: the answer is cut off, and logged."""
    files.files["weights"].truncate(1_000_000)
    with files.connect("GET /files/weights") as connection:
        read_head(connection)
        with pytest.raises(ConnectionResetError):
            read_all(connection)
    line = files.log.wait_for(path="/files/weights", outcome="failed")
    assert line["code"] == "internal"


def test_a_file_that_cannot_be_read_has_a_proper_answer(files: FileApp) -> None:
    """As long as no byte was sent."""
    files.files["weights"].truncate(0)
    response = files.get("/files/weights")
    assert (response.status_code, response.json()["code"]) == (500, "internal")
