"""The vibration of a motor whose bearing wears out, as an accelerometer samples it in bursts.

Owns the signal and when its bursts are; Sensor.bursts cuts them out, Device.send_pack sends one as a pack.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from simulators.sensors.noise import DAY_US, SECOND_US, Floats, Times, bell, wave
from simulators.sensors.signal import Signal, Values, number

_SPAN_US: Final = 1_000 * SECOND_US  # a frequency of whole mHz makes whole turns in it, so that a phase never loses a bit
_HARMONICS: Final = ((1, 1.0), (2, 0.45), (3, 0.2))  # of the shaft: imbalance, misalignment, looseness
_BALLS: Final = 3.57  # blows of a worn outer ring in one turn of the shaft
_RING_HZ: Final = 2_150.0  # what a blow makes the housing ring at
_FADE_US: Final = 900.0


@dataclass(frozen=True)
class Vibration(Signal):
    """Acceleration in m/s2: shaft and harmonics, noise, and blows of a bearing that grow until it is replaced after `life_days`.

    Not sent reading by reading: every `every_s` a burst of `samples` values, `rate_hz` of them a second, as float32.
    """

    UNIT: ClassVar[str] = "m/s2"

    rpm: float = number(1_480.0, 1.0, 100_000.0)
    level: float = number(1.2, 0.0, 10_000.0)  # amplitude of the shaft's own frequency
    noise: float = number(0.15, 0.0, 10_000.0)
    fault: float = number(14.0, 0.0, 10_000.0)  # amplitude of the blows on the last day
    life_days: float = number(45.0, 0.01, 10_000.0)
    rate_hz: float = number(3_200.0, 0.01, 100_000.0)
    samples: int = number(1_024, 1, 1_000_000)
    every_s: float = number(10.0, 0.001, 86_400.0)

    @property
    def step_ns(self) -> int:
        """The time between two samples of a burst."""
        return round(1e9 / self.rate_hz)

    def worn(self, times_us: Times) -> Floats:
        """Return how far the bearing is gone, 0 to below 1, at each time."""
        life_us = int(self.life_days * DAY_US)
        return (times_us + int(self.draw("age") * life_us)) % life_us / life_us

    def at(self, times_us: Times) -> Values:
        shaft_hz = self.rpm / 60.0
        value = self.noise * bell(self.key("noise"), times_us)
        for order, share in _HARMONICS:
            value = value + self.level * share * wave(_turns(times_us, shaft_hz * order) + self.draw("phase", order))
        worn = self.worn(times_us)
        since_us = _turns(times_us, shaft_hz * _BALLS) * (SECOND_US / (shaft_hz * _BALLS))
        fading = 1.0 / (1.0 + since_us / _FADE_US)
        blow = wave(since_us * (_RING_HZ / SECOND_US)) * fading * fading * fading
        return (value + self.fault * worn * worn * worn * blow).astype(np.float32)


def _turns(times_us: Times, frequency_hz: float) -> Floats:
    """Return the part of a turn that a frequency, to the mHz, has gone on at each time."""
    return times_us % _SPAN_US * round(frequency_hz * 1_000) % _SPAN_US / _SPAN_US
