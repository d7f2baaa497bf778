"""Files over real connections, from the page cache straight to the socket."""

import contextlib
import random
import threading

import httpx
import pytest

from app.bodies import multipart_body
from app.outlet import MESSAGE_BYTES
from tests.file_server import (
    SECONDS,
    SIZE,
    FileApp,
    content_of,
    read_all,
    read_exactly,
    read_head,
)


def test_a_file_arrives_whole(files: FileApp) -> None:
    """And every byte of it is counted."""
    response = files.get("/files/weights")
    assert response.content == content_of(1)
    line = files.log.wait_for(path="/files/weights")
    assert (line["sent_bytes"], line["outcome"], line["status"]) == (SIZE, "answered", 200)
    counted = files.metrics.registry.get_sample_value("weightbank_sent_bytes_total")
    assert counted == SIZE + len("fine")


def test_it_goes_past_the_server(files: FileApp) -> None:
    """Nearly all of it does: messages carry the first bytes alone."""
    files.message_bytes.clear()
    assert files.get("/files/weights").content == content_of(1)
    assert sum(files.message_bytes) == MESSAGE_BYTES


@pytest.mark.parametrize(
    "span",
    [(0, 1), (0, 1000), (5, 2**16 + 5), (7, 2**16 + 8), (1_000_000, 9_000_001), (SIZE - 1, SIZE)],
)
def test_a_range_arrives(files: FileApp, span: tuple[int, int]) -> None:
    """Of any size and place."""
    start, stop = span
    response = files.get("/files/weights", Range=f"bytes={start}-{stop - 1}")
    assert response.status_code == 206
    assert response.content == content_of(1)[start:stop]


def test_several_ranges_arrive_in_parts(files: FileApp) -> None:
    """Small and large ones, with what stands between them."""
    spans = ((5, 3_000_005), (4_000_000, 4_000_010), (5_000_000, SIZE))
    ranges = ",".join(f"{start}-{stop - 1}" for start, stop in spans)
    body = multipart_body(spans, size=SIZE, etag="tag")
    expected = b"".join(
        prefix + content_of(1)[start:stop]
        for prefix, (start, stop) in zip(body.prefixes, spans, strict=True)
    )
    response = files.get("/files/weights", Range=f"bytes={ranges}")
    assert response.content == expected + body.suffix


def test_parts_stay_in_order_while_the_socket_is_full(files: FileApp) -> None:
    """What goes past the server waits for what the server still has to write."""
    spans: list[tuple[int, int]] = []
    for start in range(0, SIZE - 1_400_000, 1_400_000):
        spans += [(start, start + 60_000), (start + 100_000, start + 1_300_000)]
    body = multipart_body(tuple(spans), size=SIZE, etag="tag")
    ranges = ",".join(f"{start}-{stop - 1}" for start, stop in spans)
    request = f"GET /files/weights HTTP/1.1\r\nRange: bytes={ranges}\r\nX-Rest:"
    with files.connect(request, is_small=True) as connection:
        read_head(connection)
        for prefix, (start, stop) in zip(body.prefixes, spans, strict=True):
            assert read_exactly(connection, len(prefix)) == prefix
            assert read_exactly(connection, stop - start) == content_of(1)[start:stop]
        assert read_exactly(connection, len(body.suffix)) == body.suffix


def test_a_kept_connection_answers_again(files: FileApp) -> None:
    """Files, ranges, heads and others, one after the other on one connection."""
    ports = set()
    with httpx.Client(base_url=files.url, timeout=SECONDS) as client:
        for _ in range(3):
            responses = [
                client.get("/files/weights"),
                client.head("/files/weights"),
                client.get("/files/weights", headers={"Range": "bytes=100-2000000"}),
                client.get("/healthz"),
            ]
            for response in responses:
                stream = response.extensions["network_stream"]
                ports.add(stream.get_extra_info("client_addr"))
            whole, head, part, other = responses
            assert whole.content == content_of(1)
            assert (head.content, head.headers["content-length"]) == (b"", str(SIZE))
            assert part.content == content_of(1)[100:2_000_001]
            assert other.text == "fine"
    assert len(ports) == 1


def test_requests_sent_at_once_are_answered_in_order(files: FileApp) -> None:
    """Each with its own bytes."""
    files.add("other", content_of(2))
    paths = ["GET /files/weights", "GET /files/other", "GET /healthz", "GET /files/weights"]
    expected = [content_of(1), content_of(2), b"fine", content_of(1)]
    with files.connect(*paths) as connection:
        for content in expected:
            assert read_head(connection).startswith(b"HTTP/1.1 200 OK")
            assert read_exactly(connection, len(content)) == content


def test_a_client_that_asks_for_it_gets_the_end(files: FileApp) -> None:
    """The connection ends behind the last byte."""
    with files.connect("GET /files/weights HTTP/1.1\r\nConnection: close\r\nX-Rest:") as connection:
        assert read_all(connection).partition(b"\r\n\r\n")[2] == content_of(1)


def test_what_is_no_request_is_not_answered_within_a_body(files: FileApp) -> None:
    """The connection ends; no byte of another answer stands in the file."""
    with files.connect("GET /files/weights", is_small=True) as connection:
        read_head(connection)
        received = bytearray(read_exactly(connection, 1000))
        connection.sendall(b"\0\0\0\r\n\r\n")
        with contextlib.suppress(ConnectionResetError):
            while piece := connection.recv(2**20):
                received += piece
    assert len(received) < SIZE
    assert content_of(1).startswith(received)


def test_an_empty_file_has_an_answer(files: FileApp) -> None:
    """And the connection goes on."""
    file = files.add("empty", b"")
    assert file.is_verified
    with files.connect("GET /files/empty", "GET /healthz") as connection:
        assert b"content-length: 0\r\n" in read_head(connection)
        assert b"content-length: 4\r\n" in read_head(connection)


def test_no_client_gets_the_bytes_of_another(files: FileApp) -> None:
    """However soon descriptors are closed and used again."""
    names = [f"file{index}" for index in range(4)]
    for index, name in enumerate(names):
        files.add(name, content_of(10 + index, 2_000_000))
    wrong: list[str] = []

    def read(index: int) -> None:
        choice = random.Random(index)  # noqa: S311 - drawn again by every run
        expected = files.files[names[index % 4]].content
        for _ in range(30):
            with files.connect(f"GET /files/{names[index % 4]}") as connection:
                read_head(connection)
                count = choice.choice([0, 1000, 300_000, 2_000_000])
                if read_exactly(connection, count) != expected[:count]:
                    wrong.append(names[index % 4])

    threads = [threading.Thread(target=read, args=(index,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
