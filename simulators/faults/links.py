"""Faults around the links of a device, message by message: what a network does, and frames that come twice or late from another connection.

Owns the links it makes and what is on its way in them; network.py owns delay, stall and silence. Over any link: a real WebSocket, requests,
an in-memory pair. `Device(..., connect=FaultyLinks(connect, seed=1).open)`.
"""

import math
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Final

import trio

from devices.client.opening import CONNECT_TIMEOUT_S, Unreachable
from devices.link import Link, LinkClosed
from devices.wire.codec import BadMessage, decode_from_device
from devices.wire.limits import CloseCode
from devices.wire.messages import Hello
from devices.wire.peek import peek
from simulators.faults.network import Network

Message = bytes | str
MAX_MESSAGES: Final = 256  # on their way in each direction while they are delayed; then who sends waits
KEPT_FRAMES: Final = 32  # of a connection, to come again: fewer than any hub's window
LOST: Final = 1006  # RFC 6455 7.1.5: no close frame came


class FaultyLinks(Network):
    """The connections of one device, each over one that `connect` makes. Without faults everything only passes, in order."""

    def __init__(self, connect: Callable[[], AbstractAsyncContextManager[Link]], *, seed: int = 0) -> None:
        super().__init__(seed)
        self._connect = connect
        self._links: set[FaultyLink] = set()
        self.duplicate_share = 0.0
        self.is_reordering = False
        self.duplicated = 0  # frames that were delivered once more
        self.reordered = 0  # frames of an earlier connection that were delivered in a later one
        self.swallowed = 0  # messages, both ways
        self.kept: deque[bytes] = deque(maxlen=KEPT_FRAMES)  # the last frames that went out, of all connections

    def duplicate(self, share: float) -> None:
        """Deliver this share of the device's frames once more, at once or up to some frames later."""
        self.duplicate_share = share

    def reorder(self) -> None:
        """After a reconnect deliver frames of earlier connections again, behind the first of the new epoch: old ones after new ones."""
        self.is_reordering = True

    def heal(self) -> None:
        """Take every fault back."""
        super().heal()
        self.duplicate_share, self.is_reordering = 0.0, False

    def cut(self) -> int:
        """End every connection; what is on its way is lost. Return how many there were."""
        ended = list(self._links)
        for link in ended:
            link.cut()
        return len(ended)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Link]:
        """Connect. Raises what `connect` raises, Unreachable while new connections are refused or meet silence."""
        if self.is_refusing:
            raise Unreachable("a fault refuses the connection")
        if self.is_silent:
            await trio.sleep(CONNECT_TIMEOUT_S)
            raise Unreachable(f"no answer within {CONNECT_TIMEOUT_S:g} s: a fault swallows everything")
        async with self._connect() as inner, trio.open_nursery() as nursery:
            link = FaultyLink(self, inner)
            self._links.add(link)
            try:
                for task in (link.carry_out, link.take_in, link.carry_in):
                    nursery.start_soon(task)
                yield link
            finally:
                self._links.discard(link)
                nursery.cancel_scope.cancel()


