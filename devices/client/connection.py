"""One connection of a device, from hello to close.

Owns who speaks when on this link: hello and welcome, sending by the lanes, acks, pings. It decides neither when to connect nor with which
epoch (device.py does) and runs no command (devices.commands does).
"""

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import trio

from devices.client.statistics import Tally
from devices.lanes import Lanes
from devices.link import Link, LinkClosed
from devices.spool import Spool, SpooledFrame
from devices.wire.codec import BadMessage, decode_from_hub, encode
from devices.wire.limits import CLOSE_TIMEOUT_S, MISSED_HEARTBEATS, SEND_TIMEOUT_S, CloseCode
from devices.wire.messages import Ack, Bye, Cancel, Command, Desired, FromHub, Hello, Reject, Welcome

LOST: Final = 1006  # RFC 6455 7.1.5: no close frame came
BYE_S: Final = 1.0  # how long a bye that came before the end is waited for by who noticed the end first


@dataclass(frozen=True, slots=True)
class End:
    """How a connection ended."""

    code: int
    reason: str
    bye: Bye | None = None
    stumbled: tuple[int, int] | None = None  # (epoch, seq) that the hub could not read, or waited for in vain


class Bell:
    """Wakes one waiter; a ring that nobody waits for is kept."""

    def __init__(self) -> None:
        self._event = trio.Event()

    def ring(self) -> None:
        self._event.set()

    async def wait(self) -> None:
        await self._event.wait()
        self._event = trio.Event()


