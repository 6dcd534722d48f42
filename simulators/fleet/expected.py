"""The value that each reading of a series must have, computed when it is asked for and kept for a short stretch only.

Owns the cache and how two values compare: a store gives a position back as a list and may give a bool as a number. Used by watchers.
"""

from typing import Any, Final

from simulators.fleet.schedule import Schedule
from simulators.sensors.sensor import Sensor

BLOCK: Final = 64
NOTHING: Final = object()  # there is no reading


class Expected:
    """The readings of one series by the numbers of their frames."""

    def __init__(self, sensor: Sensor, schedule: Schedule, channel: str) -> None:
        self._sensor = sensor
        self._schedule = schedule
        self._channel = channel
        self._block = -1
        self._values: list[Any] = []

    def value(self, number: int) -> Any:
        """Return the value, or NOTHING."""
        block = number // BLOCK
        if block != self._block:
            begin = block * BLOCK
            times_us = self._schedule.times_us(begin, min(begin + BLOCK, self._schedule.frames))
            column = self._sensor.column(self._channel, times_us)
            taken = column.sound & ~self._schedule.stamps.are_beyond(times_us)
            pairs = zip(column.values.tolist(), taken.tolist(), strict=True)
            self._values, self._block = [value if is_taken else NOTHING for value, is_taken in pairs], block
        return self._values[number - block * BLOCK]


def is_same(sent: Any, found: Any) -> bool:
    """Tell whether a value came back as it was sent."""
    if isinstance(sent, list | tuple):
        return isinstance(found, list | tuple) and list(sent) == list(found)
    return bool(sent == found)


def in_buckets(value: Any) -> float | None:
    """Return the number that a value counts as in buckets: of a position its latitude, of a text none."""
    first = value[0] if isinstance(value, list | tuple) else value
    return float(first) if isinstance(first, int | float) else None
