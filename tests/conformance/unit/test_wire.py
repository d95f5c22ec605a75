"""What is on the wire, and what a person is shown of it."""

from conformance.wire import Wire


def test_a_request_is_written_as_it_is() -> None:
    wire = Wire("POST", "/a%2Fb?c=d+e", (("Host", "h"), ("Content-Length", "2")), b"{}")
    assert wire.to_bytes() == b"POST /a%2Fb?c=d+e HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}"
    assert (wire.path, wire.query) == ("/a%2Fb", "c=d+e")


def test_repeated_headers_are_joined() -> None:
    wire = Wire("GET", "/", (("X-A", "1"), ("x-a", "2")))
    assert wire.header("X-a") == "1, 2"
    assert wire.without_header("X-A").header("X-A") is None


def test_a_reproduction_survives_a_shell() -> None:
    wire = Wire("PUT", "/a?b='", (("Host", "h"), ("X-Empty", ""), ("X-Odd", "é")), b"\x00'")
    assert wire.to_curl() == (
        "curl -i --path-as-is -X PUT -H 'X-Empty;' -H 'X-Odd: é' "
        "http://\"$GATEWAY\"'/a?b='\"'\"'' --data-binary $'\\x00\\x27'"
    )
