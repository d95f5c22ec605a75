"""The upstream sees everything, in every framing."""

import socket

from conformance.upstream import MARK, Seen, Upstream
from conformance.wire import Connection, Wire


def test_what_it_saw_is_told_once() -> None:
    with Upstream() as upstream:
        connection = Connection(("127.0.0.1", upstream.port))
        for number in range(2):
            headers = ((MARK, str(number)), ("Content-Length", "3"))
            assert connection.send(Wire("LINK", "/x?y", headers, b"abc")).status == 200
        assert upstream.take("1") == Seen("LINK", "/x?y", b"abc")
        assert upstream.take("1") is None
        assert upstream.take("0") is not None
        connection.close()


def test_chunks_are_put_together() -> None:
    with Upstream() as upstream, socket.create_connection(("127.0.0.1", upstream.port)) as client:
        client.sendall(f"POST / HTTP/1.1\r\n{MARK}: c\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        client.sendall(b"2;x=y\r\nab\r\n1\r\nc\r\n0\r\nT: v\r\n\r\n")
        assert client.recv(1024).startswith(b"HTTP/1.1 200")
        assert upstream.take("c") == Seen("POST", "/", b"abc")
