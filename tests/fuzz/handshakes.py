"""Families H1 to H6: everything that can be wrong before a WebSocket is one, and what follows a request on its connection.

Owns generators, seed to exchange; expects nothing: attack.py says what counts as broken.
"""

import random
from typing import Final

from tests.fuzz.exchange import DEVICE_TOKEN, VIEWER_TOKEN, Exchange
from tests.fuzz.mutation import BORDERS, mutated, pieces
from tests.support.rfc6455 import frame

_TLS_HELLO: Final = bytes.fromhex("16030100f8010000f40303") + bytes(range(200))
_BANNERS: Final = (
    *(_TLS_HELLO, _TLS_HELLO[:7], b"SSH-2.0-OpenSSH_9.2\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x00" * 50, b"\xff" * 50),
    *(b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n", b"\r\n\r\n\r\n\r\n", b"\x05\x01\x00", b"EHLO x\r\n", b"*1\r\n$4\r\nPING\r\n"),
    b"\x0d\x0a\x0d\x0a\x00\x0d\x0a\x51\x55\x49\x54\x0a\x21\x11\x00\x0c" + bytes(12),
)
_BAD_VALUES: Final = (
    *("", " ", ",", ",,,", "\t", "é", "\u00ff", "x" * 300, "x" * 9_000, '"', "websocket", "upgrade", "13", "0", "-1", "1e3", "*"),
    *("a\x00b", "a\x0bb", "keep-alive, Upgrade", "permessage-deflate", "\x7f", "%00", "chunked", "gzip, chunked", "Bearer", "Bearer "),
)

_PATHS: Final = (
    *("/", "*", "", "//", "/../../etc/passwd", "/static/../../../etc/passwd", "/static/%2e%2e/%2e%2e/x", "/%00", "/%", "/v1/device/"),
    *("/v1/DEVICE", "/v1//device", "/v1/device?x=%zz", "http://hub/v1/live", "ftp://x/", "hub:443", "/" + "a" * 9_000, "/v1/device#x"),
    *("/api/v1/devices/%2e%2e", "/api/v1/devices/a%2fb", "/é", "/\x7f", "/api/v1/query?" + "device=x&" * 600, "/api"),
)


def lines_of(rng: random.Random) -> list[tuple[str, str]]:
    """Return the headers of a good upgrade of a device or a viewer."""
    is_device = rng.random() < 0.5
    token = (DEVICE_TOKEN if is_device else VIEWER_TOKEN).decode()
    fields = [("Host", "hub.example"), ("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Authorization", f"Bearer {token}")]
    fields += [("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="), ("Sec-WebSocket-Version", "13")]
    return [*fields, ("Sec-WebSocket-Protocol", "tributary.device.v1" if is_device else "tributary.live.v1.json")]


def path_of(fields: list[tuple[str, str]]) -> str:
    """Return the path that these headers are for."""
    return "/v1/device" if any("tributary.device" in value for _, value in fields) else "/v1/live"


def request(line: str, fields: list[tuple[str, str]], body: bytes = b"") -> bytes:
    """Return a request."""
    said = "".join(f"{name}: {value}\r\n" for name, value in fields)
    return f"{line}\r\n{said}\r\n".encode("latin-1", "replace") + body


def upgrade(rng: random.Random) -> bytes:
    """Return a good upgrade."""
    fields = lines_of(rng)
    return request(f"GET {path_of(fields)} HTTP/1.1", fields)


def _leave(rng: random.Random) -> str:
    return rng.choices(("eof", "reset", "stay"), (80, 18, 2))[0]


def h1_random(rng: random.Random) -> Exchange:
    """Random bytes, a TLS hello, other protocols."""
    raw = rng.choice((rng.randbytes(rng.randrange(1, 3_000)), rng.choice(_BANNERS), mutated(rng, rng.choice(_BANNERS))))
    return Exchange("H1", 0, steps=pieces(rng, raw), leave=_leave(rng))


def h2_truncated(rng: random.Random) -> Exchange:
    """A good request that ends in the middle, in one piece or dripping."""
    raw = upgrade(rng)
    raw = raw[: rng.randrange(len(raw))] if rng.random() < 0.7 else raw
    return Exchange("H2", 0, steps=pieces(rng, raw, rng.choice((2, 5, 60))), leave=_leave(rng))


def h3_headers(rng: random.Random) -> Exchange:
    """Headers changed, doubled, with bytes that are no ASCII, too many, too long."""
    fields = lines_of(rng)
    path = path_of(fields)
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(fields))
        name, value = fields[at]
        match rng.randrange(8):
            case 0:
                fields[at] = (name, rng.choice(_BAD_VALUES))
            case 1:
                fields.append((name, rng.choice((value, *_BAD_VALUES))))
            case 2:
                del fields[at]
            case 3:
                fields[at] = (rng.choice(("", " ", name + " ", "é", "a:b", name.upper(), "X\x00", "(", name * 40)), value)
            case 4:
                fields += [(f"X-{n}", "v" * rng.choice((0, 10, 100))) for n in range(rng.choice((10, 90, 300)))]
            case 5:
                fields[at] = (name, value + rng.choice(_BAD_VALUES))
            case 6:
                fields[at] = (name, f"{value}\r\n {rng.choice(_BAD_VALUES)}")
            case _:
                fields.append(("Cookie", "; ".join(f"c{n}={'x' * 50}" for n in range(rng.randrange(200)))))
        fields = fields or [("Host", "h")]
    raw = request(f"GET {path} HTTP/1.1", fields)
    raw = mutated(rng, raw, 4) if rng.random() < 0.4 else raw
    return Exchange("H3", 0, steps=pieces(rng, raw), leave=_leave(rng))


