"""What is stored against what was made: each kind of difference is found and named."""

from typing import Any

import pytest

from simulators.fleet.comparison import Compared, compared, made_by
from simulators.fleet.grain import grain_of
from simulators.fleet.lives import Life
from simulators.fleet.schedule import Schedule
from simulators.sensors.plan import model, plan_of

BEGIN_US = 1_800_000_000_000_000
SENSOR = plan_of([{"name": "air", "kind": "temperature"}, {"name": "place", "kind": "track"}]).sensor(1, "d1")
SCHEDULE = Schedule(BEGIN_US, [(20.0, 1.0)], 0.0)
WHOLE = (BEGIN_US - 10**9, BEGIN_US + 10**9)
LIVES = (Life(0, 10, 10), Life(14, 18, 17))  # killed in frame 17


def stored(channel: str = "air") -> list[list[Any]]:
    """Return what a store gives back of frames 0 to 9 and 14 to 16."""
    times = [SCHEDULE.time_us(number) for number in (*range(10), 14, 15, 16)]
    found = [[time_us, 0, SENSOR.value(channel, time_us)] for time_us in times]
    return [[at, key, list(value) if isinstance(value, tuple) else value] for at, key, value in found]


def judged(points: list[list[Any]], channel: str = "air") -> Compared:
    return compared(SENSOR, SCHEDULE, LIVES, channel, WHOLE, points)


@pytest.mark.parametrize("channel", ["air", "place"])
def test_what_was_made_and_is_stored_is_fine_in_any_order(channel: str) -> None:
    assert judged(stored(channel)[::-1], channel) == Compared(13, 13)


def test_a_frame_that_a_kill_interrupted_may_be_there_or_not() -> None:
    time_us = SCHEDULE.time_us(17)
    with_it = judged([*stored(), [time_us, 0, SENSOR.value("air", time_us)]])
    assert (with_it.stored, with_it.differences) == (13, [])
    wrong = judged([*stored(), [time_us, 0, -999.0]])
    assert [each.kind for each in wrong.differences] == ["changed"]


def test_each_difference_is_named() -> None:
    points = stored()
    missing = points.pop(3)
    doubled = [points[5][0], 7, points[5][2]]
    changed = points[8] = [points[8][0], 0, points[8][2] + 0.01]
    invented = [SCHEDULE.time_us(12), 0, 1.0]  # its device was dead then
    found = judged([*points, doubled, invented])
    assert {each.kind: (each.time_us, each.number) for each in found.differences} == {
        "missing": (missing[0], 3),
        "doubled": (doubled[0], 6),
        "changed": (changed[0], 9),
        "invented": (invented[0], 12),
    }
    assert (found.made, found.stored) == (13, 11)


def test_readings_beside_the_window_are_of_no_interest() -> None:
    low, high = SCHEDULE.time_us(2), SCHEDULE.time_us(5)
    assert compared(SENSOR, SCHEDULE, LIVES, "air", (low, high), stored()[2:5]) == Compared(3, 3)


def test_what_was_stamped_by_a_wrong_clock_is_looked_for_where_that_put_it() -> None:
    clock = [(3_000_000, -2_000, 0), (6_000_000, 90_000_000, 0), (8_000_000, 0, -50_000_000)]
    schedule = Schedule(BEGIN_US, [(20.0, 1.0)], 0.0, clock)
    numbers = [*range(6), 8, 9, 14, 15, 16]
    points = [[schedule.stamp_us(number), 0, SENSOR.value("air", schedule.time_us(number))] for number in numbers]
    good = compared(SENSOR, schedule, LIVES, "air", WHOLE, points)
    assert (good.made, good.stored, good.differences) == (11, 11, [])
    ahead_us = schedule.stamp_us(6)
    bad = compared(SENSOR, schedule, LIVES, "air", (BEGIN_US, ahead_us + 1), [*points[:4], *points[5:], [ahead_us, 0, 1.0]])
    assert [(each.kind, each.number) for each in bad.differences] == [("invented", 6), ("missing", 4)]
    ahead = made_by(SENSOR, schedule, "air", (0, 10), WHOLE, are_beyond=True)
    assert (ahead.numbers.tolist(), ahead.stamps_us.tolist()) == ([], [])
    ahead = made_by(SENSOR, schedule, "air", (0, 10), (0, 2 * BEGIN_US), are_beyond=True)
    assert (ahead.numbers.tolist(), ahead.stamps_us.tolist()) == ([6, 7], [ahead_us, ahead_us + 1_000_000])


