"""The opening handshake of RFC 6455 as a table: a request, and the status that a server answers it with.

Owns the rows only; section numbers are the RFC's. What stands in an answer of 101 is checked by whoever says them. Run by
tests/hub/web/test_rfc6455_handshake.py.
"""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

KEY: Final = "dGhlIHNhbXBsZSBub25jZQ=="
SUBPROTOCOL: Final = "tributary.device.v1"
_GOOD: Final = {
    "Host": "hub.example",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": KEY,
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Protocol": SUBPROTOCOL,
    "Authorization": "Bearer device-token",
}


@dataclass(frozen=True, slots=True)
class Handshake:
    """A row; `key` is the one that an answer of 101 must prove to have read."""

    name: str
    request: bytes
    status: int
    key: str = KEY


def request(line: str = "GET /v1/device HTTP/1.1", without: str = "", **fields: str | tuple[str, ...]) -> bytes:
    """Return a request with headers replaced (a name is written with _ for -), added, given several times, or left out."""
    headers: dict[str, str | tuple[str, ...]] = {**_GOOD}
    for name, value in fields.items():
        headers[name.replace("_", "-")] = value
    headers.pop(without, None)
    lines = [f"{name}: {each}" for name, value in headers.items() for each in ((value,) if isinstance(value, str) else value)]
    return "\r\n".join([line, *lines]).encode("latin-1") + b"\r\n\r\n"


def good() -> Iterator[Handshake]:
    """What must be let in, however it is written."""
    yield Handshake("1.3 the RFC's own key", request(), 101)
    for raw in (bytes(16), b"\xff" * 16, bytes(range(16)), b"websockets rule!"):
        key = base64.b64encode(raw).decode()
        yield Handshake(f"4.2.2 key {key}", request(Sec_WebSocket_Key=key), 101, key)
    for value in ("WebSocket", "WEBSOCKET", "websocket, h2c", "h2c, websocket"):
        yield Handshake(f"4.2.1 Upgrade: {value}", request(Upgrade=value), 101)
    for value in ("upgrade", "UPGRADE", "keep-alive, Upgrade", "Upgrade, keep-alive", "keep-alive,Upgrade,te", " Upgrade "):
        yield Handshake(f"4.2.1 Connection: {value}", request(Connection=value), 101)
    yield Handshake("4.2.1 Connection in two headers", request(Connection=("keep-alive", "Upgrade")), 101)
    lower = request().replace(b"Sec-WebSocket-Key", b"sec-websocket-key").replace(b"Upgrade:", b"UPGRADE:")
    yield Handshake("4.2.1 names of headers in other letters", lower, 101)
    yield Handshake("4.2.1 blanks round a key", request(Sec_WebSocket_Key=f"  {KEY}\t "), 101)
    yield Handshake("4.1 the absolute form of the address", request("GET http://hub.example/v1/device HTTP/1.1"), 101)
    yield Handshake("4.1 an address with a query", request("GET /v1/device?a=b HTTP/1.1"), 101)
    yield Handshake("4.1 headers that nobody knows", request(X_Any="thing", Cookie="a=b", Pragma="no-cache"), 101)
    offers = ("permessage-deflate; client_max_window_bits", "x-nobody", "permessage-deflate, x-nobody; a=1", 'a, b, c; d="e f"')
    for value in offers:
        yield Handshake(f"9.1 the offer of {value}", request(Sec_WebSocket_Extensions=value), 101)
    for value in (f"chat, {SUBPROTOCOL}", f"{SUBPROTOCOL}, chat", f"chat,{SUBPROTOCOL} ,superchat"):
        yield Handshake(f"11.3.4 Sec-WebSocket-Protocol: {value}", request(Sec_WebSocket_Protocol=value), 101)
    yield Handshake("11.3.4 subprotocols in two headers", request(Sec_WebSocket_Protocol=("chat", SUBPROTOCOL)), 101)
    yield Handshake("4.2.1 a body of no length", request(Content_Length="0"), 101)


