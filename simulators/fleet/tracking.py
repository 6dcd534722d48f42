"""What a device's connections carry, looked at on its way: which frame went out under which number, and when it was acked.

Owns a Link that passes everything on unchanged, and the bookkeeping of frames that are not acked yet, bounded by the spool. Frames are
told by the stamp of their readings, from which member.py knows when they were due. It has one for each device.
"""

from collections import deque
from collections.abc import Callable
from typing import Protocol

from devices.link import Link
from devices.wire.codec import decode_from_hub, unpack
from devices.wire.messages import Ack, Welcome


class Told(Protocol):
    """Who is told of frames of one device, by the stamps of their readings."""

    def went_out(self, stamp_us: int, epoch: int, seq: int) -> None:
        """A frame of readings is sent for the first time."""

    def acked(self, stamp_us: int) -> None:
        """A frame of readings is acked."""


class Tracking:
    """The frames of one device that were sent and are not acked, over all its connections."""

    def __init__(self, told: Told) -> None:
        self._told = told
        self._open: dict[int, deque[tuple[int, int]]] = {}  # epoch -> (seq, time), in order

    def sent(self, message: bytes) -> None:
        """Note a frame that goes out; one that goes out again is known already."""
        said = unpack(message)
        if said.get("op") not in ("data", "pack") or not isinstance(said.get("t"), int):
            return
        epoch, seq, time_us = said["e"], said["s"], said["t"]
        line = self._open.setdefault(epoch, deque())
        if line and seq <= line[-1][0]:
            return
        line.append((seq, time_us))
        self._told.went_out(time_us, epoch, seq)

    def acked(self, marks: tuple[tuple[int, int], ...]) -> None:
        """Let go of every frame at or below the marks."""
        for epoch, seq in marks:
            line = self._open.get(epoch)
            if line is None:
                continue
            while line and line[0][0] <= seq:
                self._told.acked(line.popleft()[1])
            if not line:
                del self._open[epoch]


class TrackedLink:
    """A Link that tells of what goes through it."""

    def __init__(self, link: Link, tracking: Tracking, on_welcome: Callable[[], None]) -> None:
        self._link = link
        self._tracking = tracking
        self._on_welcome = on_welcome

    @property
    def remote(self) -> str:
        return self._link.remote

    async def send(self, message: bytes | str) -> None:
        if isinstance(message, bytes):
            self._tracking.sent(message)
        await self._link.send(message)

    async def receive(self) -> bytes | str:
        message = await self._link.receive()
        if isinstance(message, bytes):
            said = decode_from_hub(message)
            if isinstance(said, Ack):
                self._tracking.acked(said.acks)
            elif isinstance(said, Welcome):
                self._tracking.acked(said.marks)
                self._on_welcome()
        return message

    async def ping(self) -> None:
        await self._link.ping()

    async def aclose(self, code: int = 1000, reason: str = "") -> None:
        await self._link.aclose(code, reason)
