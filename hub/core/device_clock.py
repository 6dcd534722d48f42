"""How far a device's clock is from the hub's, and how long its frames are on their way, from one-way stamps.

Owns the estimate, which is plain code that takes both times. What no stamps of one direction can tell apart is told apart by assumption:
the quickest frame took half of the quickest round trip, so a way that is always slower in one direction looks like a clock that is wrong.
What a device says at hello was not held back by it, so readings that always wait in the device are seen to. A session keeps one a device.
"""

from typing import Final

WINDOW_S: Final = 300.0  # long enough for a quick frame among slow ones; a crystal of 50 ppm drifts 15 ms in it
_PARTS: Final = 10
HELD_S: Final = 60.0  # from hello on: in which the quickest frame tells how long readings wait in the device at least
MAX_HELD_US: Final = 60_000_000  # more is a clock that was set after hello
_DRIFT: Final = 100e-6  # of a poor crystal


class Least:
    """The least of what came in the last WINDOW_S; in parts, so that it holds a few numbers and never all of them."""

    __slots__ = ("_parts", "value")

    def __init__(self) -> None:
        self.value: float | None = None
        self._parts: list[list[float]] = []  # [number of the part, the least in it]

    def add(self, value: float, now_s: float) -> float:
        """Take a value; return the least."""
        number, parts = now_s // (WINDOW_S / _PARTS), self._parts
        if not parts or parts[-1][0] != number:
            parts.append([number, value])
            parts[:] = [part for part in parts if part[0] > number - _PARTS]
        else:
            parts[-1][1] = min(parts[-1][1], value)
        least = self.value = min([part[1] for part in parts])
        return least


class DeviceClock:
    """The estimate of one connection. A delay is the hub's time of arrival minus the device's stamp, in µs: way and clocks together."""

    __slots__ = ("_began_s", "_held_us", "_hello_us", "_least", "_round_trip")

    def __init__(self) -> None:
        self._least = Least()  # delay of frames
        self._round_trip = Least()
        self._hello_us: int | None = None
        self._began_s = 0.0
        self._held_us = 0.0  # how long readings wait in the device at least

    def said(self, delay_us: int | None, now_s: float) -> None:
        """Take the delay of a hello; None where it told no time."""
        self._hello_us, self._began_s = delay_us, now_s

    def answered(self, round_trip_s: float, now_s: float) -> None:
        """Take the round trip of a ping."""
        self._round_trip.add(round_trip_s * 1e6, now_s)

    def heard(self, delay_us: int, now_s: float) -> float:
        """Take the delay of a frame; return the device's clock minus the hub's, in µs: added to a delay it leaves the way."""
        least_us = self._least.add(delay_us, now_s)
        if self._hello_us is not None:
            age_s, apart_us = now_s - self._began_s, max(0.0, least_us - self._hello_us)
            if age_s <= HELD_S:
                self._held_us = apart_us if apart_us <= MAX_HELD_US else 0.0
            else:  # what was slow from the beginning is quick since
                self._held_us = min(self._held_us, apart_us + _DRIFT * age_s * 1e6)
        return self._held_us + self._half_us - least_us

    @property
    def _half_us(self) -> float:
        return (self._round_trip.value or 0.0) / 2

    @property
    def offset_us(self) -> float | None:
        """The device's clock minus the hub's; None before anything told of it."""
        if self._least.value is not None:
            return self._held_us + self._half_us - self._least.value
        return None if self._hello_us is None else self._half_us - self._hello_us

    @property
    def error_us(self) -> float | None:
        """How wrong the offset may be where the way there is not as long as the way back; None before a ping was answered."""
        return None if self._round_trip.value is None else self._half_us
