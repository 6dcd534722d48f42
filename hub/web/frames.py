"""The stream under one WebSocket: plain messages pass trio-websocket by, in both directions; the rest is its business.

Owns what trio-websocket 0.12.2 sees: a head of our own making, nothing before its answer, and from then on only what the cutter leaves.
Whole messages go to the inbox by plain calls; what is sent goes through outgoing.py. Knows nothing of devices or viewers. Made by
upgrade.py.
"""

from collections.abc import Callable
from typing import Any, Final

import trio
from trio_websocket import WebSocketConnection

from devices.link import LinkClosed
from devices.wire.limits import CloseCode
from hub.web.cutting import Cutter
from hub.web.flood import Flood, tell_flood
from hub.web.inbox import Inbox
from hub.web.outgoing import Outgoing
from hub.web.poller import Poller
from hub.web.reader import lay_aside
from hub.web.settings import DoorSettings
from hub.web.streams import GuardedStream
from hub.web.traffic import Traffic

_RECEIVE_BYTES: Final = 65_536
_EMPTY_BYTES: Final = 6  # a frame of a client without a payload
_PONG: Final = 0x8A  # FIN and opcode 10; the cutter gives each alone
_NOBODYS_PONG: Final = b"\x8a\x80\x00\x00\x00\x00"  # the reader keeps the last that it heard: this is less than the handshake
_TOLD_BY_US: Final = frozenset({1002, 1007, 1009})  # a breach of RFC 6455 that trio-websocket closes for without a word