class FaultyLink:
    """One connection: a Link. At most MAX_MESSAGES are on their way in each direction, then `send` waits, or the hub is not read."""

    def __init__(self, links: FaultyLinks, inner: Link) -> None:
        self._links = links
        self._inner = inner
        self._out, self._out_end = trio.open_memory_channel[tuple[float, Message]](MAX_MESSAGES)
        self._in, self._in_end = trio.open_memory_channel[tuple[float, Message]](MAX_MESSAGES)
        self._inbox, self._inbox_end = trio.open_memory_channel[Message](0)
        self._has_lost = False
        self._ended: LinkClosed | None = None
        self._late = list(links.kept) if links.is_reordering else []
        self._sent: deque[bytes] = deque(maxlen=8)
        self._epochs: dict[int, int] = {}  # that hello names -> first seq that the hub may not have
        self._live = 0

    @property
    def remote(self) -> str:
        return self._inner.remote

    async def send(self, message: Message) -> None:
        try:
            await self._out.send((self._links.due(), message))
        except (trio.ClosedResourceError, trio.BrokenResourceError):
            raise self._end() from None

    async def receive(self) -> Message:
        try:
            return await self._inbox_end.receive()
        except (trio.ClosedResourceError, trio.EndOfChannel):
            raise self._end() from None

    async def ping(self) -> None:
        if self._ended is not None:
            raise self._end()
        await self._links.passes(self._links.due())
        if self._links.is_silent or self._has_lost:
            await trio.sleep_forever()
        await self._inner.ping()

    async def aclose(self, code: int = CloseCode.NORMAL, reason: str = "") -> None:
        self.cut(LinkClosed(code, reason))
        await self._inner.aclose(code, reason)

    def cut(self, ended: LinkClosed | None = None) -> None:
        """End it: whoever waits on it is told, what is on its way is lost; the link below is closed as the block of `open` is left."""
        self._ended = self._ended or ended or LinkClosed(LOST, "cut by a fault")
        for end in (self._out, self._out_end, self._in, self._in_end, self._inbox, self._inbox_end):
            end.close()

    async def carry_out(self) -> None:
        """Bring what the device says to the hub."""
        await self._carry(self._out_end, self._say)
        self._out_end.close()  # the link below has ended: say so to whoever sends

    async def take_in(self) -> None:
        """Take what the hub says; its end goes the same way as its words."""
        try:
            while True:
                message = await self._inner.receive()
                await self._in.send((self._links.due(), message))
        except LinkClosed as closed:
            if not self._has_lost:
                self._ended = self._ended or closed
                self._in.close()
        except (trio.ClosedResourceError, trio.BrokenResourceError):
            pass  # it was cut

    async def carry_in(self) -> None:
        """Bring it to the device."""
        await self._carry(self._in_end, self._inbox.send)
        self._inbox.close()

    async def _carry(self, line: trio.MemoryReceiveChannel[tuple[float, Message]], deliver: Callable[[Message], Awaitable[None]]) -> None:
        try:
            async for due, message in line:
                await self._links.passes(due)
                self._has_lost = self._has_lost or self._links.is_silent
                if self._has_lost:
                    self._links.swallowed += 1
                    continue
                if self._links.bytes_per_s < math.inf:
                    await trio.sleep(len(message) / self._links.bytes_per_s)
                await deliver(message)
        except (trio.ClosedResourceError, trio.BrokenResourceError):
            pass  # it was cut
        except LinkClosed as closed:
            self._ended = self._ended or closed

    async def _say(self, message: Message) -> None:
        await self._inner.send(message)
        if isinstance(message, str):
            return
        number = peek(message)
        if number is None:
            return self._note_hello(message)
        self._sent.append(message)
        self._links.kept.append(message)
        if number == (self._live, 1):
            await self._say_late()
        if self._links.rng.random() < self._links.duplicate_share:
            self._links.duplicated += 1
            await self._inner.send(self._links.rng.choice(self._sent))

    def _note_hello(self, message: bytes) -> None:
        with suppress(BadMessage):  # the hub will say so
            said = decode_from_device(message)
            if isinstance(said, Hello):
                self._live = said.epoch
                self._epochs = {entry.epoch: entry.first for entry in said.unfinished}

    async def _say_late(self) -> None:
        """Say what is kept of epochs that go on, each without a hole: the hub would have to close on one."""
        due = dict(self._epochs)
        for frame in self._late:
            epoch, seq = peek(frame) or (0, 0)
            if epoch in due and seq <= due[epoch]:
                due[epoch] = max(due[epoch], seq + 1)
                self._links.reordered += 1
                await self._inner.send(frame)
        self._late = []

    def _end(self) -> LinkClosed:
        end = self._ended or LinkClosed(LOST, "connection lost")
        return LinkClosed(end.code, end.reason)
