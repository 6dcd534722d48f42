"""What is no number: a door that people use, its lock, and what a device says of itself.

Owns the signals of states and texts; plan.py makes them from their names.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from devices.wire.messages import Channel, Kind
from simulators.sensors.noise import SECOND_US, Flags, Times, hashed, of_day, uniform
from simulators.sensors.signal import Signal, Values, number

# How many of a day's visits fall into each hour, UTC: an office in the daytime, hardly anybody at night.
_BY_HOUR: Final = np.array([1, 1, 1, 1, 1, 3, 10, 40, 70, 50, 40, 50, 80, 60, 40, 40, 50, 60, 40, 15, 8, 4, 2, 1]) / 668.0
_SLOT_US: Final = 60 * SECOND_US  # at most one visit in each
_SHORTEST_US: Final = 3 * SECOND_US
_TEXTS: Final = (
    "ok", "ok", "ok", "ok", "self-test passed", "filter due in 12 days", "signal weak, -97 dBm", "störungsfrei · 0 Fehler",
    "ошибок нет", "再起動しました", "door ajar for 40 s", "low supply, 10.9 V",
)  # fmt: skip


@dataclass(frozen=True)
class Door(Signal):
    """True while the door is open: `visits` a day, most by day, each open for up to `open_s`."""

    KIND: ClassVar[Kind] = Kind.STATE

    visits: float = number(120.0, 0.0, 600.0)
    open_s: float = number(40.0, 3.0, 60.0)

    def at(self, times_us: Times) -> Values:
        slot = times_us // _SLOT_US
        hour = (of_day(slot * _SLOT_US) * 24.0).astype(np.int64)
        comes: Flags = uniform(self.key("visit"), slot) < self.visits * _BY_HOUR[hour] / 60.0
        lasts_us = _SHORTEST_US + uniform(self.key("lasts"), slot) * (self.open_s * SECOND_US - _SHORTEST_US)
        begins_us = uniform(self.key("begins"), slot) * (_SLOT_US - lasts_us)
        into_us = times_us - slot * _SLOT_US
        return comes & (into_us >= begins_us) & (into_us < begins_us + lasts_us)


@dataclass(frozen=True)
class Lock(Signal):
    """`open`, `closed` or `locked`: the door of the channel `of`, locked from `from_h` to `to_h` (UTC) while nobody goes through."""

    KIND: ClassVar[Kind] = Kind.STATE
    SOURCE: ClassVar[str] = "door"
    VALUES: ClassVar[tuple[str, ...]] = ("open", "closed", "locked")

    source: Door
    from_h: float = number(20.0, 0.0, 24.0)
    to_h: float = number(6.0, 0.0, 24.0)

    def at(self, times_us: Times) -> Values:
        hour = of_day(times_us) * 24.0
        after, before = hour >= self.from_h, hour < self.to_h
        is_night = after | before if self.from_h > self.to_h else after & before
        names = np.array(self.VALUES, object)
        return names[np.where(self.source.at(times_us), 0, np.where(is_night, 2, 1))]

    def declared(self) -> Channel:
        return Channel(self.channel, self.UNIT, self.KIND, values=self.VALUES)


@dataclass(frozen=True)
class Status(Signal):
    """A line of text that changes about every `every_s`, in several languages."""

    KIND: ClassVar[Kind] = Kind.TEXT

    every_s: float = number(300.0, 0.001, 86_400.0)

    def at(self, times_us: Times) -> Values:
        every_us = int(self.every_s * SECOND_US)
        slot = (times_us + int(self.draw("phase") * every_us)) // every_us
        texts = np.array(_TEXTS, object)
        return texts[(hashed(self.key("text"), slot) % np.uint64(len(_TEXTS))).astype(np.int64)]
