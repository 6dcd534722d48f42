"""Heads of requests: what is let in, what is refused with which answer, and that no bytes do anything else."""

import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.core.errors import Refusal
from hub.web.head import Head, read_head
from hub.web.settings import DoorSettings
from hub.web.streams import GuardedStream

PLAIN = b"GET /a%20b?x=1&y=%C3%A9 HTTP/1.1\r\nHost: hub.example\r\nCookie: a=1\r\nCookie: b=2\r\nAccept: x\r\nAccept: y\r\n\r\n"
QUICK = DoorSettings(head_timeout_s=0.05)  # where the time is to run out
PATIENT = DoorSettings(head_timeout_s=30.0)


@asynccontextmanager
async def pair() -> AsyncIterator[tuple[trio.SocketStream, GuardedStream]]:
    ours, theirs = (trio.SocketStream(trio.socket.from_stdlib_socket(end)) for end in connected())
    async with ours, theirs:
        yield theirs, GuardedStream(ours, 1.0)


def connected() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        return listener.accept()[0], client


async def head_of(pieces: Iterable[bytes], limits: DoorSettings = PATIENT, *, is_ended: bool = False) -> tuple[Head | None, bytes]:
    """Return the head read from these pieces and what is left behind it."""
    async with pair() as (client, stream):
        for piece in pieces:
            await client.send_all(piece)
            await trio.lowlevel.checkpoint()
        if is_ended:
            await client.send_eof()
        head = await read_head(stream, limits, wait_s=limits.head_timeout_s)
        await client.send_eof()
        rest = b""
        while data := await stream.receive_some():
            rest += data
        return head, rest


async def refusal_of(*pieces: bytes, limits: DoorSettings = PATIENT, is_ended: bool = False) -> Refusal:
    with pytest.raises(Refusal) as refused:
        await head_of(pieces, limits, is_ended=is_ended)
    assert refused.value.message
    return refused.value


async def test_head_is_the_same_whole_and_byte_by_byte() -> None:
    whole, _ = await head_of([PLAIN])
    drop_by_drop, _ = await head_of([PLAIN[i : i + 1] for i in range(len(PLAIN))], DoorSettings())
    assert whole is not None
    assert drop_by_drop is not None
    assert (whole.method, whole.path, whole.query, whole.version) == ("GET", "/a%20b", "x=1&y=%C3%A9", "1.1")
    assert whole.fields == {"host": "hub.example", "cookie": "a=1; b=2", "accept": "x, y"}
    assert whole.headers == drop_by_drop.headers
    assert not whole.is_upgrade


async def test_what_stands_behind_the_head_stays_in_the_stream_whatever_it_is() -> None:
    head, rest = await head_of([PLAIN + bytes(range(256)) + b"\n\n"])
    assert head is not None
    assert rest == bytes(range(256)) + b"\n\n"


async def test_absolute_form_and_one_empty_line_before_the_request_are_forgiven() -> None:
    head, _ = await head_of([b"\r\nGET http://hub.example/x?y HTTP/1.1\r\nHost: hub.example\r\n\r\n"])
    assert head is not None
    assert (head.path, head.query) == ("/x", "y")


@pytest.mark.parametrize("connection", ["Upgrade", "keep-alive, upgrade", "UPGRADE"])
async def test_upgrade_is_seen_however_it_is_written(connection: str) -> None:
    head, _ = await head_of([f"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: WebSocket\r\nConnection: {connection}\r\n\r\n".encode()])
    assert head is not None
    assert head.is_upgrade


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.1\r\nHost: caf\xe9\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nX: a\x00b\r\n\r\n",
        b"GET / HTTP/1.1\nHost: h\n\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nX: y\nZ: w\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: -3\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 3, 4\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : h\r\n\r\n",
        b"GET  / HTTP/1.1\r\nHost: h\r\n\r\n",
        b"CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n",
        b"hello\r\n\r\n",
        b"\r\n\r\n\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20,
    ],
)
async def test_head_that_breaks_a_rule_is_refused_with_400(raw: bytes) -> None:
    assert (await refusal_of(raw)).status == 400


async def test_tls_on_a_plain_port_is_told_so() -> None:
    assert "TLS" in (await refusal_of(b"\x16\x03\x01\x02\x00\x01")).message


