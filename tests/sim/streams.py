"""Byte streams between devices and the hub's door that fail as networks do, for the seeds that go through real WebSockets.

Owns one connection as a pair of trio streams; bytes come in order and once, in the pieces in which they were sent, or not at all. It is cut
and silenced as a Wire is.
"""

from contextvars import ContextVar
from typing import Protocol

import trio

from devices.client.watched import WatchedStream
from devices.link import Link
from tests.sim.truth import Truth
from tests.sim.wires import Message

_ROOM_BYTES = 262_144  # that may be on their way in one direction


class Dialer(Protocol):
    """Who can make a connection to the hub."""

    def dial(self) -> "ByteEnd":
        """Return the far end of a new connection. Raises Unreachable."""


dialer: ContextVar[Dialer] = ContextVar("who dials here")


async def open_stream(url: str, tls: object) -> WatchedStream:
    """Be devices.client.opening.open_stream."""
    await trio.lowlevel.checkpoint()
    return WatchedStream(dialer.get().dial())


class ByteWire:
    """One connection of bytes."""

    def __init__(self) -> None:
        self.is_silent = False
        self.hub, self.far = ByteEnd(self), ByteEnd(self)
        self.hub.other, self.far.other = self.far, self.hub

    @property
    def is_over(self) -> bool:
        """Whether the hub's end is closed."""
        return self.hub.is_closed or self.hub.is_broken

    def cut(self) -> None:
        """Break it: what is on its way is gone, and both ends know."""
        for end in (self.hub, self.far):
            end.break_off()

    def fall_silent(self) -> None:
        """Let nothing through any more."""
        self.is_silent = True

    def break_at_the_far_end(self) -> None:
        """Let the device know that it broke, and not the hub."""
        self.is_silent = True
        self.far.break_off()


class ByteEnd(trio.abc.Stream):
    """One end."""

    def __init__(self, wire: ByteWire) -> None:
        self.other: ByteEnd
        self.is_closed = self.is_broken = False
        self._wire = wire
        self._came = bytearray()
        self._has_ended = False  # the other side closed
        self._stirred = trio.Event()

    def break_off(self) -> None:
        """Know that it broke."""
        self.is_broken = True
        self._came.clear()
        self._stir()

    def _stir(self) -> None:
        self._stirred.set()
        self._stirred = trio.Event()

    def _check(self) -> None:
        if self.is_closed:
            raise trio.ClosedResourceError("closed")
        if self.is_broken:
            raise trio.BrokenResourceError("the connection broke")

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send."""
        await trio.lowlevel.checkpoint()
        await self.wait_send_all_might_not_block()
        if self.other.is_closed:
            raise trio.BrokenResourceError("nobody reads")
        if not self._wire.is_silent:
            self.other._came += data
            self.other._stir()

    async def wait_send_all_might_not_block(self) -> None:
        """Wait for room."""
        self._check()
        while len(self.other._came) > _ROOM_BYTES:
            await self._stirred.wait()
            self._check()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Return what came."""
        await trio.lowlevel.checkpoint()
        self._check()
        while not self._came:
            if self._has_ended:
                return b""
            await self._stirred.wait()
            self._check()
        size = len(self._came) if max_bytes is None else max_bytes
        data = bytes(self._came[:size])
        del self._came[:size]
        self.other._stir()
        return data

    async def aclose(self) -> None:
        """Close."""
        self.is_closed = True
        self._stir()
        if not self._wire.is_silent:
            self.other._has_ended = True
            self.other._stir()
        await trio.lowlevel.checkpoint()


class HeardLink:
    """A device's link; the truth hears what goes over it."""

    def __init__(self, link: Link, device: str, number: int, truth: Truth) -> None:
        self._link, self._device, self._number, self._truth = link, device, number, truth

    @property
    def remote(self) -> str:
        """The other side."""
        return self._link.remote

    async def send(self, message: Message) -> None:
        """Send."""
        self._truth.spoken(self._device, self._number, "up", message)
        await self._link.send(message)

    async def receive(self) -> Message:
        """Receive."""
        message = await self._link.receive()
        self._truth.spoken(self._device, self._number, "down", message)
        return message

    async def ping(self) -> None:
        """Ping."""
        await self._link.ping()

    async def aclose(self, code: int = 1000, reason: str = "") -> None:
        """Close."""
        await self._link.aclose(code, reason)
