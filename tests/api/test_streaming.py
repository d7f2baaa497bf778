"""Streams over a real connection: clients that leave, stop reading, or are slow."""

import contextlib
import hashlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

TERABYTES = {
    "layers": [{"name": "emb", "type": "Embedding", "num_embeddings": 2**32, "embedding_dim": 256}]
}
_PATIENCE_SECONDS = 60


def eventually(holds: Callable[[], bool]) -> None:
    """Ask until the answer is yes."""
    pause = threading.Event()
    for _ in range(_PATIENCE_SECONDS * 100):
        if holds():
            return
        pause.wait(0.01)
    pytest.fail("it never came true")


@contextlib.contextmanager
def reader(server: Any, path: str, **headers: str) -> Iterator[socket.socket]:
    """A connection on which a file was asked for, and nothing was read."""
    connection = socket.socket()
    # Small, so that the server notices soon that nobody reads.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(server.address)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: w\r\n{lines}\r\n".encode())
    try:
        yield connection
    finally:
        connection.close()


def store(server: Any, spec: dict[str, Any]) -> str:
    """The path of a spec's file."""
    with server.client() as client:
        return f"/v1/weights/{client.post('/v1/specs', json=spec).json()['id']}?seed=1"


def streams(server: Any) -> int:
    """How many hold a place."""
    count: int = server.app.state.wiring.engine.streams
    return count


def test_a_client_that_leaves_stops_its_stream(make_server: Any) -> None:
    """At once, and its place and buffers are free again."""
    server = make_server(limit_streams=1)
    path = store(server, TERABYTES)
    for _ in range(5):
        with reader(server, path) as connection:
            assert connection.recv(15) == b"HTTP/1.1 200 OK"
        eventually(lambda: streams(server) == 0)
    line = server.log.wait_for(route="/v1/weights/{id}", outcome="disconnected")
    assert line["sent_bytes"] < 2**28
    pool = server.app.state.wiring.engine.pool
    eventually(lambda: pool.free == pool.buffers)


def test_a_client_that_stops_reading_is_cut_off(make_server: Any) -> None:
    """After the time-out, by a reset: it must not take what it has for the whole."""
    server = make_server(stall_timeout_seconds=0.2)
    path = store(server, TERABYTES)
    with reader(server, path) as connection:
        server.log.wait_for(route="/v1/weights/{id}", outcome="stalled")
        eventually(lambda: streams(server) == 0)
        with pytest.raises(ConnectionResetError):
            _read_all(connection, step_bytes=2**20)
    with server.client() as client:
        assert 'streams_cut_off_total{reason="stalled"} 1.0' in client.get("/metrics").text


def test_a_client_that_does_not_read_the_end_is_cut_off(
    make_server: Any, large_spec: dict[str, Any]
) -> None:
    """Even when all chunks were handed over already, none stays pinned."""
    server = make_server(stall_timeout_seconds=0.2, chunk_bytes="4 MiB")
    path = store(server, large_spec)
    with reader(server, path):
        server.log.wait_for(route="/v1/weights/{id}", outcome="stalled")
        eventually(lambda: streams(server) == 0)


def test_a_stream_too_many_is_refused_at_once(make_server: Any) -> None:
    """503 with Retry-After; small ranges, tags and sizes are still answered."""
    server = make_server(limit_streams=2)
    path = store(server, TERABYTES)
    with reader(server, path) as one, reader(server, path) as two, server.client() as client:
        assert one.recv(1)
        assert two.recv(1)
        refused = client.get(path)
        assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
        assert refused.headers["retry-after"] == "1"
        assert client.get(path, headers={"Range": "bytes=-1000"}).status_code == 206
        assert client.head(path).status_code == 200
        text = client.get("/metrics").text
        assert "weightbank_streams_in_progress 2.0" in text
        assert 'weightbank_refused_total{code="overloaded"} 1.0' in text
    eventually(lambda: streams(server) == 0)
    with server.client() as client:
        assert client.get(path, headers={"Range": "bytes=0-999999"}).status_code == 206


