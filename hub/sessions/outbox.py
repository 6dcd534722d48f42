"""What a device session still has to tell its device: acks, rejects, commands; and when.

Owns the coalescing of acks (docs/protocol.md section 6: soon, at most 100 ms late, at once when half the window is used) and hands each
message to the link by a plain call; what a busy link refuses waits for the next turn of the clock. Bounded: acks are one number an epoch,
rejects are at most one a frame in flight, commands at most MAX_COMMANDS (then `put` raises trio.WouldBlock).
"""

from collections import deque
from collections.abc import Callable, Mapping
from math import inf
from typing import Final

import msgpack
import trio

from devices.link import Prepared, ServerLink
from devices.wire.codec import credit_to_map, encode
from devices.wire.limits import ACK_DELAY_S
from devices.wire.messages import Cancel, Command, Credit, Desired, Reject

MAX_COMMANDS: Final = 1_000
_GATHER_S: Final = 0.02  # acks of several commits go together
_APART_S: Final = ACK_DELAY_S - _GATHER_S  # acks of one device
_AT_ONCE: Final = 64  # acks in one turn of the event loop
_ACK_HEAD: Final = b"\x83" + bytes(msgpack.packb("op")) + bytes(msgpack.packb("ack")) + bytes(msgpack.packb("acks"))
_ACK_CREDIT: Final = bytes(msgpack.packb("credit"))
_pack: Final = msgpack.Packer().pack  # one for all acks: to make one costs as much as to pack


class AckClock:
    """Tells all outboxes of a hub when their acks are ripe: soon after the commit, but not sooner than _APART_S after their last ack.

    Linux waits 40 ms for something that TCP's own acknowledgement of a frame can go with: so soon an ack takes it along, and saves a
    packet. Frames that come faster are acked some ten times a second. One task for all costs a fraction of one each; it wakes for nothing
    else, and a thousand devices are not answered in one turn of the event loop.
    """

    def __init__(self) -> None:
        self.now_s = -inf  # when acks went last
        self._gathered: dict[Outbox, None] = {}
        self._early: deque[tuple[float, list[Outbox]]] = deque()  # who has acked just before, with when they go on, in that order
        self._wake = trio.Event()

    def gather(self, outbox: "Outbox") -> None:
        """Let an outbox flush within ACK_DELAY_S."""
        if not self._gathered:
            self._wake.set()
        self._gathered[outbox] = None

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Flush what is ripe until cancelled."""
        task_status.started()
        while True:
            with trio.CancelScope(deadline=self._early[0][0] if self._early else inf):
                await self._wake.wait()
            await trio.sleep(_GATHER_S)
            self._wake, self.now_s = trio.Event(), trio.current_time()
            for number, outbox in enumerate(self._ripe(), 1):
                outbox.flush()
                if number % _AT_ONCE == 0:
                    await trio.lowlevel.checkpoint()

    def _ripe(self) -> list["Outbox"]:
        """Take out who may ack now."""
        gathered, self._gathered = self._gathered, {}
        ripe = [outbox for outbox in gathered if self.now_s - outbox.acked_s >= _APART_S]
        if len(ripe) < len(gathered):
            early = [outbox for outbox in gathered if self.now_s - outbox.acked_s < _APART_S]
            self._early.append((self.now_s + _APART_S - _GATHER_S, early))
        while self._early and self._early[0][0] <= self.now_s:
            ripe += self._early.popleft()[1]
        return ripe


class Outbox:
    """The messages that wait for one device.

    `credit()` gives what an ack restates; `on_ack(credit)` is told of each ack that was handed to the link.
    """

    def __init__(self, clock: AckClock, link: ServerLink, credit: Callable[[], Credit]) -> None:
        self.on_ack: Callable[[Credit], None] = lambda credit: None
        self.acked_s = -inf  # when the last ack went, by the clock's last turn
        self._clock = clock
        self._link = link
        self._credit = credit
        self._durable: dict[int, int] = {}  # epoch -> highest durable seq
        self._unacked: dict[int, int] = {}  # the part of it that no ack has told yet
        self._held: list[Reject] = []  # rejects whose frame is not durable yet, in order of arrival
        self._ready: list[Reject | Command | Cancel | Desired] = []
        self._is_ack_due = False
        self._is_open = False
        self._told: Credit | None = None  # by the last ack
        self._told_bytes = b""

    def open(self) -> None:
        """Send from now on: welcome has gone."""
        self._is_open = True
        self.flush()

    def close(self) -> None:
        """Send nothing more: bye comes."""
        self._is_open = False

    def hold(self, reject: Reject) -> None:
        """Keep a reject until its frame is durable: before that it might come again."""
        self._held.append(reject)

    def put(self, message: Reject | Command | Cancel | Desired) -> None:
        """Send a message soon. Raises trio.WouldBlock when MAX_COMMANDS wait."""
        if len(self._ready) >= MAX_COMMANDS:
            raise trio.WouldBlock
        self._ready.append(message)
        self.flush()

    def committed(self, epoch: int, seq: int) -> None:
        """Note that a seq is durable; its rejects go with the ack, which is due."""
        self._durable[epoch] = self._unacked[epoch] = seq
        while self._held and self._durable.get(self._held[0].epoch or 0, 0) >= (self._held[0].seq or 0):
            self._ready.append(self._held.pop(0))
        if not self._is_ack_due:
            self._is_ack_due = True
            self._clock.gather(self)

    def restate(self) -> None:
        """Send an ack now, with an empty list if need be: the credit changed, or half of it is used."""
        self._is_ack_due = True
        self.flush()

    def flush(self) -> None:
        """Hand over everything that is due, in order, as far as the link takes it; the rest is tried again soon."""
        if not self._is_open:
            return
        while self._ready:
            if not self._link.try_send(Prepared(encode(self._ready[0]))):
                self._clock.gather(self)
                return
            del self._ready[0]
        if self._is_ack_due:
            credit = self._credit()
            if credit is not self._told:
                self._told, self._told_bytes = credit, ack_credit(credit)
            if not self._link.try_send(Prepared(ack_message(self._unacked, self._told_bytes))):
                self._clock.gather(self)
                return
            self._unacked = {}
            self._is_ack_due = False
            self.acked_s = self._clock.now_s
            self.on_ack(credit)


def ack_message(acks: Mapping[int, int], credit: bytes) -> bytes:
    """Return the same bytes as codec.encode(Ack(...)), with the credit as `ack_credit` gives it: mostly the last one's."""
    return _ACK_HEAD + bytes(_pack(list(acks.items()))) + credit


def ack_credit(credit: Credit) -> bytes:
    """Return the end of an ack."""
    return _ACK_CREDIT + bytes(msgpack.packb(credit_to_map(credit)))
