"""Requests as they are on the wire, and the connection they go over (RFC 9112)."""

from __future__ import annotations

import contextlib
import http.client
import shlex
import socket
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

CONNECT_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Wire:
    """One request, nothing of it left to any library. `target` is the raw path with its query."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes | None = None

    @property
    def path(self) -> str:
        """The raw path."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """The raw query, empty where there is none."""
        return self.target.partition("?")[2]

    def header(self, name: str) -> str | None:
        """The value of a header, repeats joined as RFC 9110, section 5.3 has it."""
        values = [value for own, value in self.headers if own.lower() == name.lower()]
        return ", ".join(values) if values else None

    def with_header(self, name: str, value: str) -> Wire:
        """The same request with one more header."""
        return Wire(self.method, self.target, (*self.headers, (name, value)), self.body)

    def without_header(self, name: str) -> Wire:
        """The same request without a header."""
        kept = tuple((own, value) for own, value in self.headers if own.lower() != name.lower())
        return Wire(self.method, self.target, kept, self.body)

    def to_bytes(self) -> bytes:
        """The request as it is written, framed by a `Content-Length` where it has a body."""
        lines = [f"{self.method} {self.target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
        return head + (self.body or b"")

    def to_curl(self) -> str:
        """A command that sends this request to `$GATEWAY`; a body that is no text is written with escapes."""
        words = ["curl", "-i", "--path-as-is", "-X", self.method]
        for name, value in self.headers:
            if name.lower() not in {"content-length", "host", "connection"}:
                # curl drops a header without a value unless it ends in a semicolon.
                words += ["-H", f"{name}: {value}" if value else f"{name};"]
        words.append(f"http://$GATEWAY{self.target}")
        command = " ".join(_quoted(word) for word in words)
        if self.body is None:
            return command
        return f"{command} --data-binary {_quoted_bytes(self.body)}"


def _quoted(word: str) -> str:
    if "$GATEWAY" in word:
        before, after = word.split("$GATEWAY", 1)
        return f'{before}"$GATEWAY"{shlex.quote(after)}'
    return shlex.quote(word) if word.isprintable() else _quoted_bytes(word.encode("latin-1"))


def _quoted_bytes(data: bytes) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = None
    if text is not None and text.isprintable():
        return shlex.quote(text)
    return "$'" + "".join(chr(b) if 32 <= b < 127 and b not in b"'\\" else f"\\x{b:02x}" for b in data) + "'"


def unquoted(text: str) -> str:
    """Percent-decoded once; bytes that are no UTF-8 are replaced."""
    return unquote_to_bytes(text).decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    body: bytes


class Connection:
    """A kept connection to `address`, opened again when the other side has closed it."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._socket: socket.socket | None = None

    def send(self, wire: Wire) -> Answer:
        """Sends a request and reads its whole answer.

        Raises `OSError` or `http.client.HTTPException` where no whole answer comes on a fresh connection.
        """
        if self._socket is not None:
            try:
                return self._exchange(self._socket, wire)
            except (OSError, http.client.HTTPException):
                # The other side may close a kept connection at any time (RFC 9112, section 9.5).
                self.close()
        self._socket = socket.create_connection(self._address, CONNECT_TIMEOUT_S)
        self._socket.settimeout(ANSWER_TIMEOUT_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._exchange(self._socket, wire)

    def close(self) -> None:
        """Closes the connection; the next request opens one."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _exchange(self, connected: socket.socket, wire: Wire) -> Answer:
        # It may answer before it has read the whole body, and close: that answer is still to be read.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connected.sendall(wire.to_bytes())
        response = http.client.HTTPResponse(connected, method=wire.method)
        try:
            response.begin()
            answer = Answer(response.status, response.read())
            closes = response.will_close
        finally:
            response.close()
        if closes:
            self.close()
        return answer
