"""Files that are sent while they arrive, over real connections."""

import pytest

from app.bodies import multipart_body
from services.hub.errors import CorruptFileError
from tests.file_server import (
    SIZE,
    FileApp,
    FileServers,
    content_of,
    eventually,
    has_more,
    read_all,
    read_exactly,
    read_head,
)

FAILED = CorruptFileError("file", "weights", "has another hash than it should")


@pytest.fixture
def files(servers: FileServers) -> FileApp:
    """A server."""
    return servers.make()


def test_the_first_byte_brings_the_status(files: FileApp) -> None:
    """And what arrives goes on as it comes."""
    file = files.add("arriving", content_of(3), is_there=False)
    with files.connect("GET /files/arriving") as connection:
        eventually(lambda: file.opened == 1)
        files.get("/healthz")
        assert not has_more(connection)
        arrived = 0
        for available in (1, 2, 70_000, 5_000_000, 5_000_001, 11_000_000):
            file.arrive(available)
            if arrived == 0:
                assert b" 200 OK" in read_head(connection)
            received = read_exactly(connection, available - arrived)
            assert received == file.content[arrived:available]
            arrived = available
        file.verify()
        assert read_exactly(connection, SIZE - arrived) == file.content[arrived:]


@pytest.mark.parametrize("span", [(0, SIZE), (10, 20), (10, 11), (5_000_000, 6_000_000)])
def test_the_last_byte_waits_for_the_hash(files: FileApp, span: tuple[int, int]) -> None:
    """Of a part, too: no answer is whole with bytes that nobody has checked."""
    start, stop = span
    file = files.add("arriving", content_of(3), is_there=False)
    request = f"GET /files/arriving HTTP/1.1\r\nRange: bytes={start}-{stop - 1}\r\nX-Rest:"
    with files.connect(request) as connection:
        file.arrive(SIZE)
        if stop - start > 1:
            read_head(connection)
            received = read_exactly(connection, stop - start - 1)
            assert received == file.content[start : stop - 1]
        files.get("/healthz")
        assert not has_more(connection)
        file.verify()
        if stop - start == 1:
            read_head(connection)
        assert read_exactly(connection, 1) == file.content[stop - 1 : stop]


def test_the_last_of_several_ranges_waits_for_the_hash(files: FileApp) -> None:
    """Those before it do not."""
    file = files.add("arriving", content_of(3), is_there=False)
    spans = ((0, 1_000_000), (2_000_000, 2_000_010))
    body = multipart_body(spans, size=SIZE, etag="tag")
    request = "GET /files/arriving HTTP/1.1\r\nRange: bytes=0-999999,2000000-2000009\r\nX-Rest:"
    with files.connect(request) as connection:
        file.arrive(2_000_010)
        read_head(connection)
        expected = body.prefixes[0] + file.content[:1_000_000] + body.prefixes[1]
        expected += file.content[2_000_000:2_000_009]
        assert read_exactly(connection, len(expected)) == expected
        files.get("/healthz")
        assert not has_more(connection)
        file.verify()
        rest = file.content[2_000_009:2_000_010] + body.suffix
        assert read_exactly(connection, len(rest)) == rest


def test_an_empty_file_waits_for_the_hash(files: FileApp) -> None:
    """It could be that it should not be empty."""
    file = files.add("empty", b"", is_there=False)
    with files.connect("GET /files/empty") as connection:
        eventually(lambda: len(file.watched) == 1)
        files.get("/healthz")
        assert not has_more(connection)
        file.verify()
        assert b" 200 OK" in read_head(connection)


def test_an_arrival_that_fails_at_once_has_a_proper_answer(files: FileApp) -> None:
    """As long as no byte was sent."""
    file = files.add("arriving", content_of(3), is_there=False)
    with files.connect("GET /files/arriving", "GET /healthz") as connection:
        eventually(lambda: len(file.watched) == 1)
        file.fail(FAILED)
        head = read_head(connection)
        assert head.startswith(b"HTTP/1.1 502 ")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        assert b'"corrupt_file"' in read_exactly(connection, length)
        assert read_head(connection).startswith(b"HTTP/1.1 200 OK")
    line = files.log.wait_for(path="/files/arriving", outcome="answered")
    assert line["code"] == "corrupt_file"


def test_an_arrival_that_fails_later_has_no_end(files: FileApp) -> None:
    """The connection is reset, and the log says why."""
    file = files.add("arriving", content_of(3), is_there=False)
    with files.connect("GET /files/arriving") as connection:
        file.arrive(2_000_000)
        read_head(connection)
        read_exactly(connection, 2_000_000)
        file.fail(FAILED)
        with pytest.raises(ConnectionResetError):
            read_all(connection)
    line = files.log.wait_for(path="/files/arriving", outcome="failed")
    assert (line["code"], line["sent_bytes"]) == ("corrupt_file", 2_000_000)


def test_a_client_that_leaves_an_arriving_file_is_noticed(files: FileApp) -> None:
    """Also while there is nothing to send."""
    file = files.add("arriving", content_of(3), is_there=False)
    with files.connect("GET /files/arriving") as connection:
        file.arrive(1_000_000)
        read_head(connection)
        read_exactly(connection, 1_000_000)
    files.log.wait_for(path="/files/arriving", outcome="disconnected")
    eventually(lambda: file.opened == 0 and not file.watched)
