"""All that one device said, over all its connections and lives: its epochs, the values of its channel `count`, results and reports.

Owns what a hub would have on its disk, and the rules that hold across connections: frames are kept until acked, a seq keeps its frame, no
reading comes twice. Sends nothing. talk.py enters what comes.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from devices.wire.messages import Channel, Data, Frame, Gap, Hello, Outcome, Pack, Reported, Result, Unreadable
from simulators.conformance.verdict import Broken

COUNT: Final = "count"
_FORMATS: Final = {"f4": "<f", "f8": "<d"}


@dataclass(slots=True)
class EpochBook:
    """One epoch: `mark` is what the hub has said is on its disk, `received` the highest seq that ever came."""

    channels: Sequence[Channel]
    life: int  # in which it came first
    mark: int = 0
    received: int = 0
    last: int = 0  # the highest that the device ever said it has made
    frames: dict[int, Frame] = field(default_factory=dict)
    is_given_up: bool = False


class Book:
    """What a device said."""

    def __init__(self) -> None:
        self.epochs: dict[int, EpochBook] = {}
        self.values: dict[int, tuple[int, int]] = {}  # value of `count` -> (epoch, seq)
        self.declared = 0  # readings that gaps gave up
        self.gaps: list[Gap] = []
        self.results: list[Outcome] = []  # as they came, those of hello among them
        self.reports: list[Reported] = []
        self.lives = 0  # how often it was started
        self.unreadable: set[tuple[int, int]] = set()  # frames that the script claims it cannot read

    def enter_hello(self, hello: Hello) -> None:
        """Compare a hello with what is known. Raises Broken."""
        listed = {entry.epoch: entry for entry in hello.unfinished}
        for epoch, known in self.epochs.items():
            entry = listed.get(epoch)
            if entry is None and not known.is_given_up and max(known.received, known.last) > known.mark:
                raise Broken(
                    f"expected epoch {epoch} in `unfinished`: seq {known.mark + 1} to {max(known.received, known.last)} are not acked; "
                    f"hello lists {sorted(listed) or 'none'}"
                )
            if entry is not None and (entry.first > known.mark + 1 or entry.last < known.received):
                raise Broken(
                    f"expected epoch {epoch} as first <= {known.mark + 1} (acked up to {known.mark}) and last >= {known.received}; "
                    f"it says {entry.first} to {entry.last}"
                )
        live = self.epochs.get(hello.epoch)
        if live is not None and live.life != self.lives:
            raise Broken(f"expected a new epoch after a reboot; {hello.epoch} was used before it")
        if live is not None and hello.epoch not in listed:
            raise Broken(f"expected an epoch that was never used, or that is listed as unfinished; {hello.epoch} is neither")
        for epoch, entry in listed.items():
            channels = entry.channels if entry.channels is not None else hello.channels
            known = self._epoch(epoch, channels)
            if tuple(known.channels) != tuple(channels):
                raise Broken(
                    f"expected epoch {epoch} with the channels that it was numbered with, {named(known.channels)}; "
                    f"{'it' if entry.channels is not None else 'hello, as it has none of its own,'} says {named(channels)}"
                )
            known.last = max(known.last, entry.last)
        self._epoch(hello.epoch, hello.channels)
        self.results.extend(hello.results)

    def _epoch(self, epoch: int, channels: Sequence[Channel]) -> EpochBook:
        return self.epochs.setdefault(epoch, EpochBook(channels, self.lives))

    def enter(self, frame: Frame) -> None:
        """Take a frame that came in its turn. Raises Broken where it is another one than before, or a reading comes twice."""
        known = self.epochs[frame.epoch]
        earlier = known.frames.get(frame.seq)
        if earlier is not None and not isinstance(frame, Gap) and earlier != frame:
            raise Broken(f"expected frame {frame.seq} of epoch {frame.epoch} as it came before; it is another one: {_short(frame)}")
        if isinstance(frame, Gap):
            self._give_up(frame)
        known.received = max(known.received, frame.last if isinstance(frame, Gap) else frame.seq)
        known.last = max(known.last, known.received)
        if earlier is not None and not isinstance(frame, Gap):
            return
        known.frames[frame.seq] = frame
        if isinstance(frame, Result):
            self.results.append(frame.outcome)
        elif isinstance(frame, Reported):
            self.reports.append(frame)
        elif isinstance(frame, Data | Pack) and (frame.epoch, frame.seq) not in self.unreadable:
            self._count(frame, known.channels)

    def _give_up(self, gap: Gap) -> None:
        self.gaps.append(gap)
        self.declared += gap.readings
        if gap.of is not None and gap.of in self.epochs:
            self.epochs[gap.of].is_given_up = True
        for value, (epoch, seq) in list(self.values.items()):
            if epoch == gap.epoch and gap.seq <= seq <= gap.last and seq > self.epochs[epoch].mark:
                del self.values[value]

    def _count(self, frame: Data | Pack, channels: Sequence[Channel]) -> None:
        for value in counted(frame, channels):
            place = self.values.setdefault(value, (frame.epoch, frame.seq))
            if place != (frame.epoch, frame.seq):
                raise Broken(
                    f"expected each value of {COUNT} once; {value} came in frame {place[1]} of epoch {place[0]} and in frame {frame.seq} "
                    f"of epoch {frame.epoch}"
                )

    def forget(self, epoch: int, seq: int) -> None:
        """Take the readings of a frame back that the script claims it cannot read."""
        self.values = {value: place for value, place in self.values.items() if place != (epoch, seq)}

    def unacked(self) -> dict[int, tuple[int, int]]:
        """Return for each epoch that is not acked whole (mark, last)."""
        return {
            epoch: (known.mark, known.last) for epoch, known in self.epochs.items() if known.last > known.mark and not known.is_given_up
        }

    def states_of(self, id_: str) -> list[str]:
        """Return what was said of a command, in order."""
        return [outcome.state.value for outcome in self.results if outcome.id == id_]

    def missing(self) -> list[int]:
        """Return the values of `count` that never came, up to the highest that did."""
        return [value for value in range(1, max(self.values, default=0)) if value not in self.values]


def counted(frame: Frame, channels: Sequence[Channel]) -> list[int]:
    """Return the values of the channel `count` in a frame. Raises Broken where one is no whole number."""
    index = next((at for at, channel in enumerate(channels) if channel.name == COUNT), None)
    values: list[object] = []
    if isinstance(frame, Data):
        values = [value for channel, value in zip(frame.channels, frame.values, strict=True) if channel == index]
    elif isinstance(frame, Pack) and frame.channel == index:
        values = [value for (value,) in struct.iter_unpack(_FORMATS[frame.format], frame.values)]
    wrong = [value for value in values if not isinstance(value, int | float) or value != int(value) or value < 1]
    if wrong:
        raise Broken(f"expected whole numbers from 1 on in channel {COUNT}; {wrong[0]!r} came")
    return [int(value) for value in values]  # type: ignore[call-overload]


def named(channels: Sequence[Channel]) -> str:
    """Return the names of channels, for people."""
    return ", ".join(channel.name for channel in channels) or "none"


def _short(frame: Frame) -> str:
    text = f"{type(frame).__name__.lower()} {frame.reason}" if isinstance(frame, Unreadable) else str(frame)
    return text if len(text) <= 120 else text[:117] + "..."
