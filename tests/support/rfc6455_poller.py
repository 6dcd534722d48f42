"""A WebSocket under test on a pair of real sockets that a poller reads: the client says a script, and waits until each piece was read.

Owns nothing of the hub. Used by the differential tests. The clock is the real one: nothing here depends on how long anything takes.
"""

import fcntl
import socket
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest
import trio

from hub.web import poller
from hub.web.poller import Poller
from hub.web.settings import DoorSettings
from tests.support.rfc6455 import Ear
from tests.support.rfc6455_echo import Script, Session, serve_client

_RECEIVE_BYTES: Final = 65_536


@contextmanager
def hasty_poller() -> Iterator[None]:
    """Let pollers in this block take turn after turn: what they gather for is no matter here, and a run takes a tenth of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(poller, "GATHER_S", 0.0)
        yield


def socket_streams(*, send_buffer_bytes: int | None = None) -> tuple[trio.SocketStream, trio.SocketStream]:
    """Return the hub's end and the client's."""
    ours, theirs = socket.socketpair()
    if send_buffer_bytes is not None:
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer_bytes)
    return trio.SocketStream(trio.socket.from_stdlib_socket(ours)), trio.SocketStream(trio.socket.from_stdlib_socket(theirs))


async def serve_polled(script: Script, session: Session, settings: DoorSettings) -> Ear:
    """Serve a session on a socket that a poller reads, to a client that says the script and leaves; return what it heard."""
    ours, theirs = socket_streams()
    reading = Poller()
    client = _Client(theirs, ours, reading)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(reading.run)
            async with trio.open_nursery() as both:
                both.start_soon(serve_client, ours, session, settings, reading)
                both.start_soon(client.listen)
                both.start_soon(client.say, script)
            nursery.cancel_scope.cancel()
    finally:
        reading.close()
        await trio.aclose_forcefully(ours)
        await trio.aclose_forcefully(theirs)
    client.ear.end()
    return client.ear


class _Client:
    """Says the script; a pause in it holds the poller until the next piece is there."""

    def __init__(self, stream: trio.SocketStream, other: trio.SocketStream, poller: Poller) -> None:
        self.ear = Ear()
        self._stream = stream
        self._other = other
        self._poller = poller
        self._has_ended = False

    async def say(self, script: Script) -> None:
        try:
            for step in script:
                if isinstance(step, bytes):
                    await self._stream.send_all(step)
                    self._poller.hold(is_held=False)
                    await self._is_read()
                else:
                    self._poller.hold(is_held=True)
            self._poller.hold(is_held=False)
            await self._stream.send_eof()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # the hub ended it: what it said is what counts

    async def _is_read(self) -> None:
        while not self._has_ended and self._other.socket.fileno() >= 0:
            if fcntl.ioctl(self._other.socket.fileno(), termios.FIONREAD, bytes(4)) == bytes(4):
                return
            await trio.lowlevel.checkpoint()

    async def listen(self) -> None:
        try:
            while data := await self._stream.receive_some(_RECEIVE_BYTES):
                self.ear.hear(bytes(data))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # a reset is an end as well
        self._has_ended = True
        await trio.aclose_forcefully(self._stream)
