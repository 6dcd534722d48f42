"""What a signal is: the value of one channel at any time, computed and never remembered.

Owns the base of all kinds of signals and how their parameters are declared; the kinds themselves are in climate, power, machine, track and
states, the faults in wrong. Whoever has seed, device, channel and time computes the same value: that is what an audit rests on.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Final

import numpy as np
import numpy.typing as npt

from devices.wire.messages import Channel, Kind
from simulators.sensors.noise import Flags, Times, drawn, key_of

Values = npt.NDArray[Any]  # float64, float32, int64, bool, object (texts), or float64 of two columns (positions)
MAX_DIGITS: Final = 12


def number(default: float, low: float, high: float) -> Any:
    """Declare a parameter: a number within low...high."""
    return field(default=default, metadata={"low": low, "high": high})


@dataclass(frozen=True)
class Signal:
    """One kind of signal with its parameters. `at` is a pure function of seed, device, channel, parameters and time."""

    seed: int
    device: str
    channel: str

    KIND: ClassVar[Kind] = Kind.GAUGE
    UNIT: ClassVar[str] = ""
    SOURCE: ClassVar[str] = ""  # the kind of signal it is derived from, "" where it stands alone; then it has a field `source`

    def at(self, times_us: Times) -> Values:
        """Return the value at each time, µs since 1970: the same bits however the times are cut into columns."""
        raise NotImplementedError

    def made(self, times_us: Times) -> Flags:
        """Tell at which times there is a reading at all."""
        return np.ones(len(times_us), np.bool_)

    def declared(self) -> Channel:
        """Return the channel as a device declares it in hello."""
        return Channel(self.channel, self.UNIT, self.KIND)

    def key(self, part: str) -> np.uint64:
        """Return the key of one part of this signal's chance."""
        key = self._keys.get(part)
        if key is None:
            key = self._keys[part] = key_of(self.seed, self.device, self.channel, part)
        return key

    def draw(self, part: str, number: int = 0) -> float:
        """Return the one value of 0 to below 1 that is drawn for a part, as its phase."""
        value = self._draws.get((part, number))
        if value is None:
            value = self._draws[part, number] = drawn(self.key(part), number)
        return value

    @cached_property
    def _keys(self) -> dict[str, np.uint64]:
        return {}

    @cached_property
    def _draws(self) -> dict[tuple[str, int], float]:
        return {}
