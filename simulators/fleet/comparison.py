"""One series in one stretch of time: what must be stored, computed, against what is.

Owns the comparison, without I/O. A reading of a frame whose send had not come back when its process was killed may be there or not.
store_audit.py calls it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from simulators.fleet.difference import Difference
from simulators.fleet.grain import EXACT, Grain
from simulators.fleet.lives import Life
from simulators.fleet.schedule import Schedule
from simulators.fleet.stamps import Times
from simulators.sensors.sensor import Burst, Sensor


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
    column = _joined(made_by(sensor, schedule, channel, (life.first, life.returned), window_us) for life in lives)
    times = [grain.time_us(stamp_us) for stamp_us in column.stamps_us.tolist()]
    found = sorted(points, key=lambda point: (point[0], point[1]))
    if [point[0] for point in found] == times and all(map(grain.is_same, column.values, (point[2] for point in found))):
        return Compared(len(times), len(times))
    maybe = _joined(made_by(sensor, schedule, channel, (life.returned, life.begun), window_us) for life in lives)
    made, uncertain = _by_time(column, grain), _by_time(maybe, grain)
    result = _differing((sensor.device, channel), schedule, made, uncertain, found, grain)
    result.made = len(times)
    result.coarser = len(times) - sum(_room(each, grain) for each in made.values())
    return result


Sent = tuple[Any, int]  # value, number of the frame that it goes with


def _by_time(column: "Made", grain: Grain) -> dict[int, list[Sent]]:
    found: dict[int, list[Sent]] = {}
    for stamp_us, *sent in zip(column.stamps_us.tolist(), column.values, column.numbers.tolist(), strict=True):
        found.setdefault(grain.time_us(stamp_us), []).append((sent[0], sent[1]))
    return found


def _room(sent: Sequence[Sent], grain: Grain) -> int:
    """Return how many readings of one time a store keeps of these."""
    return len(sent) if grain.step_us == 1 else 1


def _differing(
    name: tuple[str, str],
    schedule: Schedule,
    made: Mapping[int, Sequence[Sent]],
    maybe: Mapping[int, Sequence[Sent]],
    found: Sequence[Sequence[Any]],
    grain: Grain,
) -> Compared:
    result, seen = Compared(), Counter[int]()

    def differs(kind: str, time_us: int, number: int | None, sent: Any, value: Any) -> None:
        result.differences.append(Difference(kind, *name, time_us, number, sent, value))

    for time_us, _, value in found:
        sent = made.get(time_us) or maybe.get(time_us)
        if sent is None:
            differs("invented", time_us, schedule.frame_over(time_us + grain.step_us - 1), None, value)
            continue
        as_sent = [number for each, number in sent if grain.is_same(each, value)]
        if seen[time_us] >= _room(sent, grain):
            differs("doubled", time_us, sent[0][1], sent[0][0], value)
        elif not as_sent:
            differs("changed", time_us, sent[0][1], sent[0][0], value)
        else:
            result.stored += time_us in made
        seen[time_us] += 1
    for time_us, sent in made.items():
        for value, number in sent[seen[time_us] : _room(sent, grain)]:
            differs("missing", time_us, number, value, None)
    result.uncertain = len(maybe.keys() - seen.keys())
    return result


class Made(NamedTuple):
    """Readings of one channel, those that a hub takes: their stamps in order, values and the numbers of their frames."""

    stamps_us: Times
    values: list[Any]
    numbers: Times


def made_by(
    sensor: Sensor, schedule: Schedule, channel: str, frames: tuple[int, int], window_us: tuple[int, int], *, are_beyond: bool = False
) -> Made:
    """Return the readings that go with the frames from `first` to before `end`, of those that are stamped with a time in the window.

    `are_beyond`: those instead that the hub must reject, as their stamps are too far ahead.
    """
    first, end = frames
    if channel in sensor.sampled:
        return _joined(_of_burst(schedule, burst, window_us, are_beyond) for burst in _bursts(sensor, schedule, channel, first, end))
    dues_us = schedule.times_us(first, max(first, end))
    stamps_us = schedule.stamps.stamps_us(dues_us)
    kept = np.flatnonzero(_within(stamps_us, window_us) & (schedule.stamps.are_beyond(dues_us) == are_beyond))
    column = sensor.column(channel, dues_us[kept])
    return _joined([Made(stamps_us[kept][column.sound], column.values[column.sound].tolist(), (first + kept)[column.sound])])


def _bursts(sensor: Sensor, schedule: Schedule, channel: str, first: int, end: int) -> Iterator[Burst]:
    if first < end:
        end_us = schedule.time_us(end) if end < schedule.frames else schedule.end_us
        yield from (burst for burst in sensor.bursts(schedule.time_us(first), end_us) if burst.channel == channel)


def _of_burst(schedule: Schedule, burst: Burst, window_us: tuple[int, int], are_beyond: bool) -> Made:
    stamps_us = burst.times_us + (schedule.stamps.shown_us(burst.start_us) - burst.start_us)
    kept = _within(stamps_us, window_us) & (schedule.stamps.is_beyond(burst.start_us) == are_beyond)
    number = schedule.first_from(burst.start_us + 1) - 1
    return Made(stamps_us[kept], burst.values[kept].tolist(), np.full(int(kept.sum()), number))


def _joined(parts: Iterable[Made]) -> Made:
    """Return readings as one column, in order of their stamps."""
    all_parts = [part for part in parts if len(part.stamps_us)]
    nothing = np.empty(0, np.int64)
    stamps_us = np.concatenate([nothing, *(part.stamps_us for part in all_parts)])
    values = [value for part in all_parts for value in part.values]
    numbers = np.concatenate([nothing, *(part.numbers for part in all_parts)])
    if (stamps_us[1:] >= stamps_us[:-1]).all():
        return Made(stamps_us, values, numbers)
    order = np.argsort(stamps_us, kind="stable")
    return Made(stamps_us[order], [values[at] for at in order.tolist()], numbers[order])


def _within(times: Times, window_us: tuple[int, int]) -> Any:
    return (times >= window_us[0]) & (times < window_us[1])