class FrameStream(trio.abc.Stream):
    """The stream that trio-websocket is given.

    Its handshake comes first and nothing more before it is answered: wsproto would lose frames that come with the head. After our
    Close it lingers until the client has seen the end. Who sends more than flood.py lets pass is closed with 1008.
    """

    def __init__(self, stream: GuardedStream, handshake: bytes, settings: DoorSettings, poller: Poller | None, remote: str = "") -> None:
        self.inbox = Inbox()
        self.traffic = Traffic()
        self.outgoing = Outgoing(stream, self.traffic)
        self.is_heard = False  # whether anything came since somebody set it to False
        self.socket: WebSocketConnection | None = None  # once the handshake is answered
        self.go_on: Callable[[], None] = _nobody_rests  # lets the reader go on where it is laid aside
        self._stream = stream
        self._handshake = handshake
        self._cutter = Cutter(settings.max_message_bytes)
        self._descriptor = stream.descriptor
        self._poller = poller if self._descriptor is not None else None
        self._linger_s = settings.linger_s
        self._remote = remote
        self._settings = settings
        self._flood: Flood | None = None  # of most connections nothing but answers to pings goes to trio-websocket
        self._rest = b""  # what it gets next
        self._has_begun = self._has_ended = self._is_waiting = False  # the last: for the client, by a call of the reader's
        self._is_watched = False  # by the poller, while the reader rests
        self._closing: trio.Event | None = None
        stream.on_closing = self._gone

    @property
    def is_cutting(self) -> bool:
        """Tell whether messages come to the inbox; if not, they come from trio-websocket, once the inbox is empty."""
        return self._cutter.is_on

    @property
    def is_halfway(self) -> bool:
        """Tell whether a frame has begun and not ended, and whether it is the client who keeps us waiting."""
        if self._cutter.is_on:
            return self._cutter.is_halfway and not self.inbox.is_full
        return self._is_waiting and self._flood is not None and self._flood.is_halfway

    def stop(self) -> None:
        """Cut nothing more: from the next frame on everything is trio-websocket's."""
        self._cutter.stop()
        self._take_rest()
        self._wake()

    def _gone(self) -> None:
        """Nothing more comes: the stream is about to be closed under us."""
        self._has_ended = True
        self.outgoing.close()
        self.stop()

    def message_came(self) -> None:
        """Note a message that came through trio-websocket: what is heard is no flood."""
        if self._flood is not None:
            self._flood.message_came()
        self.traffic.received_frames += 1

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        if self._handshake:
            await trio.lowlevel.checkpoint()
            handshake, self._handshake = self._handshake, b""
            return handshake
        if not self._has_begun:
            if self.outgoing.answered is not None:
                await self.outgoing.answered.wait()
            self._has_begun = True
            self._hear(self._stream.take_unread())
            return _NOBODYS_PONG
        while not self._rest and not self._has_ended:
            if self._poller is not None and self._cutter.is_on and not self.inbox.is_full:
                await self._rest_until_ready(self._poller)
            else:
                await self._listen()
        await trio.lowlevel.checkpoint()
        rest = self._rest if max_bytes is None else self._rest[:max_bytes]
        if rest:
            self._flood = self._flood or Flood(self._settings)
            size, reason = self._flood.take(rest, trio.current_time())
            if reason:
                await self._end_flood(reason)
            rest = rest[:size]
        self._rest = self._rest[len(rest) :]
        return rest

    async def _listen(self) -> None:
        """Take what comes, once."""
        if self.inbox.is_full and self._cutter.is_on:
            await self.inbox.wait_for_room()
            self._cut()
        elif self._cutter.has_more:
            await trio.lowlevel.checkpoint()
            self._cut()
        else:
            self._is_waiting = True
            try:
                data = await self._stream.receive_some(_RECEIVE_BYTES)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                self.stop()
                raise
            finally:
                self._is_waiting = False
            self._hear(data, is_end=not data)

    async def _rest_until_ready(self, poller: Poller) -> None:
        """Let the poller take what comes, from turn to turn, until there is something for trio-websocket."""
        assert self._descriptor is not None
        poller.watch(self._descriptor, self._on_ready)
        self._is_watched = True
        if self._cutter.has_more:
            poller.again(self._descriptor)
        try:
            await lay_aside()
            await trio.lowlevel.checkpoint_if_cancelled()
        finally:
            self._forget()

    def _on_ready(self) -> None:
        """Take what has come; called by the poller."""
        assert self._poller is not None
        assert self._descriptor is not None
        if self._cutter.has_more:
            self._cut()
        else:
            try:
                data = self._stream.receive_now(self._descriptor, _RECEIVE_BYTES)
            except trio.BrokenResourceError:
                data = b""  # trio-websocket will say 1006 for either end
            if data is None:
                return
            self._hear(data, is_end=not data)
        if self._rest or self._has_ended or not self._cutter.is_on or self.inbox.is_full:
            self._wake()
        elif self._cutter.has_more:
            self._poller.again(self._descriptor)

    def _hear(self, data: bytes, *, is_end: bool = False) -> None:
        self.is_heard = True
        self.traffic.received_bytes += len(data)
        if is_end:
            self._has_ended = True
            self._cutter.stop()
        self._cut(data)

    def _cut(self, more: bytes = b"") -> None:
        if messages := self._cutter.cut(more):
            if self._flood is not None:
                self._flood.message_came()
            self.traffic.received_frames += len(messages)
            for message in messages:
                self.inbox.put(message)
        if self._cutter.rest:
            is_pong = self._cutter.rest[0] == _PONG and self._cutter.is_on
            if is_pong and self.traffic.answered() and len(self._cutter.rest) == _EMPTY_BYTES:
                self._cutter.rest = b""  # to a ping of a heartbeat, of which trio-websocket knows nothing
            else:
                self._take_rest()
        if not self._cutter.is_on:
            self.inbox.wake()

    def _take_rest(self) -> None:
        self._rest += self._cutter.rest
        self._cutter.rest = b""

    def _wake(self) -> None:
        """Let the reader go on; nothing is read until it has come back."""
        self._forget()
        self.go_on()
        self.inbox.wake()
        self.inbox.make_way()

    def _forget(self) -> None:
        if self._is_watched and self._poller is not None and self._descriptor is not None:
            self._is_watched = False
            self._poller.forget(self._descriptor)

    async def _end_flood(self, reason: str) -> None:
        """Close with 1008, and tell the session, which may be waiting, and the operator. Raises BrokenResourceError."""
        tell_flood(self._remote, reason, trio.current_time())
        self.inbox.fail(LinkClosed(CloseCode.POLICY, reason))
        await self.outgoing.say(CloseCode.POLICY, 0)
        raise trio.BrokenResourceError(reason)

    async def send_all(self, data: Any) -> None:
        await self.outgoing.send_all(data)

    async def wait_closed(self) -> None:
        """Return when a close that has begun is done."""
        if self._closing is not None:
            await self._closing.wait()

    async def wait_send_all_might_not_block(self) -> None:
        await trio.lowlevel.checkpoint()

    async def aclose(self) -> None:
        """Close: after our Close in an orderly way, otherwise at once. The second call waits for the first; cancelled, it closes."""
        try:
            if self._closing is not None:
                await self._closing.wait()
            else:
                self._closing = trio.Event()
                self.stop()
                closed = self.socket.closed if self.socket is not None else None
                if closed is not None and closed.code in _TOLD_BY_US:
                    await self.outgoing.say(closed.code, self._linger_s)
                if self.outgoing.has_sent_close:
                    await self._stream.finish(self._linger_s)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # the client is gone
        finally:
            if self._closing is not None:
                self._closing.set()
            await self._stream.close()


def _nobody_rests() -> None:
    pass
