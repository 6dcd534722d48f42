"""What one device connection takes in: frames numbered, judged, handed to the journal, and acked once they are durable.

Owns the epochs of the connection and its frames in flight; sends nothing and waits for nothing, but for the commit that opens its
epochs. Decides by devices.wire.session and hub.core.ingest. device.py feeds it; the journal calls `committed`.
"""

from collections.abc import Mapping
from functools import partial
from time import perf_counter

import msgpack

from devices.link import ServerLink
from devices.wire.fields import BadMessage
from devices.wire.limits import CloseCode
from devices.wire.messages import Credit, Data, Frame, Gap, Hello, Log, Pack, Reject, Reported, Result, Unreadable
from devices.wire.session import DeviceSession, ProtocolError, Verdict
from devices.wire.unpack import unpack
from hub.core.ingest import ChannelRules, rules_of
from hub.core.packs import refused_of, reject_of, rejects_of
from hub.core.presence import Pulse
from hub.core.records import Row, RowKind, as_row
from hub.journal import Entry
from hub.ports import Opening
from hub.sessions.first_hop import FirstHop, newest_of
from hub.sessions.outbox import Outbox
from hub.sessions.parts import DeviceParts

_KINDS = {Data: RowKind.DATA, Pack: RowKind.PACK, Result: RowKind.RESULT, Reported: RowKind.REPORTED}
_KINDS |= {Log: RowKind.LOG, Gap: RowKind.GAP, Unreadable: RowKind.BAD}


