"""An intake whose frames are acked only once the history store has them: for hubs whose own disk may be lost.

Owns what is journaled and not stored yet: welcome and ack count up to the history writer's safe position, duplicates are known by the
journal's mark. Used by device.py where `ack_after` is "store"; bounded by the credit, as nothing frees it before.
"""

from collections.abc import Mapping
from time import perf_counter

from devices.link import ServerLink
from devices.wire.messages import Hello
from devices.wire.session import DeviceSession
from hub.sessions.intake import Intake
from hub.sessions.outbox import Outbox
from hub.sessions.parts import DeviceParts
from hub.sessions.stored_acks import StoredAcks


class StoredIntake(Intake):
    """The receiving half of a device connection, a step later."""

    def __init__(self, device: str, link: ServerLink, session: DeviceSession, outbox: Outbox, parts: DeviceParts) -> None:
        super().__init__(device, link, session, outbox, parts)
        self._acks = parts.stored_acks or StoredAcks()
        self._waiting: list[tuple[int, Mapping[int, int]]] = []  # (position, {epoch: seq}) of commits, and of marks found at hello
        self._stored: dict[int, int] = {}  # epoch -> highest seq that is stored, as far as is known

    async def open(self, hello: Hello) -> tuple[tuple[int, int], ...]:
        """Make the epochs of a hello durable; return for its welcome what of each is stored.

        Of an epoch with frames that are not, nothing is known but that the device has no need of those before its first unacked one.
        """
        marks = await super().open(hello)
        first = {entry.epoch: entry.first for entry in hello.unfinished}
        for epoch, mark in marks:
            position = self._parts.journal.marked_at(self._device, epoch)
            if position <= self._acks.position:
                self._stored[epoch] = max(mark, self._stored.get(epoch, 0))
            else:
                self._stored[epoch] = max(min(mark, first.get(epoch, 1) - 1), self._stored.get(epoch, 0))
                self._wait(position, {epoch: mark})
        return tuple((epoch, self._stored[epoch]) for epoch, _ in marks)

    def acked_to(self, epoch: int) -> int:
        """Return up to where an ack may count."""
        return self._stored.get(epoch, 0)

    def committed(self, marks: Mapping[int, int]) -> None:
        """Take the journal's word that these frames are durable here; they are acked once the store has them too."""
        self.first_hop.settle(perf_counter())
        self._wait(self._parts.journal.position, dict(marks))

    def _wait(self, position: int, marks: Mapping[int, int]) -> None:
        self._waiting.append((position, marks))
        self._acks.wait(self)

    def stored(self, position: int) -> bool:
        """Take the word that everything up to a position is stored; tell whether something still waits."""
        told: dict[int, int] = {}
        for at, marks in self._waiting:
            if at <= position:
                told.update({epoch: max(seq, told.get(epoch, 0)) for epoch, seq in marks.items()})
        if told:
            self._waiting = [each for each in self._waiting if each[0] > position]
            for epoch, seq in told.items():
                self._stored[epoch] = max(seq, self._stored.get(epoch, 0))
            super().committed(told)
        return bool(self._waiting)
