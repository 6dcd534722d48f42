"""The sending half of a WebSocket's stream: frames of trio-websocket and ready-made ones, each whole and one after the other.

Owns who may write when: one at a time, nothing before the handshake is answered, nothing after a Close. Used by frames.py.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import trio

from hub.web.streams import GuardedStream

_CLOSE_FRAME: Final = 0x88  # FIN and opcode 8; what a server sends is one frame at a time, and never masked


class Outgoing:
    """What is sent on one connection. It ends its sending after our Close, so that a client that does not answer still sees the end."""

    def __init__(self, stream: GuardedStream) -> None:
        self.answered: trio.Event | None = trio.Event()  # set and None once the handshake is
        self.has_sent_close = False
        self.start: Callable[[Callable[[], Awaitable[None]]], None]  # starts a task that finishes a send; given before the answer
        self._stream = stream
        self._descriptor = stream.descriptor
        self._is_sending = False
        self._half: bytes | None = None  # the end of a frame of which a part is sent
        self._has_next = False  # a frame of trio-websocket waits for the end of another, and goes before any plain call
        self._is_broken = False  # a send was cancelled, or failed: nothing more can be said
        self._free: trio.Event | None = None  # set when a send has ended, if somebody waits for that

    def try_send(self, frame: bytes) -> bool:
        """Write a whole frame now, or at least begin it; False: nothing of it was taken. Never raises."""
        if self._is_sending or self._half is not None or self._has_next or self.has_sent_close or self.answered is not None:
            return False
        sent_bytes = 0
        if self._descriptor is not None:
            try:
                sent_bytes = self._stream.send_now(self._descriptor, frame)
            except trio.BrokenResourceError:
                return False  # the reader hears of it
            if not sent_bytes:
                return False
        if sent_bytes < len(frame):
            self._half = frame[sent_bytes:]
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
            self._set_free()

    async def send_all(self, data: Any) -> None:
        """Send what trio-websocket says. Raises BrokenResourceError, ClosedResourceError."""
        if self._half is not None:
            self._has_next = True
            try:
                await self._wait_until_free()
            finally:
                self._has_next = False
        if self._is_sending or self._half is not None or self.has_sent_close:
            # Only `say` below sends out of turn, and after a Close nothing may follow.
            raise trio.ClosedResourceError("the connection is closing")
        self._is_sending = True
        try:
            await self._stream.send_all(data)
            self._is_sending = False  # and only then, as above
        finally:
            self._is_broken = self._is_sending
            self._set_free()
        if self.answered is not None:
            self.answered.set()
            self.answered = None
        if data and data[0] == _CLOSE_FRAME:
            self.has_sent_close = True
            await self._stream.end_sending()

    async def say(self, code: int, patience_s: float) -> None:
        """Send a Close, where none was sent and no message is cut in two by it; one that is being sent has so long to end."""
        with trio.move_on_after(patience_s):
            await self._wait_until_free()
        if not self.has_sent_close and not self._is_sending and self._half is None:
            await self.send_all(bytes([_CLOSE_FRAME, 2]) + code.to_bytes(2, "big"))

    async def _wait_until_free(self) -> None:
        """Return when what is being sent has gone, or will never go."""
        while (self._is_sending or self._half is not None) and not self._is_broken:
            self._free = self._free or trio.Event()
            await self._free.wait()

    def _set_free(self) -> None:
        if self._free is not None:
            self._free.set()
            self._free = None