def test_slow_and_fast_clients_get_their_own_bytes(
    make_server: Any, large_spec: dict[str, Any]
) -> None:
    """A buffer is reused only when no client can still be reading it."""
    server = make_server(limit_streams=4)
    paths = [f"{store(server, large_spec)[:-1]}{seed}" for seed in range(4)]
    with server.client() as client:
        size = int(client.head(paths[0]).headers["content-length"])
        expected = [_sha256(client.get(path).content) for path in paths]
    seen: list[str] = [""] * len(paths)

    def read(index: int) -> None:
        with reader(server, paths[index], Connection="close") as connection:
            body = _read_all(connection, step_bytes=4096 if index % 2 else 2**20)
        assert len(body) == size
        seen[index] = _sha256(body)

    threads = [threading.Thread(target=read, args=(index,)) for index in range(len(paths))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == expected


def test_memory_for_stalled_readers_is_what_the_settings_say(make_server: Any) -> None:
    """Streams times window and two, of a chunk each."""
    server = make_server(limit_streams=4, window_chunks=2)
    path = store(server, TERABYTES)
    with contextlib.ExitStack() as stack:
        for _ in range(4):
            assert stack.enter_context(reader(server, path)).recv(1)
        eventually(lambda: streams(server) == 4)
        pool = server.app.state.wiring.engine.pool
        # A buffer for each lane more, for chunks that are raced.
        assert pool.buffers == 4 * (2 + 2) + 2
        assert pool.size_bytes == pool.buffers * 2**19
    eventually(lambda: streams(server) == 0)
    assert pool.free == pool.buffers


def test_shutdown_ends_streams_after_its_deadline(make_server: Any) -> None:
    """A client that would read for days does not keep the server."""
    server = make_server()
    path = store(server, TERABYTES)
    with reader(server, path) as connection:
        assert connection.recv(1)
        server.stop()
        server.log.wait_for(route="/v1/weights/{id}", outcome="cancelled")
    server.start = lambda: None


def test_a_kept_connection_answers_again(server: Any, large_spec: dict[str, Any]) -> None:
    """A stream leaves the connection as it should be."""
    path = store(server, large_spec)
    with server.client() as client:
        first = client.get(path)
        again = client.get(path, headers={"Range": "bytes=100-2000000"})
        small = client.get(path, headers={"Range": "bytes=100-200"})
    assert again.content == first.content[100:2000001]
    assert small.content == first.content[100:201]


def test_a_body_that_is_too_large_is_refused_while_it_comes(make_server: Any) -> None:
    """By the bytes that were read, whatever was announced."""
    server = make_server(limit_body_bytes=1000)
    headers = {"Content-Type": "application/json"}
    with server.client() as client:
        for content in (b"x" * 1001, iter([b"x" * 600, b"x" * 600])):
            response = client.post("/v1/specs", content=content, headers=headers)
            assert (response.status_code, response.json()["code"]) == (413, "body_too_large")
            assert response.headers["connection"] == "close"


def test_a_body_that_never_comes_is_given_up(make_server: Any) -> None:
    """After the time-out, with a problem."""
    server = make_server(body_timeout_seconds=0.2)
    with socket.create_connection(server.address) as connection:
        connection.sendall(
            b"POST /v1/specs HTTP/1.1\r\nHost: w\r\nContent-Type: application/json\r\n"
            b"Content-Length: 100\r\n\r\n{"
        )
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"body_timeout" in answer


def test_a_client_that_leaves_its_body_half_sent_is_no_error(make_server: Any) -> None:
    """There is nobody to answer."""
    server = make_server()
    with socket.create_connection(server.address) as connection:
        connection.sendall(
            b"POST /v1/specs HTTP/1.1\r\nHost: w\r\nContent-Type: application/json\r\n"
            b"Content-Length: 100\r\n\r\n{"
        )
    line = server.log.wait_for(event="request", path="/v1/specs")
    assert (line["outcome"], line["status"]) == ("disconnected", None)


def _read_all(connection: socket.socket, *, step_bytes: int) -> bytes:
    received = bytearray()
    while part := connection.recv(step_bytes):
        received += part
    return bytes(received).split(b"\r\n\r\n", 1)[1]


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_a_range_request_for_a_warm_file_asks_no_database(
    make_server: Any, large_spec: dict[str, Any]
) -> None:
    """Even when the database is gone."""
    server = make_server()
    path = store(server, large_spec)
    with server.client() as client:
        assert client.get(path, headers={"Range": "bytes=0-9"}).status_code == 206
        _break_database(server)
        assert client.get(path, headers={"Range": "bytes=10-19"}).status_code == 206
        gone = client.get(f"/v1/specs/{'0' * 64}")
        assert (gone.status_code, gone.json()["code"]) == (503, "store_unavailable")
        ready = client.get("/readyz")
        assert ready.status_code == 503
        assert any(reason.startswith("store") for reason in ready.json()["reasons"])


def _break_database(server: Any) -> None:
    """Close its connections, and put a directory where the file was."""
    server.app.state.wiring.specs._store._engine.dispose()
    directory = server.app.state.wiring.settings.data_dir
    for path in directory.glob("weightbank.sqlite3*"):
        path.unlink()
    (directory / "weightbank.sqlite3").mkdir()


def test_httpx_streams_a_file(server: Any, large_spec: dict[str, Any]) -> None:
    """Chunk by chunk, with the length it announced."""
    path = store(server, large_spec)
    with httpx.stream("GET", server.url + path, timeout=_PATIENCE_SECONDS) as response:
        received = sum(len(part) for part in response.iter_bytes(2**20))
    assert received == int(response.headers["content-length"])
