"""What goes wrong with sensors, each as a layer over any signal: stuck, drift, spike, drop-out, and values that are no numbers.

Owns the faults of sensors, which are as pure a function of the time as the signals below them; the faults of connections are in
simulators.faults. plan.py lays them over signals in the order given.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from devices.wire.messages import Channel, Kind
from simulators.sensors.noise import HOUR_US, SECOND_US, Flags, Times, bell, rounded, uniform
from simulators.sensors.signal import Signal, Values, number


@dataclass(frozen=True)
class SensorFault(Signal):
    """A layer over a signal: what it does not change it passes through."""

    TAKES: ClassVar[frozenset[Kind]] = frozenset(Kind)  # kinds of channels it makes sense for

    inner: Signal

    def at(self, times_us: Times) -> Values:
        return self.inner.at(times_us)

    def made(self, times_us: Times) -> Flags:
        return self.inner.made(times_us)

    def declared(self) -> Channel:
        return self.inner.declared()


@dataclass(frozen=True)
class Spells(SensorFault):
    """A fault that comes in spells: one of `for_s` somewhere in each `every_h`."""

    every_h: float = number(6.0, 0.001, 100_000.0)
    for_s: float = number(600.0, 0.001, 1e8)

    def spells(self, times_us: Times) -> tuple[Flags, Times]:
        """Tell which times lie in a spell, and when the spell of each one's stretch begins."""
        every_us = int(self.every_h * HOUR_US)
        lasts_us = min(int(self.for_s * SECOND_US), every_us)
        slot = times_us // every_us
        begins_us = slot * every_us + (uniform(self.key("spell"), slot) * (every_us - lasts_us)).astype(np.int64)
        return (times_us >= begins_us) & (times_us < begins_us + lasts_us), begins_us


@dataclass(frozen=True)
class Stuck(Spells):
    """The sensor goes on giving the value that it had when the spell began."""

    def at(self, times_us: Times) -> Values:
        is_in, begins_us = self.spells(times_us)
        return self.inner.at(np.where(is_in, begins_us, times_us))


@dataclass(frozen=True)
class Drift(Spells):
    """The sensor wanders off by `per_h` an hour while the spell lasts, then it is calibrated again."""

    TAKES: ClassVar[frozenset[Kind]] = frozenset({Kind.GAUGE})

    every_h: float = number(48.0, 0.001, 100_000.0)
    for_s: float = number(86_400.0, 0.001, 1e8)
    per_h: float = number(0.5, -1e9, 1e9)
    digits: int = number(2, 0, 12)

    def at(self, times_us: Times) -> Values:
        values = self.inner.at(times_us)
        is_in, begins_us = self.spells(times_us)
        off = rounded((times_us - begins_us) / HOUR_US * self.per_h, self.digits)
        return np.where(is_in, rounded(values + off, self.digits), values)


@dataclass(frozen=True)
class Spike(SensorFault):
    """Single readings, a `share` of all, are off by about `height`, up or down."""

    TAKES: ClassVar[frozenset[Kind]] = frozenset({Kind.GAUGE})

    share: float = number(0.001, 0.0, 1.0)
    height: float = number(40.0, 0.0, 1e12)
    digits: int = number(2, 0, 12)

    def at(self, times_us: Times) -> Values:
        values = self.inner.at(times_us)
        up = np.where(uniform(self.key("side"), times_us) < 0.5, -1.0, 1.0) * (1.0 + 0.1 * bell(self.key("height"), times_us))
        return np.where(uniform(self.key("spike"), times_us) < self.share, rounded(values + self.height * up, self.digits), values)


@dataclass(frozen=True)
class Dropout(Spells):
    """The sensor does not answer while the spell lasts: there is no reading."""

    def made(self, times_us: Times) -> Flags:
        return self.inner.made(times_us) & ~self.spells(times_us)[0]


@dataclass(frozen=True)
class NotANumber(SensorFault):
    """A `share` of readings are NaN, as a driver gives where it divides by nothing: never stored, by the client or the hub refused."""

    TAKES: ClassVar[frozenset[Kind]] = frozenset({Kind.GAUGE})

    share: float = number(0.001, 0.0, 1.0)

    def at(self, times_us: Times) -> Values:
        values = self.inner.at(times_us)
        return np.where(uniform(self.key("nan"), times_us) < self.share, values.dtype.type("nan"), values)