class Intake:
    """The receiving half of a device connection; an Owner of journal entries."""

    def __init__(self, device: str, link: ServerLink, session: DeviceSession, outbox: Outbox, parts: DeviceParts) -> None:
        self._device = device
        self._session = session
        self._outbox = outbox
        outbox.on_ack = self.acked
        self._parts = parts
        self._rules: dict[int, ChannelRules] = {}
        self._live_rules = rules_of(())  # of the live epoch
        self.pulse = Pulse(self._is_held)
        self._lived = parts.registry.lived
        self._began_s = self._lived.now_s
        self.first_hop = FirstHop(parts.metrics, partial(parts.round_trip_s, link))
        self._unacked_s: list[float] = []  # when the frames came that were committed since the last ack; bounded by credit

    async def open(self, hello: Hello) -> tuple[tuple[int, int], ...]:
        """Make the epochs of a hello durable (or leave them waiting while the journal holds); return the marks for its welcome.

        Raises ProtocolError where an epoch was used before, and where it has too many.
        """
        journal, now_us = self._parts.journal, self._parts.now()
        marks = journal.marks(self._device)
        elsewhere = self._session.open(hello, marks)
        declared = {entry.epoch: entry.channels for entry in hello.unfinished}
        openings = [
            Opening(self._device, epoch, declared.get(epoch) or hello.channels, now_us, up_to)
            for epoch, up_to in elsewhere.items()
            if epoch not in marks or up_to
        ]
        if not journal.has_room_for(self._device, [opening.channels for opening in openings if opening.epoch not in marks]):
            raise ProtocolError(CloseCode.NO_ROOM, "too many epochs with new channels; come back once what was sent in them is stored")
        opened = {opening.epoch: opening.channels for opening in openings}
        for epoch in elsewhere:  # before anything is waited for: asking keeps the epoch from being forgotten meanwhile
            channels = journal.channels(self._device, epoch) if epoch in marks else opened[epoch]
            self._rules[epoch] = rules_of(channels, self._parts.raw_retention_us)
        self._live_rules = self._rules[hello.epoch]
        await journal.open_epochs(self, openings)
        return tuple((epoch, self._session.durable(epoch)) for epoch in elsewhere)

    def take_plain(self, body: bytes) -> bool:
        """Take a data frame of good numbers that is the next of its epoch, as almost all are; False: nothing was done, look closer.

        The same as decoding, numbering and judging it step by step, without the steps.
        """
        now_us, now_s = self._parts.now(), perf_counter()
        found = self._live_rules.read_plain(body, now_us)
        if found is None or self._rules.get(found[0]) is not self._live_rules:
            found = self._decoded_plain(body, now_us)
            if found is None:
                return False
        epoch, seq, newest_us = found
        if not self._session.take_next(epoch, seq, len(body), now_s):
            return False
        pulse = self.pulse  # as _heard does, without a call more
        pulse.frames += 1
        pulse.heard_s, pulse.heard_us = self._lived.now_s, now_us
        if epoch == self.first_hop.epoch and seq > self.first_hop.waited_to:
            self.first_hop.delays_us.append(now_us - newest_us)
        else:
            self.first_hop.late()
        self._parts.journal.submit(Entry(self, as_row((0, self._device, epoch, seq, RowKind.DATA, now_us, body, None))))
        return True

    def _decoded_plain(self, body: bytes, now_us: int) -> tuple[int, int, int] | None:
        """Return epoch, seq and newest time of a plain frame of which nothing is known yet, or None."""
        try:
            said = unpack(body)
            epoch, seq, base_us = said["e"], said["s"], said["t"]
            channels, offsets_us, values = said["c"], said["d"], said["v"]
            if said["op"] != "data" or len(said) != 7 or type(epoch) is not int or type(seq) is not int:
                return None
            rules = self._rules[epoch]
        except (BadMessage, KeyError, TypeError):
            return None
        if not rules.are_plain(base_us, channels, offsets_us, values, now_us):
            return None
        rules.learn(body)
        return epoch, seq, base_us + max(offsets_us)

    def _heard(self, now_us: int) -> None:
        pulse = self.pulse
        pulse.frames += 1
        pulse.heard_s, pulse.heard_us = self._lived.now_s, now_us

    def silent_s(self) -> float:
        """Return for how long nothing came, in seconds in which the hub lived."""
        return self._lived.now_s - max(self._began_s, self.pulse.heard_s)

    def _is_held(self) -> bool:
        return self._session.is_half_full()

    def take(self, frame: Frame, body: bytes) -> None:
        """Number, judge and submit one frame, synchronously. Raises ProtocolError."""
        now_us = self._parts.now()
        self._heard(now_us)
        last = frame.last if isinstance(frame, Gap) else frame.seq
        seq = frame.seq
        if isinstance(frame, Gap) and frame.epoch in self._rules:
            seq = self._session.first_new(frame)
        if self._session.take(frame.epoch, frame.seq, last, len(body), perf_counter()) is Verdict.DUPLICATE:
            self._outbox.committed(frame.epoch, self.acked_to(frame.epoch))
            return
        rejects = self._judge(frame, now_us)
        if isinstance(frame, Data | Pack) and (newest_us := newest_of(frame)) is not None:
            self.first_hop.heard(frame.epoch, frame.seq, now_us - newest_us)
        marks: tuple[tuple[int, int], ...] = ((frame.epoch, last),) if last > seq else ()
        if isinstance(frame, Gap) and frame.of is not None and frame.of_last is not None:
            marks = (*marks, (frame.of, frame.of_last))
            self._session.give_up(frame.of, frame.of_last)
        row = Row(0, self._device, frame.epoch, seq, _KINDS[type(frame)], now_us, body, rejects)
        self._parts.journal.submit(Entry(self, row, marks))

    def acked_to(self, epoch: int) -> int:
        """Return up to where an ack may count."""
        return self._session.durable(epoch)

    def _judge(self, frame: Frame, now_us: int) -> bytes | None:
        """Return what the journal keeps of rejections, and hold the reject for the device."""
        if isinstance(frame, Unreadable):
            self._reject(Reject(frame.epoch, frame.seq, frame.code, frame.reason))
            return bytes(msgpack.packb([frame.code, frame.reason]))
        if isinstance(frame, Pack):
            rules = self._rules[frame.epoch]
            refused = refused_of(frame, rules.channels, now_us, rules.oldest_us(now_us))
            if refused:
                self._reject(reject_of(frame, refused))
            return rejects_of(refused)
        if not isinstance(frame, Data):
            return None
        rejected = self._rules[frame.epoch].rejected(frame, now_us)
        if not rejected:
            return None
        reason = f"{len(rejected)} of {len(frame.values)} readings: {', '.join(sorted({code for _, code in rejected}))}"
        self._reject(Reject(frame.epoch, frame.seq, "readings", reason, tuple(rejected)))
        return bytes(msgpack.packb(rejected))

    def _reject(self, reject: Reject) -> None:
        self._outbox.hold(reject)
        self._parts.metrics.rejected(reject.code)

    def committed(self, marks: Mapping[int, int]) -> None:
        """Take the journal's word that these frames are durable; half a window of them makes the ack urgent. Never raises."""
        now_s, metrics = perf_counter(), self._parts.metrics
        self.first_hop.settle(now_s)
        for epoch, seq in marks.items():
            for arrived_s in self._session.committed(epoch, seq):
                metrics.durable(now_s - arrived_s)
                self._unacked_s.append(arrived_s)
            self._outbox.committed(epoch, seq)
        if self._session.is_half_used(self._parts.credit()):
            self._outbox.restate()

    def acked(self, credit: Credit) -> None:
        """Note that an ack with this credit was handed to the connection: the device may use it as soon as it reads."""
        self._session.acked()
        self._session.grant(credit)
        now_s = perf_counter()
        for arrived_s in self._unacked_s:
            self._parts.metrics.acked(now_s - arrived_s)
        self._unacked_s = []