def h4_line(rng: random.Random) -> Exchange:
    """The request line: methods, versions, paths."""
    fields = lines_of(rng)
    method = rng.choice(("GET", "get", "POST", "PUT", "HEAD", "OPTIONS", "TRACE", "CONNECT", "DELETE", "", "G\x00T", "X" * 200, "GET\t"))
    version = rng.choice(
        ("HTTP/1.1", "HTTP/1.0", "HTTP/2", "HTTP/0.9", "HTTP/1.2", "http/1.1", "", "HTTP/1.1 x", "HTTP/11", "HTTP/1.1\x00")
    )
    if rng.random() < 0.6:
        method, version = rng.choice((("GET", "HTTP/1.1"), (method, "HTTP/1.1"), ("GET", version)))
    if rng.random() < 0.5:
        fields = [field for field in fields if field[0] not in ("Upgrade", "Connection")]
    raw = request(f"{method} {rng.choice((path_of(fields), *_PATHS))} {version}", fields)
    return Exchange("H4", 0, steps=pieces(rng, raw), leave=_leave(rng))


def h5_offers(rng: random.Random) -> Exchange:
    """Extensions, subprotocols, versions and keys that are offered, and a frame behind them."""
    fields = lines_of(rng)
    path = path_of(fields)
    offers = {
        "Sec-WebSocket-Extensions": (
            *("permessage-deflate", "permessage-deflate; client_max_window_bits", "permessage-deflate; server_max_window_bits=99"),
            *("x-webkit-deflate-frame", ";;;", "a;b=c;d", 'a; b="c', "permessage-deflate, permessage-deflate", "é", "," * 50, "a" * 4_000),
        ),
        "Sec-WebSocket-Protocol": (
            *("tributary.device.v1, tributary.live.v1.json", "tributary.device.v2", ",", "", "TRIBUTARY.DEVICE.V1", "a, " * 400, "é"),
            *("tributary.live.v1.msgpack", "tributary.device.v1,,tributary.device.v1", '"tributary.device.v1"'),
        ),
        "Sec-WebSocket-Version": ("13", "8", "13, 8", "013", "13 ", "", "9999999999999", "thirteen"),
        "Sec-WebSocket-Key": ("", "AAAA", "dGhlIHNhbXBsZSBub25jZQ", "=" * 24, "é" * 24, "dGhlIHNhbXBsZSBub25jZQ==" * 2, "A" * 3_000),
        "Origin": ("null", "http://evil.example", "http://hub.example.evil", "file://", "", "http://hub.example:0", "é", "http://[::1"),
    }
    for name in rng.sample(sorted(offers), rng.randrange(1, 4)):
        fields = [field for field in fields if field[0] != name or rng.random() < 0.3]
        fields += [(name, rng.choice(offers[name])) for _ in range(rng.choice((1, 1, 2)))]
    behind = frame(rng.randbytes(rng.randrange(50)), rsv=rng.choice((0, 4))) if rng.random() < 0.3 else b""
    return Exchange("H5", 0, steps=pieces(rng, request(f"GET {path} HTTP/1.1", fields, behind)), leave=_leave(rng))


def h6_bodies(rng: random.Random) -> Exchange:
    """Bodies, chunks and pipelines, and what lies of their lengths."""
    length = rng.choice(("5", "0", "-1", "5, 5", "5, 6", "+5", "5x", "", "99999999999999999999", "1048577", str(rng.choice(BORDERS))))
    chunks = rng.choice(
        (
            *(
                b"5\r\nhello\r\n0\r\n\r\n",
                b"5;x=y\r\nhello\r\n0\r\nT: v\r\n\r\n",
                b"FFFFFFFFFFFFFFFF\r\nx",
                b"-1\r\n\r\n",
                b"5\r\nhel",
                b"zz\r\n",
            ),
            *(b"0\r\n\r\n" * 3, b"1\r\nx\r\n" * 300 + b"0\r\n\r\n", b"5\nhello\n0\n\n", b"5" + b" " * 5_000 + b"\r\nhello", b"0" * 900),
        )
    )
    framing: tuple[list[tuple[str, str]], bytes] = rng.choice(
        (
            ([("Content-Length", length)], b"hello"),
            ([("Transfer-Encoding", rng.choice(("chunked", "Chunked", "gzip, chunked", "chunked, chunked", "xchunked")))], chunks),
            ([("Content-Length", length), ("Transfer-Encoding", "chunked")], chunks),
            ([("Content-Length", "5"), ("Content-Length", length)], b"hello"),
            ([("Expect", rng.choice(("100-continue", "200-ok"))), ("Content-Length", length)], b"hello"),
            ([], rng.randbytes(20)),
        )
    )
    login = [("Host", "hub.example"), ("Authorization", f"Bearer {VIEWER_TOKEN.decode()}"), ("Content-Type", "application/json")]
    paths = (
        "/login",
        "/api/v1/live",
        "/api/v1/device",
        "/api/v1/shared",
        "/api/v1/provision",
        "/healthz",
        "/api/v1/devices/x/commands",
        "/x",
    )
    raw = request(f"{rng.choice(('POST', 'POST', 'GET', 'PUT'))} {rng.choice(paths)} HTTP/1.1", [*login, *framing[0]], framing[1])
    good = request("GET /healthz HTTP/1.1", [("Host", "h")])
    raw = b"".join(rng.choice((raw, raw, good, upgrade(rng))) for _ in range(rng.choice((1, 1, 2, 5))))
    raw = mutated(rng, raw, 3) if rng.random() < 0.4 else raw
    return Exchange("H6", 0, steps=pieces(rng, raw), leave=_leave(rng))