def test_bursts_of_one_time_are_each_looked_for() -> None:
    motor = plan_of([{"name": "v", "kind": "vibration", "rate_hz": 2_000, "samples": 64, "every_s": 2}]).sensor(1, "m1")
    schedule = Schedule(BEGIN_US, [(20.0, 1.0)], 0.0, [(9_000_000, -4_000, 0)])
    shifts = [(burst, schedule.stamps.shown_us(burst.start_us) - burst.start_us) for burst in motor.bursts(BEGIN_US, schedule.end_us)]
    points = [
        [at + shift, key, value]
        for key, (burst, shift) in enumerate(shifts)
        for at, value in zip(burst.times_us.tolist(), burst.values.tolist(), strict=True)
    ]
    assert len({at for at, *_ in points}) < len(points)
    good = compared(motor, schedule, [Life(0, 20, 20)], "v", WHOLE, points)
    assert (good.stored, good.differences) == (len(points), [])
    bad = compared(motor, schedule, [Life(0, 20, 20)], "v", WHOLE, [*points[1:], [points[-1][0], 99, points[-1][2]]])
    assert sorted(each.kind for each in bad.differences) == ["doubled", "missing"]


def test_bursts_go_with_their_frames() -> None:
    motor = model("motor").sensor(1, "m1")
    schedule = Schedule(BEGIN_US, [(300.0, 1.0)], 0.0)
    bursts = [burst for burst in motor.bursts(schedule.time_us(0), schedule.time_us(200)) if burst.channel == "vibration"]
    assert bursts
    points = [[at, 0, value] for burst in bursts for at, value in zip(burst.times_us.tolist(), burst.values.tolist(), strict=True)]
    whole = (BEGIN_US - 10**9, BEGIN_US + 10**9)
    good = compared(motor, schedule, [Life(0, 200, 200)], "vibration", whole, points)
    assert (good.made, good.stored, good.differences) == (len(points), len(points), [])
    bad = compared(motor, schedule, [Life(0, 200, 200)], "vibration", whole, points[1:])
    assert [each.kind for each in bad.differences] == ["missing"]


def test_a_store_of_milliseconds_and_12_digits_is_judged_by_what_it_can_keep() -> None:
    motor = plan_of([{"name": "v", "kind": "vibration", "rate_hz": 2_000, "samples": 64, "every_s": 2}]).sensor(1, "m1")
    schedule = Schedule(BEGIN_US, [(20.0, 1.0)], 0.0)
    column = [burst for burst in motor.bursts(schedule.time_us(0), schedule.time_us(10))]
    kept = {
        at // 1_000 * 1_000: value for burst in column for at, value in zip(burst.times_us.tolist(), burst.values.tolist(), strict=True)
    }
    points = [[at, 0, float(f"{value:.12g}")] for at, value in kept.items()]
    lives, grain = [Life(0, 10, 10)], grain_of("VictoriaMetrics")
    good = compared(motor, schedule, lives, "v", WHOLE, points, grain)
    assert (good.stored, good.made - good.coarser, good.differences) == (len(points), len(points), [])
    assert compared(motor, schedule, lives, "v", WHOLE, points).differences
    points[3][2] += 1e-6
    assert [each.kind for each in compared(motor, schedule, lives, "v", WHOLE, points[1:], grain).differences] == ["changed", "missing"]