def bad() -> Iterator[Handshake]:
    """What must be refused, before anything is upgraded."""
    for method in ("POST", "PUT", "HEAD", "OPTIONS", "get"):
        yield Handshake(f"4.1 {method}", request(f"{method} /v1/device HTTP/1.1"), 400)
    yield Handshake("4.1 HTTP/1.0", request("GET /v1/device HTTP/1.0"), 400)
    for version in ("HTTP/2.0", "HTTP/1.2", "HTTP/0.9"):
        yield Handshake(f"4.1 {version}", request(f"GET /v1/device {version}"), 505)
    yield Handshake("4.2.1 no Host", request(without="Host"), 400)
    yield Handshake("4.2.1 two Hosts", request(Host=("hub.example", "other.example")), 400)
    for name in ("Upgrade", "Connection"):
        yield Handshake(f"4.2.1 no {name}", request(without=name), 426)
    for value in ("", "websockets", "web socket", "h2c"):
        yield Handshake(f"4.2.1 Upgrade: {value or 'nothing'}", request(Upgrade=value), 426)
    for value in ("", "keep-alive", "close", "Upgraded", "Up grade"):
        yield Handshake(f"4.2.1 Connection: {value or 'nothing'}", request(Connection=value), 426)
    yield Handshake("4.2.1 no key", request(without="Sec-WebSocket-Key"), 400)
    for size in (0, 1, 15, 17, 32):
        key = base64.b64encode(bytes(size)).decode()
        yield Handshake(f"4.2.1 a key of {size} bytes", request(Sec_WebSocket_Key=key), 400)
    for key in (KEY[:-2], KEY[:-1], KEY + "=", KEY.replace("d", "!", 1), KEY.replace("d", "-", 1), KEY[:4] + " " + KEY[4:]):
        yield Handshake(f"4.2.1 the key {key}", request(Sec_WebSocket_Key=key), 400)
    yield Handshake("11.3.1 two keys", request(Sec_WebSocket_Key=(KEY, KEY)), 400)
    yield Handshake("4.4 no version", request(without="Sec-WebSocket-Version"), 426)
    for version in ("", "0", "7", "8", "12", "14", "013", "+13", "1 3", "13.0", "13, 8", "99999999999"):
        yield Handshake(f"4.4 version {version or 'of nothing'}", request(Sec_WebSocket_Version=version), 426)
    yield Handshake("4.2.1 two versions", request(Sec_WebSocket_Version=("13", "8")), 426)


def unwanted() -> Iterator[Handshake]:
    """What is a handshake, and not one for this server."""
    yield Handshake("4.2.1 a body", request(Content_Length="5") + b"hello", 400)
    yield Handshake("4.2.1 a body in chunks", request(Transfer_Encoding="chunked") + b"0\r\n\r\n", 400)
    yield Handshake("4.2.1 no subprotocol", request(without="Sec-WebSocket-Protocol"), 400)
    for value in ("", "chat", SUBPROTOCOL.upper(), f"{SUBPROTOCOL}x", f'"{SUBPROTOCOL}"', "tributary.live.v1.json"):
        yield Handshake(f"11.3.4 only {value or 'nothing'}", request(Sec_WebSocket_Protocol=value), 400)
    yield Handshake("4.2.2 no login", request(without="Authorization"), 401)
    yield Handshake("4.2.2 a wrong login", request(Authorization="Bearer other"), 401)
    for origin in ("http://evil.example", "null", "http://hub.example.evil.example", "file://"):
        yield Handshake(f"4.2.2 Origin: {origin}", request(Origin=origin), 403)
    yield Handshake("4.2.2 nothing is there", request("GET /v1/devices HTTP/1.1"), 404)
    yield Handshake("4.1 a header of 9,000 bytes", request(X_Long="x" * 9_000), 431)
    for name, wrong in {
        "a byte that is no ASCII": b"X: \xe9",
        "a line without a colon": b"X",
        "a NUL": b"X: a\x00b",
        "a lone LF": b"X: a\nY: b",
    }.items():
        yield Handshake(f"4.1 {name}", request().replace(b"Host:", wrong + b"\r\nHost:", 1), 400)


HANDSHAKES: Final = {row.name: row for rows in (good, bad, unwanted) for row in rows()}
