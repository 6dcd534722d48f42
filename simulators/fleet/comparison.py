"""One series in one stretch of time: what must be stored, computed, against what is.

Owns the comparison, without I/O. A reading of a frame whose send had not come back when its process was killed may be there or not.
store_audit.py calls it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from simulators.fleet.difference import Difference
from simulators.fleet.expected import is_same
from simulators.fleet.lives import Life
from simulators.fleet.schedule import Schedule, Times
from simulators.sensors.sensor import Sensor


@dataclass(slots=True)
class Compared:
    """How many readings were made, and are stored as made; every difference, of which missing ones may yet be excused."""

    made: int = 0
    stored: int = 0
    uncertain: int = 0  # not there, and never promised
    differences: list[Difference] = field(default_factory=list)


def compared(
    sensor: Sensor, schedule: Schedule, lives: Sequence[Life], channel: str, window_us: tuple[int, int], points: Sequence[Sequence[Any]]
) -> Compared:
    """Compare the points (time, key, value) of a channel in [from, to) with what its device made then."""
    columns = [_made(sensor, schedule, channel, life.first, life.returned, window_us) for life in lives]
    times = [time_us for column, _ in columns for time_us in column]
    values = [value for _, column in columns for value in column]
    found = sorted(points, key=lambda point: (point[0], point[1]))
    if [point[0] for point in found] == times and all(map(is_same, values, (point[2] for point in found))):
        return Compared(len(times), len(times))
    maybe = dict[int, Any]()
    for life in lives:
        maybe |= dict(zip(*_made(sensor, schedule, channel, life.returned, life.begun, window_us), strict=True))
    return _differing(sensor.device, channel, schedule, dict(zip(times, values, strict=True)), maybe, found)


def _differing(
    device: str, channel: str, schedule: Schedule, made: Mapping[int, Any], maybe: Mapping[int, Any], found: Sequence[Sequence[Any]]
) -> Compared:
    result, seen = Compared(len(made)), set[int]()

    def differs(kind: str, time_us: int, sent: Any, value: Any) -> None:
        number = schedule.frame_over(time_us)
        result.differences.append(Difference(kind, device, channel, time_us, number, sent, value))

    for time_us, _, value in found:
        if time_us not in made and time_us not in maybe:
            differs("invented", time_us, None, value)
            continue
        sent = made[time_us] if time_us in made else maybe[time_us]
        if time_us in seen:
            differs("doubled", time_us, sent, value)
        elif not is_same(sent, value):
            differs("changed", time_us, sent, value)
        else:
            result.stored += time_us in made
        seen.add(time_us)
    for time_us in made.keys() - seen:
        differs("missing", time_us, made[time_us], None)
    result.uncertain = len(maybe.keys() - seen)
    return result


def _made(
    sensor: Sensor, schedule: Schedule, channel: str, first: int, end: int, window_us: tuple[int, int]
) -> tuple[list[int], list[Any]]:
    """Return times and values of the readings that go with these frames, of those that lie in the window."""
    if first >= end:
        return [], []
    if channel in sensor.sampled:
        end_us = schedule.time_us(end) if end < schedule.frames else schedule.end_us
        bursts = [burst for burst in sensor.bursts(schedule.time_us(first), end_us) if burst.channel == channel]
        times = np.concatenate([np.empty(0, np.int64), *(burst.times_us for burst in bursts)])
        values = [value for burst in bursts for value in burst.values.tolist()]
        kept = _within(times, window_us)
        return times[kept].tolist(), [value for value, is_kept in zip(values, kept.tolist(), strict=True) if is_kept]
    times = schedule.times_us(first, end)
    times = times[_within(times, window_us)]
    column = sensor.column(channel, times)
    return times[column.sound].tolist(), column.values[column.sound].tolist()


def _within(times: Times, window_us: tuple[int, int]) -> Any:
    return (times >= window_us[0]) & (times < window_us[1])
