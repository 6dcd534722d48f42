"""Electricity: a battery that runs down under a changing load, and the meter of a house.

Owns the signals of charge and voltage, of energy (a counter) and power; plan.py makes them from their names. What adds up over time is
written as a closed form, so that no reading needs the one before.
"""

import math
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from devices.wire.messages import Channel, Kind
from simulators.sensors.noise import DAY_US, HOUR_US, SECOND_US, Floats, Times, bell, between, of_day, rounded, uniform, wave, weather
from simulators.sensors.signal import MAX_DIGITS, Signal, Values, number

_CHARGE: Final = np.array([0.0, 5.0, 10.0, 20.0, 40.0, 60.0, 80.0, 90.0, 100.0])  # %
_REST_V: Final = np.array([3.0, 3.35, 3.5, 3.6, 3.7, 3.83, 3.99, 4.08, 4.18])  # a lithium cell without load, at that charge
_PIECES: Final = 20  # of a discharge, each faster or slower than even
_WANDER: Final = 0.45 / _PIECES  # takes at most nine tenths of the even slope away: a charge that falls never turns back
_LOADS: Final = (0.05, 0.3, 1.0)  # asleep, awake, sending: shares of the full load
_METER_US: Final = 900 * SECOND_US
# The day's course takes at most 0.6 of the mean power away and the wandering 0.35: a meter that counts up never turns back.
_DAY_SHARE, _METER_SHARE = 0.6, 0.35


@dataclass(frozen=True)
class Battery(Signal):
    """Charge in %: from `full` down to `low`, then up again on the charger, over and over."""

    UNIT: ClassVar[str] = "%"

    full: float = number(100.0, 0.0, 100.0)
    low: float = number(12.0, 0.0, 100.0)
    discharge_h: float = number(20.0, 0.01, 100_000.0)
    charge_h: float = number(4.0, 0.01, 100_000.0)
    digits: int = number(2, 0, MAX_DIGITS)

    def at(self, times_us: Times) -> Floats:
        down_us, up_us = int(self.discharge_h * HOUR_US), int(self.charge_h * HOUR_US)
        into_us = (times_us + int(self.draw("phase") * (down_us + up_us))) % (down_us + up_us)
        gone = into_us / down_us + _WANDER * weather(self.key("use"), times_us, down_us // _PIECES, is_smooth=False)
        share = np.where(into_us < down_us, 1.0 - gone, (into_us - down_us) / up_us)
        return rounded(self.low + (self.full - self.low) * np.minimum(np.maximum(share, 0.0), 1.0), self.digits)

    def declared(self) -> Channel:
        return Channel(self.channel, self.UNIT, self.KIND, min=0.0, max=100.0)


@dataclass(frozen=True)
class Voltage(Signal):
    """Voltage of the battery whose charge is the channel `of`: its curve at rest, less what the load of the moment takes, in steps."""

    UNIT: ClassVar[str] = "V"
    SOURCE: ClassVar[str] = "battery"

    source: Battery
    drop: float = number(0.25, 0.0, 3.0)  # V at full load
    step_s: float = number(20.0, 0.001, 86_400.0)  # how long a load lasts at least
    noise: float = number(0.002, 0.0, 1.0)
    digits: int = number(3, 0, MAX_DIGITS)

    def at(self, times_us: Times) -> Floats:
        chance = uniform(self.key("load"), times_us // int(self.step_s * SECOND_US))
        load = np.where(chance < 0.6, _LOADS[0], np.where(chance < 0.9, _LOADS[1], _LOADS[2]))
        rest = between(self.source.at(times_us), _CHARGE, _REST_V)
        return rounded(rest - self.drop * load + self.noise * bell(self.key("noise"), times_us), self.digits)


@dataclass(frozen=True)
class Energy(Signal):
    """A meter in whole Wh that only counts up: more by day than by night, and from 0 again every `reset_days` (a new meter)."""

    KIND: ClassVar[Kind] = Kind.COUNTER
    UNIT: ClassVar[str] = "W.h"

    mean_w: float = number(450.0, 0.001, 1e9)
    peak_h: float = number(19.0, 0.0, 24.0)
    reset_days: float = number(365.0, 0.001, 3_650.0)

    def at(self, times_us: Times) -> Values:
        return np.floor(self.exact_wh(times_us)).astype(np.int64)

    def exact_wh(self, times_us: Times) -> Floats:
        """Return what was used since the last reset, before the meter rounds it down."""
        since_us = self.reset_us(times_us)
        return self._used_wh(times_us, since_us) - self._used_wh(since_us, since_us)

    def reset_us(self, times_us: Times) -> Times:
        """Return the time of the last reset at or before each time."""
        every_us = int(self.reset_days * DAY_US)
        phase_us = int(self.draw("phase") * every_us)
        return (times_us - phase_us) // every_us * every_us + phase_us

    def _used_wh(self, times_us: Times, since_us: Times) -> Floats:
        """Return what was used up to a time, from any beginning: the integral of mean, daily course and wandering."""
        hours = (times_us - since_us) / HOUR_US
        # The integral of sin(2 pi (day - peak + 1/4)) is -cos(...) day / 2 pi, and -cos(x) = sin(x - 1/4 turn).
        daily = _DAY_SHARE * 24.0 / (2.0 * math.pi) * wave(of_day(times_us) - self.peak_h / 24.0)
        wander = _METER_SHARE * (_METER_US / HOUR_US) / 2.0 * weather(self.key("use"), times_us, _METER_US, is_smooth=False)
        return self.mean_w * (hours + daily + wander)


@dataclass(frozen=True)
class Power(Signal):
    """What the meter whose energy is the channel `of` measures now: the mean power of the last second."""

    UNIT: ClassVar[str] = "W"
    SOURCE: ClassVar[str] = "energy"

    source: Energy
    noise: float = number(2.0, 0.0, 1e9)
    digits: int = number(1, 0, MAX_DIGITS)

    def at(self, times_us: Times) -> Floats:
        since_us = self.source.reset_us(times_us)
        used_wh = self.source._used_wh(times_us, since_us) - self.source._used_wh(times_us - SECOND_US, since_us)
        return rounded(used_wh * 3_600.0 + self.noise * bell(self.key("noise"), times_us), self.digits)
