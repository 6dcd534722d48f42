"""The sending half of a WebSocket's stream: frames of trio-websocket and ready-made ones, each whole and one after the other.

Owns who may write when: one at a time, nothing before the handshake is answered, nothing after a Close. Used by frames.py.
"""

from collections.abc import Awaitable, Callable
from os import write
from typing import Any, Final

import trio

from devices.link import Prepared
from hub.web.streams import GuardedStream
from hub.web.traffic import Traffic

_CLOSE_FRAME: Final = 0x88  # FIN and opcode 8; what a server sends is one frame at a time, and never masked


class Outgoing:
    """What is sent on one connection. It ends its sending after our Close, so that a client that does not answer still sees the end."""

    def __init__(self, stream: GuardedStream, traffic: Traffic) -> None:
        self.answered: trio.Event | None = trio.Event()  # set and None once the handshake is
        self.has_sent_close = False
        self.start: Callable[[Callable[[], Awaitable[None]]], None]  # starts a task that finishes a send; given before the answer
        self._stream = stream
        self._traffic = traffic
        self._descriptor = stream.descriptor
        self._is_sending = False
        self._half: bytes | None = None  # the end of a frame of which a part is sent
        self._has_next = False  # a frame of trio-websocket waits for the end of another, and goes before any plain call
        self._is_broken = False  # a send was cancelled, or failed: nothing more can be said
        self._free: trio.Event | None = None  # set when a send has ended, if somebody waits for that
        self._is_gone = False
        self._is_taken = True  # no plain call may write now

    def try_send(self, prepared: Prepared) -> bool:
        """Write a whole frame now, or at least begin it; False: nothing of it was taken. Never raises."""
        if self._is_taken:
            return False
        frame, sent_bytes = prepared.frame, 0
        if self._descriptor is not None:
            try:
                sent_bytes = write(self._descriptor, frame)
            except OSError:  # it takes nothing now, or it is broken, of which the reader hears
                return False
        self._traffic.sent_bytes += len(frame)
        self._traffic.sent_frames += 1
        if sent_bytes < len(frame):
            self._half = frame[sent_bytes:]
            self._is_taken = True
            self.start(self._send_half)
        return True

    async def _send_half(self) -> None:
        """Send the end of a frame; who sends meanwhile waits."""
        assert self._half is not None
        try:
            await self._stream.send_all(self._half)
            self._half = None  # and only then: after a cancelled send nothing more can be said
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # the reader hears of it
        finally:
            self._is_broken = self._half is not None
            self._settle()

    async def send_all(self, data: Any) -> None:
        """Send what trio-websocket says. Raises BrokenResourceError, ClosedResourceError."""
        if self._half is not None:
            self._has_next = True
            try:
                await self._wait_until_free()
            finally:
                self._has_next = False
                self._settle()
        if self._is_sending or self._half is not None or self.has_sent_close:
            # Only `say` below sends out of turn, and after a Close nothing may follow.
            raise trio.ClosedResourceError("the connection is closing")
        self._is_sending = self._is_taken = True
        try:
            await self._stream.send_all(data)
            self._traffic.sent_bytes += len(data)
            self._traffic.sent_frames += 1
            self._is_sending = False  # and only then, as above
        finally:
            self._is_broken = self._is_sending
            self.has_sent_close = not self._is_broken and bool(data) and data[0] == _CLOSE_FRAME
            self._settle()
        if self.answered is not None:
            self.answered.set()
            self.answered = None
            self._settle()
        if self.has_sent_close:
            await self._stream.end_sending()

    async def say(self, code: int, patience_s: float) -> None:
        """Send a Close, where none was sent and no message is cut in two by it; one that is being sent has so long to end."""
        with trio.move_on_after(patience_s):
            await self._wait_until_free()
        if not self.has_sent_close and not self._is_sending and self._half is None:
            await self.send_all(bytes([_CLOSE_FRAME, 2]) + code.to_bytes(2, "big"))

    async def _wait_until_free(self) -> None:
        """Return when what is being sent has gone, or will never go."""
        while (self._is_sending or self._half is not None) and not (self._is_broken or self._is_gone):
            if self._free is None:
                self._free = trio.Event()
            await self._free.wait()

    def close(self) -> None:
        """Write nothing more: the descriptor goes, and may be another connection's soon."""
        self._is_gone = True
        self._settle()

    def _settle(self) -> None:
        """Follow a change: who waits for the end of a send looks again."""
        is_open = self.answered is None and not self.has_sent_close and not self._is_gone
        self._is_taken = not is_open or self._is_sending or self._half is not None or self._has_next
        if self._free is not None:
            self._free.set()
            self._free = None
