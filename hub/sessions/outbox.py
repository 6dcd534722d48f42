"""What a device session still has to tell its device: acks, rejects, commands; and when.

Owns the coalescing of acks (docs/protocol.md section 6: at most 100 ms late, at once when half the window is used) and hands each message
to the link by a plain call; what a busy link refuses waits for the next turn of the clock. Bounded: acks are one number an epoch,
rejects are at most one a frame in flight, commands at most MAX_COMMANDS (then `put` raises trio.WouldBlock).
"""

from collections import deque
from collections.abc import Callable, Mapping
from typing import Final

import msgpack
import trio

from devices.link import Prepared, ServerLink
from devices.wire.codec import credit_to_map, encode
from devices.wire.limits import ACK_DELAY_S
from devices.wire.messages import Cancel, Command, Credit, Desired, Reject

MAX_COMMANDS: Final = 1_000
_GATHERED_S: Final = ACK_DELAY_S * 0.9  # what comes less than this before the last slot ripens is for the next one
_ACK_HEAD: Final = b"\x83" + bytes(msgpack.packb("op")) + bytes(msgpack.packb("ack")) + bytes(msgpack.packb("acks"))
_ACK_CREDIT: Final = bytes(msgpack.packb("credit"))


class AckClock:
    """Tells all outboxes of a hub when their gathered acks are ripe.

    One timer for all of them costs a fraction of one each. What is gathered within a tenth of the delay ripens together, so that a
    thousand devices are not answered in one turn of the event loop, and one alone wakes the hub once.
    """

    def __init__(self) -> None:
        self._slots: deque[tuple[float, dict[Outbox, None]]] = deque()  # with when they ripen, in the order in which they came
        self._wake = trio.Event()

    def gather(self, outbox: "Outbox") -> None:
        """Let an outbox flush within ACK_DELAY_S."""
        now_s = trio.current_time()
        if not self._slots or self._slots[-1][0] < now_s + _GATHERED_S:
            self._slots.append((now_s + ACK_DELAY_S, {}))
            self._wake.set()
        self._slots[-1][1][outbox] = None

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Flush what is ripe until cancelled; it wakes for nothing else."""
        task_status.started()
        while True:
            if not self._slots:
                self._wake = trio.Event()
                await self._wake.wait()
            await trio.sleep_until(self._slots[0][0])  # in the past where a turn came late: then the next goes at once
            _, ripe = self._slots.popleft()
            for outbox in ripe:
                outbox.flush()


class Outbox:
    """The messages that wait for one device.

    `credit()` gives what an ack restates; `on_ack(credit)` is told of each ack that was handed to the link.
    """

    def __init__(self, clock: AckClock, link: ServerLink, credit: Callable[[], Credit]) -> None:
        self.on_ack: Callable[[Credit], None] = lambda credit: None
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
            self.on_ack(credit)


def ack_message(acks: Mapping[int, int], credit: bytes) -> bytes:
    """Return the same bytes as codec.encode(Ack(...)), with the credit as `ack_credit` gives it: mostly the last one's."""
    return _ACK_HEAD + bytes(msgpack.packb(list(acks.items()))) + credit


def ack_credit(credit: Credit) -> bytes:
    """Return the end of an ack."""
    return _ACK_CREDIT + bytes(msgpack.packb(credit_to_map(credit)))
