"""A door that runs in the test, an app and sessions to stand behind it, and a client that says any bytes.

Owns nothing of the hub; used by tests/hub/web. The parts are real: real sockets on 127.0.0.1, real sessions over real links.
"""

import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import trio
from structlog.testing import capture_logs
from structlog.typing import EventDict

from devices.link import Link, LinkClosed
from devices.wire.limits import CloseCode
from hub.auth import LockedOut, Principal
from hub.web.beside import OtherNodes
from hub.web.door import ASGIApp, Door
from hub.web.http import Message
from hub.web.settings import DoorSettings

DEADLINE_S = 30.0
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
MASK = b"\x00\x00\x00\x00"


class KnownAuth:
    """Knows one device token, one viewer token and one session cookie; takes five wrong tokens from an address."""

    def __init__(self) -> None:
        self._wrong = Counter[str]()

    def device_of(self, token: str) -> str | None:
        return {"device-token": "boiler"}.get(token)

    async def principal(self, headers: Mapping[str, str]) -> Principal | None:
        if headers.get("authorization") == "Bearer viewer-token":
            return Principal("program", "viewer")
        if "tributary_session=good" in headers.get("cookie", ""):
            return Principal("anna", "operator")
        return None

    async def may_be_new(self, address: str) -> None:
        """Nobody makes any elsewhere."""

    async def wrong_token(self, address: str) -> None:
        self._wrong[address] += 1
        if self._wrong[address] > 5:
            raise LockedOut(6.0)


class Sessions:
    """Sessions that echo; a few words make them do something else."""

    def __init__(self) -> None:
        self.open: list[tuple[str, Link]] = []
        self.ended: list[str] = []
        self.moved = trio.Condition()

    async def serve_device(self, device: str, link: Link) -> None:
        await self._serve(device, link)

    async def serve_viewer(self, principal: Principal, link: Link, encoding: str) -> None:
        await self._serve(f"{principal.name}/{encoding}", link)

    async def count_is(self, count: int) -> None:
        """Return when so many sessions are open."""
        async with self.moved:
            while len(self.open) != count:
                await self.moved.wait()

    async def _serve(self, who: str, link: Link) -> None:
        await self._change(who, link, is_open=True)
        try:
            await link.aclose(await _echo(link))
        except LinkClosed as closed:
            self.ended.append(f"{who} {closed.code}")
        except trio.Cancelled:
            with trio.CancelScope(shield=True):
                await link.aclose(CloseCode.RESTART)
            raise
        finally:
            with trio.CancelScope(shield=True):
                await self._change(who, link, is_open=False)

    async def _change(self, who: str, link: Link, *, is_open: bool) -> None:
        async with self.moved:
            if is_open:
                self.open.append((who, link))
            else:
                self.open.remove((who, link))
            self.moved.notify_all()


async def _echo(link: Link) -> CloseCode:
    while True:
        match message := await link.receive():
            case b"crash":
                raise ZeroDivisionError("the session was told to")
            case b"close":
                return CloseCode.SLOW_READER
            case b"flood":
                while True:
                    await link.send(bytes(60_000))
            case _:
                await link.send(message)


async def plain_app(scope: Message, receive: Any, send: Any) -> None:
    """Answer GET with hello."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"hello from " + scope["path"].encode()})


class Place:
    """A running door."""

    def __init__(self, door: Door, sessions: Sessions, address: tuple[str, int], scope: trio.CancelScope, logs: list[EventDict]) -> None:
        self.door = door
        self.sessions = sessions
        self.address = address
        self.scope = scope
        self.logs = logs  # what the door has logged

    async def connect(self) -> trio.SocketStream:
        return await trio.open_tcp_stream(*self.address)

    async def holds(self, connections: int) -> None:
        """Return when the door holds so many connections."""
        with trio.fail_after(DEADLINE_S):
            while self.door.connections != connections:
                await trio.lowlevel.checkpoint()

    async def answer_to(self, request: bytes, *, is_ended: bool = False) -> bytes:
        """Send bytes on a new connection and return all that comes until its end."""
        with trio.fail_after(DEADLINE_S):
            async with await self.connect() as stream:
                await stream.send_all(request)
                if is_ended:
                    await stream.send_eof()
                return await everything(stream)


@asynccontextmanager
async def running_door(app: ASGIApp = plain_app, others: OtherNodes | None = None, /, **settings: Any) -> AsyncIterator[Place]:
    """Run a door until the block is left; then all of it must end."""
    sessions = Sessions()
    door = Door(
        settings=DoorSettings(port=0, **settings),
        auth=KnownAuth(),
        app=app,
        serve_device=sessions.serve_device,
        serve_viewer=sessions.serve_viewer,
        others=others,
    )
    with capture_logs() as logs:
        async with trio.open_nursery() as nursery:
            address = await nursery.start(door.run)
            yield Place(door, sessions, address, nursery.cancel_scope, logs)
            nursery.cancel_scope.cancel()
    assert door.connections == 0
    assert sessions.open == []


async def everything(stream: trio.abc.ReceiveStream) -> bytes:
    """Return all that comes until the end of the stream; a reset is an end as well."""
    heard = b""
    try:
        async for data in stream:
            heard += data
    except trio.BrokenResourceError:
        pass
    return heard


async def until(stream: trio.abc.ReceiveStream, end: bytes) -> bytes:
    """Return what comes, up to these bytes."""
    heard = b""
    with trio.fail_after(DEADLINE_S):
        while end not in heard:
            data = await stream.receive_some()
            assert data, f"the stream ended after {heard!r}"
            heard += data
    return heard


def upgrade(
    path: str = "/v1/device", *, subprotocol: str | None = "tributary.device.v1", key: str = KEY, version: str = "13", **headers: str
) -> bytes:
    """Return an upgrade request; a header name is written with _ for -, and an empty value leaves it out."""
    fields = {"Host": "hub.example", "Upgrade": "websocket", "Connection": "keep-alive, Upgrade", "Authorization": "Bearer device-token"}
    fields |= {"Sec-WebSocket-Key": key, "Sec-WebSocket-Version": version, "Sec-WebSocket-Protocol": subprotocol or ""}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items() if value)]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"


def frame(payload: bytes, opcode: int = 2) -> bytes:
    """Return a frame as a client sends it, with a mask of zeros."""
    size = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
    return bytes([0x80 | opcode]) + size + MASK + payload


def is_refusal(heard: bytes, status: int, code: str) -> dict[str, str]:
    """Check that this is an HTTP refusal in our shape, after which the connection closed, and return what it says."""
    head, _, body = heard.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status), heard
    assert b"connection: close" in head.lower(), heard
    wears_security(heard)
    said: dict[str, str] = json.loads(body)
    assert said["code"] == code, said
    assert said["message"], said
    assert set(said) == {"code", "message", "hint"}
    return said


def wears_security(heard: bytes) -> None:
    """Check that an answer of the door may be neither framed, nor kept, nor taken for a page."""
    head = heard.partition(b"\r\n\r\n")[0].decode("ascii").lower().split("\r\n")
    for field in (
        "cache-control: no-store",
        "content-security-policy: default-src 'none'; frame-ancestors 'none'",
        "x-content-type-options: nosniff",
        "x-frame-options: deny",
        "referrer-policy: no-referrer",
        "cross-origin-resource-policy: same-origin",
    ):
        assert head.count(field) == 1, (field, heard)
