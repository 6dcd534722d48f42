"""What a device session still has to tell its device: acks, rejects, commands; and when.

Owns the coalescing of acks (docs/protocol.md section 6: at most 100 ms late, at once when half the window is used); device.py fills it
and sends what it gives. Bounded: acks are one number an epoch, rejects are at most one a frame in flight, commands at most
MAX_COMMANDS (then `put` raises trio.WouldBlock).
"""

from collections import deque
from typing import Final

import trio

from devices.wire.limits import ACK_DELAY_S
from devices.wire.messages import Ack, Command, Credit, Reject

MAX_COMMANDS: Final = 1_000
_SLOTS: Final = 10


class AckClock:
    """Tells all outboxes of a hub when their gathered acks are ripe.

    One timer for all of them costs a fraction of one each. A tenth of them ripens at a time, so that a thousand devices are not
    answered in one turn of the event loop.
    """

    def __init__(self) -> None:
        self._slots: deque[set[Outbox]] = deque(set() for _ in range(_SLOTS))
        self._wake = trio.Event()

    def gather(self, outbox: "Outbox") -> None:
        """Let an outbox's ack ripen within ACK_DELAY_S."""
        self._slots[-1].add(outbox)
        self._wake.set()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Tick until cancelled; without anything gathered it sleeps."""
        task_status.started()
        while True:
            if not any(self._slots):
                self._wake = trio.Event()
                await self._wake.wait()
            await trio.sleep(ACK_DELAY_S / _SLOTS)
            ripe = self._slots.popleft()
            self._slots.append(set())
            for outbox in ripe:
                outbox.ripen()


class Outbox:
    """The messages that wait for one device."""

    def __init__(self, clock: AckClock) -> None:
        self._clock = clock
        self._durable: dict[int, int] = {}  # epoch -> highest durable seq
        self._unacked: dict[int, int] = {}  # the part of it that no ack has told yet
        self._held: deque[Reject] = deque()  # rejects whose frame is not durable yet, in order of arrival
        self._ready: deque[Reject | Command] = deque()
        self._is_ack_due = False
        self._wake = trio.Event()

    def hold(self, reject: Reject) -> None:
        """Keep a reject until its frame is durable: before that it might come again."""
        self._held.append(reject)

    def put(self, message: Reject | Command) -> None:
        """Send a message soon. Raises trio.WouldBlock when MAX_COMMANDS wait."""
        if len(self._ready) >= MAX_COMMANDS:
            raise trio.WouldBlock
        self._ready.append(message)
        self._wake.set()

    def committed(self, epoch: int, seq: int) -> None:
        """Note that a seq is durable; its rejects may go and an ack is due."""
        self._durable[epoch] = self._unacked[epoch] = seq
        while self._held and self._durable.get(self._held[0].epoch or 0, 0) >= (self._held[0].seq or 0):
            self._ready.append(self._held.popleft())
        if not self._is_ack_due:
            self._is_ack_due = True
            self._clock.gather(self)

    def ripen(self) -> None:
        """Let a gathered ack go now."""
        if self._is_ack_due:
            self._wake.set()

    def restate(self) -> None:
        """Send an ack now, with an empty list if need be: the credit changed, or half of it is used."""
        self._is_ack_due = True
        self._wake.set()

    async def due(self) -> None:
        """Return when something is to be sent: at once if it is urgent, else once acks were gathered for ACK_DELAY_S."""
        await self._wake.wait()

    def take(self, credit: Credit) -> list[Ack | Reject | Command]:
        """Return what is to be sent now, in order, and forget it."""
        messages: list[Ack | Reject | Command] = list(self._ready)
        self._ready.clear()
        if self._is_ack_due:
            messages.append(Ack(tuple(self._unacked.items()), credit))
            self._unacked = {}
        self._is_ack_due = False
        self._wake = trio.Event()
        return messages