async def test_non_ascii_byte_is_refused_before_the_head_is_whole() -> None:
    refusal = await refusal_of(b"GET / HTTP/1.1\r\nX: \xc3", limits=DoorSettings())
    assert (refusal.status, refusal.code) == (400, "bad_request")
    assert "0xc3" in refusal.message


@pytest.mark.parametrize("line", [b"PRI * HTTP/2.0", b"GET / HTTP/2.0", b"GET / HTTP/0.9", b"GET / HTTP/11.1"])
async def test_other_versions_of_http_are_refused_with_505(line: bytes) -> None:
    assert (await refusal_of(line + b"\r\n\r\nSM\r\n\r\n")).status == 505


async def test_head_may_be_as_large_as_the_limit_and_no_larger() -> None:
    def of_size(size: int) -> bytes:
        head = b"GET / HTTP/1.1\r\nHost: h\r\nX: \r\n\r\n"
        return head.replace(b"X: ", b"X: " + b"a" * (size - len(head)))

    assert len(of_size(8192)) == 8192
    head, rest = await head_of([of_size(8192) + b"body"])
    assert head is not None
    assert rest == b"body"
    for raw in (of_size(8193), of_size(8193)[:8192], b"a" * 20_000):
        refusal = await refusal_of(raw)
        assert (refusal.status, refusal.code) == (431, "head_too_large")
        assert "8,192" in refusal.message


async def test_half_a_head_is_refused_with_408_when_the_time_is_over_and_with_400_when_it_ends() -> None:
    assert (await refusal_of(PLAIN[:-1], limits=QUICK)).status == 408
    assert (await refusal_of(PLAIN[:-1], is_ended=True)).status == 400


async def test_silence_and_an_end_without_a_word_are_no_refusal() -> None:
    assert await head_of([], QUICK) == (None, b"")
    assert await head_of([], is_ended=True) == (None, b"")


async def test_second_head_may_begin_late_but_must_then_be_quick() -> None:
    async with pair() as (client, stream):
        began = trio.current_time()
        await client.send_all(PLAIN[:10])
        with pytest.raises(Refusal):
            await read_head(stream, QUICK, wait_s=60)
        assert trio.current_time() - began < 30


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=60) | st.sampled_from([PLAIN, b"\r\n", b"GET / HTTP/1.1\r\n", b"Host: h\r\n"]), max_size=6))
def test_any_bytes_give_a_head_or_a_refusal_and_nothing_else(pieces: list[bytes]) -> None:
    async def status_of() -> int:
        try:
            await head_of([piece for piece in pieces if piece], is_ended=True)
        except Refusal as refusal:
            return refusal.status
        return 200

    assert trio.run(status_of) in {200, 400, 431, 501, 505}


LINK = "/shared/0123456789abcdef"


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        (f"{LINK}/", "/shared"),
        (f"{LINK}/v1/live", "/v1/live"),
        (f"{LINK}/api/v1/shared", "/api/v1/shared"),
        (f"{LINK}/api/v1/query", "/api/v1/query"),
        (f"{LINK}/api/v1/live", "/api/v1/live"),
        (f"{LINK}/api/v1/live/a-_Z9", "/api/v1/live/a-_Z9"),
        (f"{LINK}/api/v1/live/a-_Z9/events", "/api/v1/live/a-_Z9/events"),
        (f"{LINK}/api/v1/live/hub-2.a-_Z9", "/api/v1/live/hub-2.a-_Z9"),  # of one of several nodes
        (f"{LINK}/api/v1/live/hub-2.a-_Z9/events", "/api/v1/live/hub-2.a-_Z9/events"),
        *(
            (path, path)
            for path in (LINK, f"{LINK}/metrics", f"{LINK}/api/v1/devices", f"{LINK}/v1/device", f"{LINK}//v1/live", f"{LINK}/api")
        ),
        *((path, path) for path in ("/shared", "/shared/", "/shared/0123/", f"/x{LINK}/", f"{LINK}{LINK}/", f"{LINK}/api/v1/live/../hub")),
    ],
)
async def test_below_a_links_address_lies_what_a_guest_needs_and_nothing_else(path: str, meant: str) -> None:
    head, _ = await head_of([PLAIN.replace(b"/a%20b", path.encode())])
    assert head is not None
    assert head.behind_link().path == meant
