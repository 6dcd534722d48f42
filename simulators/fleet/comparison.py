"""One series in one stretch of time: what must be stored, computed, against what is.

Owns the comparison, without I/O. A reading of a frame whose send had not come back when its process was killed may be there or not.
store_audit.py calls it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from simulators.fleet.difference import Difference
from simulators.fleet.grain import EXACT, Grain
from simulators.fleet.lives import Life
from simulators.fleet.schedule import Schedule, Times
from simulators.sensors.sensor import Sensor


@dataclass(slots=True)
class Compared:
    """How many readings were made, and are stored as made; every difference, of which missing ones may yet be excused."""

    made: int = 0
    stored: int = 0
    uncertain: int = 0  # not there, and never promised
    coarser: int = 0  # beside another one that the store cannot tell apart by its time
    differences: list[Difference] = field(default_factory=list)


def compared(
    sensor: Sensor,
    schedule: Schedule,
    lives: Sequence[Life],
    channel: str,
    window_us: tuple[int, int],
    points: Sequence[Sequence[Any]],
    grain: Grain = EXACT,
) -> Compared:
    """Compare the points (time, key, value) of a channel in [from, to) with what its device made then, as fine as the store keeps it."""
    columns = [_made(sensor, schedule, channel, life.first, life.returned, window_us) for life in lives]
    times = [grain.time_us(time_us) for column, _ in columns for time_us in column]
    values = [value for _, column in columns for value in column]
    found = sorted(points, key=lambda point: (point[0], point[1]))
    if [point[0] for point in found] == times and all(map(grain.is_same, values, (point[2] for point in found))):
        return Compared(len(times), len(times))
    maybe = [_made(sensor, schedule, channel, life.returned, life.begun, window_us) for life in lives]
    uncertain = {grain.time_us(time_us): value for column, values_ in maybe for time_us, value in zip(column, values_, strict=True)}
    made: dict[int, list[Any]] = {}
    for time_us, value in zip(times, values, strict=True):
        made.setdefault(time_us, []).append(value)
    result = _differing((sensor.device, channel), schedule, made, uncertain, found, grain)
    result.made, result.coarser = len(times), len(times) - len(made)
    return result


def _differing(
    name: tuple[str, str],
    schedule: Schedule,
    made: Mapping[int, Sequence[Any]],
    maybe: Mapping[int, Any],
    found: Sequence[Sequence[Any]],
    grain: Grain,
) -> Compared:
    result, seen = Compared(), set[int]()

    def differs(kind: str, time_us: int, sent: Any, value: Any) -> None:
        result.differences.append(Difference(kind, *name, time_us, schedule.frame_over(time_us + grain.step_us - 1), sent, value))

    for time_us, _, value in found:
        if time_us not in made and time_us not in maybe:
            differs("invented", time_us, None, value)
            continue
        sent = made[time_us] if time_us in made else [maybe[time_us]]
        if time_us in seen:
            differs("doubled", time_us, sent[0], value)
        elif not any(grain.is_same(each, value) for each in sent):
            differs("changed", time_us, sent[0], value)
        else:
            result.stored += time_us in made
        seen.add(time_us)
    for time_us in made.keys() - seen:
        differs("missing", time_us, made[time_us][0], None)
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
