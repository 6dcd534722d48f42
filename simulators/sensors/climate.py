"""Temperature through the day and the weather, and the humidity that goes with it.

Owns these two signals and nothing else; plan.py makes them from their names.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from devices.wire.messages import Channel
from simulators.sensors.noise import DAY_US, HOUR_US, Floats, Times, bell, of_day, rounded, wave, weather
from simulators.sensors.signal import MAX_DIGITS, Signal, number


@dataclass(frozen=True)
class Temperature(Signal):
    """Warmest at `peak_h` (UTC), coldest twelve hours from there; fronts of days, clouds of an hour, a sensor's own noise."""

    UNIT: ClassVar[str] = "Cel"

    mean: float = number(12.0, -200.0, 2_000.0)
    swing: float = number(6.0, 0.0, 1_000.0)  # from the mean to the peak of a day
    fronts: float = number(5.0, 0.0, 1_000.0)  # what the weather of days adds or takes
    clouds: float = number(0.8, 0.0, 1_000.0)
    noise: float = number(0.05, 0.0, 1_000.0)  # standard deviation of one reading
    peak_h: float = number(14.0, 0.0, 24.0)
    digits: int = number(2, 0, MAX_DIGITS)

    def at(self, times_us: Times) -> Floats:
        day = wave(of_day(times_us) - (self.peak_h - 6.0) / 24.0)
        slow = weather(self.key("fronts"), times_us, 3 * DAY_US)
        fast = weather(self.key("clouds"), times_us, HOUR_US)
        noise = bell(self.key("noise"), times_us)
        return rounded(self.mean + self.swing * day + self.fronts * slow + self.clouds * fast + self.noise * noise, self.digits)


@dataclass(frozen=True)
class Humidity(Signal):
    """Relative humidity of air whose temperature is the channel `of`: it falls as the air warms, and has a weather of its own."""

    UNIT: ClassVar[str] = "%"
    SOURCE: ClassVar[str] = "temperature"

    source: Temperature
    mean: float = number(65.0, 0.0, 100.0)
    per_degree: float = number(2.5, 0.0, 50.0)
    weather: float = number(8.0, 0.0, 100.0)
    noise: float = number(0.3, 0.0, 100.0)
    digits: int = number(1, 0, MAX_DIGITS)

    def at(self, times_us: Times) -> Floats:
        warmer = self.source.at(times_us) - self.source.mean
        air = weather(self.key("air"), times_us, 12 * HOUR_US)
        noise = bell(self.key("noise"), times_us)
        percent = self.mean - self.per_degree * warmer + self.weather * air + self.noise * noise
        return rounded(np.minimum(np.maximum(percent, 0.0), 100.0), self.digits)

    def declared(self) -> Channel:
        return Channel(self.channel, self.UNIT, self.KIND, min=0.0, max=100.0)