class Connection:
    """What happens on one link. `on_command` may wait; then the link is not read."""

    def __init__(
        self,
        link: Link,
        spool: Spool,
        tally: Tally,
        *,
        commands: trio.MemorySendChannel[Command | Cancel],
        on_reject: Callable[[Reject], None],
        on_desired: Callable[[Desired], None],
    ) -> None:
        self._link = link
        self._spool = spool
        self._tally = tally
        self._commands = commands
        self._on_reject = on_reject
        self._on_desired = on_desired
        self._lanes: Lanes | None = None
        self._buffers: dict[int, deque[SpooledFrame]] = {}
        self._generation = spool.generation
        self._backfill: list[int] = []  # epochs, oldest first
        self._marks: dict[int, int] = {}  # acked by the hub and not yet taken off the spool
        self._may_send = Bell()
        self._is_held = False  # something waits for credit
        self._has_acks = Bell()
        self._heard_at = trio.current_time()
        self._end: End | None = None
        self._bye: Bye | None = None

    async def run(self, hello: Hello, on_welcome: Callable[[Welcome], None]) -> End:
        """Speak until the connection ends; return how. The link is the caller's to close."""
        try:
            with trio.fail_after(SEND_TIMEOUT_S):
                await self._link.send(encode(hello))
                welcome = await self._receive_welcome()
        except trio.TooSlowError:
            return End(LOST, f"no welcome within {SEND_TIMEOUT_S:g} s")
        except LinkClosed as closed:
            return self._closed(closed)
        except BadMessage as error:
            return End(CloseCode.PROTOCOL_ERROR, str(error))
        self._lanes = Lanes(hello.epoch, welcome.credit, dict(welcome.marks))
        self._backfill = [entry.epoch for entry in hello.unfinished if entry.epoch != hello.epoch]
        await self._take_off(dict(welcome.marks))
        if welcome.fence is not None:
            await self._spool.keep_fence(welcome.fence)
        on_welcome(welcome)
        self._spool.pin(self._lanes.sent)
        self._spool.on_append = self._may_send.ring
        try:
            async with trio.open_nursery() as nursery:
                for task in (self._send_frames, self._receive, self._apply_acks, self._ping, self._watch):
                    nursery.start_soon(self._until_end, task, self._lanes, welcome.heartbeat_s, nursery.cancel_scope)
        finally:
            self._spool.on_append = lambda: None
            self._spool.pin({})
            self._tally.in_flight = 0
        assert self._end is not None
        return self._end

    async def _until_end(
        self, task: Callable[[Lanes, float], Awaitable[End]], lanes: Lanes, heartbeat_s: float, scope: trio.CancelScope
    ) -> None:
        try:
            end = await task(lanes, heartbeat_s)
        except LinkClosed as closed:
            if task != self._receive:
                await trio.sleep(BYE_S)  # the reader may be just behind, and ends this when it is through
            end = self._closed(closed)
        self._end = self._end or end
        scope.cancel()

    async def _receive_welcome(self) -> Welcome:
        while True:
            message = await self._next_message()
            if isinstance(message, Welcome):
                return message
            if isinstance(message, Bye):
                self._bye = message

    async def _next_message(self) -> FromHub:
        message = await self._link.receive()
        self._heard_at = trio.current_time()
        if isinstance(message, str):
            raise BadMessage("a text message from the hub")
        return decode_from_hub(message)

    async def _send_frames(self, lanes: Lanes, heartbeat_s: float) -> End:
        while True:
            chosen = await self._choose(lanes)
            if chosen is None:
                await self._may_send.wait()
                continue
            epoch, frame = chosen
            self._buffers[epoch].popleft()
            lanes.note_sent(epoch, frame.seq, frame.last, len(frame.body))
            self._tally.in_flight = lanes.in_flight_frames
            await self._link.send(frame.body)

    async def _choose(self, lanes: Lanes) -> tuple[int, SpooledFrame] | None:
        """Return the next frame that may go: the live lane first, the rest for what is left."""
        self._is_held = True  # by what is found below, or an ack that comes meanwhile must ring
        live = await self._head(lanes, lanes.live)
        if live is not None and lanes.may_send(lanes.live, len(live.body)):
            return lanes.live, live
        while self._backfill:
            oldest = self._backfill[0]
            frame = await self._head(lanes, oldest)
            if frame is not None:
                return (oldest, frame) if lanes.may_send(oldest, len(frame.body)) else None
            self._backfill.pop(0)  # all of it is sent; an older epoch never grows
        self._is_held = live is not None
        return None

    async def _head(self, lanes: Lanes, epoch: int) -> SpooledFrame | None:
        if self._generation != self._spool.generation:
            self._buffers.clear()
            self._generation = self._spool.generation
        buffer = self._buffers.setdefault(epoch, deque())
        if not buffer:
            generation = self._spool.generation
            buffer.extend(await self._spool.read(epoch, lanes.sent.get(epoch, 0)))
            if generation != self._spool.generation:
                return await self._head(lanes, epoch)
        return buffer[0] if buffer else None

    async def _receive(self, lanes: Lanes, heartbeat_s: float) -> End:
        deadline = float("inf")
        while True:
            try:
                if deadline == float("inf"):
                    message = await self._next_message()
                else:
                    with trio.fail_at(deadline):
                        message = await self._next_message()
            except trio.TooSlowError:
                return self._closed(LinkClosed(LOST, "no close after bye"))
            except BadMessage as error:
                return End(CloseCode.PROTOCOL_ERROR, f"the hub sent what this client cannot read: {error}")
            if isinstance(message, Ack):
                self._take_ack(message, lanes)
            elif isinstance(message, Command | Cancel):
                await self._commands.send(message)
            elif isinstance(message, Desired):
                self._on_desired(message)
            elif isinstance(message, Reject):
                self._on_reject(message)
            elif isinstance(message, Bye):
                self._bye = message
                deadline = trio.current_time() + CLOSE_TIMEOUT_S

    def _take_ack(self, ack: Ack, lanes: Lanes) -> None:
        for epoch, seq in ack.acks:
            lanes.note_acked(epoch, seq)
            self._marks[epoch] = max(seq, self._marks.get(epoch, 0))
        lanes.grant(ack.credit)
        self._tally.in_flight = lanes.in_flight_frames
        if self._is_held:
            self._may_send.ring()
        if ack.acks:
            self._has_acks.ring()

    async def _apply_acks(self, lanes: Lanes, heartbeat_s: float) -> End:
        # A task of its own: the reader never waits on storage, and many acks become one transaction.
        while True:
            await self._has_acks.wait()
            marks, self._marks = self._marks, {}
            await self._take_off(marks)

    async def _take_off(self, marks: dict[int, int]) -> None:
        self._tally.acked += await self._spool.ack(marks)

    async def _ping(self, lanes: Lanes, heartbeat_s: float) -> End:
        # Never cancelled but at the end: a ping cut off half-way would spoil the stream.
        while True:
            await trio.sleep(heartbeat_s)
            await self._link.ping()
            self._heard_at = trio.current_time()

    async def _watch(self, lanes: Lanes, heartbeat_s: float) -> End:
        """End when nothing at all was heard for two heartbeats. Acks count beside pongs: a slow link is not a dead one."""
        self._heard_at = trio.current_time()
        while True:
            await trio.sleep_until(self._heard_at + MISSED_HEARTBEATS * heartbeat_s)
            heard_at = self._heard_at
            await trio.sleep(1.0)  # after a suspended process wakes up, what came meanwhile is read first
            if self._heard_at == heard_at and trio.current_time() >= heard_at + MISSED_HEARTBEATS * heartbeat_s:
                return End(CloseCode.HEARTBEAT_LOST, f"nothing heard for {MISSED_HEARTBEATS * heartbeat_s:g} s")

    def _closed(self, closed: LinkClosed) -> End:
        bye = self._bye
        code = bye.code if bye is not None and closed.code in {LOST, CloseCode.NORMAL} else closed.code
        stumbled = None
        if bye is not None and bye.expected and self._lanes is not None:
            if code == CloseCode.BAD_FRAME:
                stumbled = self._lanes.unreadable(dict(bye.expected))
            elif code == CloseCode.SEQ_JUMP:
                stumbled = bye.expected[0]
        return End(code, closed.reason or (bye.reason if bye else ""), bye, stumbled)
