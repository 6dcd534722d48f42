"""The clock of a device, worked out from stamps of one direction and pings, and what of the way is left when it is taken out."""

import random

import pytest

from hub.core.device_clock import HELD_S, WINDOW_S, DeviceClock, Least

MS = 1_000


def way_us(clock: DeviceClock, delay_us: int, now_s: float) -> float:
    return delay_us + clock.heard(delay_us, now_s)


@pytest.mark.parametrize("ahead_us", [0, 3_600_000 * MS, -12 * MS, 40 * MS])
def test_clock_that_is_off_by_whatever_changes_nothing_of_the_way(ahead_us: int) -> None:
    clock = DeviceClock()
    clock.said(8 * MS - ahead_us, 0.0)
    clock.answered(0.016, 1.0)
    ways = [way_us(clock, way * MS - ahead_us, 1.0 + at) for at, way in enumerate((8, 9, 30, 8, 500))]
    assert ways == [8 * MS, 9 * MS, 30 * MS, 8 * MS, 500 * MS]
    assert clock.offset_us == ahead_us
    assert clock.error_us == 8 * MS


def test_readings_that_always_wait_in_the_device_are_seen_to() -> None:
    clock = DeviceClock()
    clock.said(5 * MS - 77 * MS, 0.0)
    clock.answered(0.010, 0.0)
    for second in range(1, 20):
        assert way_us(clock, 205 * MS - 77 * MS, second) == 205 * MS
    for second in range(20, 2_000, 10):  # also when nobody remembers hello
        assert way_us(clock, 205 * MS - 77 * MS, second) == 205 * MS


def test_device_that_told_no_time_is_judged_by_its_quickest_frame() -> None:
    clock = DeviceClock()
    clock.said(None, 0.0)
    assert clock.offset_us is None
    assert way_us(clock, 500 * MS, 1.0) == 0  # nothing is known of the way before a ping
    clock.answered(0.020, 2.0)
    assert way_us(clock, 530 * MS, 3.0) == 40 * MS


def test_clock_that_drifts_is_followed() -> None:
    drift = 50e-6
    clock, chance = DeviceClock(), random.Random(7)
    clock.said(10 * MS, 0.0)
    clock.answered(0.020, 0.0)
    found = []
    for second in range(1, 7_200):
        way = 10 * MS + int(chance.expovariate(1 / (3 * MS)))
        found.append(way_us(clock, way + int(drift * second * 1e6), second) - way)
    assert max(map(abs, found)) <= WINDOW_S * drift * 1e6 + 2 * MS  # 360 ms have come together by the end


def test_clock_set_back_after_hello_is_no_wait_of_an_hour() -> None:
    clock = DeviceClock()
    clock.said(5 * MS, 0.0)
    assert way_us(clock, 3_600_000 * MS, 1.0) == 0


def test_connection_that_began_slowly_is_not_judged_by_that_for_ever() -> None:
    clock = DeviceClock()
    clock.said(10 * MS, 0.0)
    clock.answered(0.020, 0.0)
    for second in range(1, int(HELD_S) + 5):
        way_us(clock, 310 * MS, second)
    assert way_us(clock, 10 * MS, HELD_S + 10) == pytest.approx(10 * MS, abs=8 * MS)


def test_the_least_is_of_the_last_minutes_and_holds_a_few_numbers() -> None:
    least = Least()
    assert least.add(1.0, 0.0) == 1.0
    for second in range(1, int(WINDOW_S) - 31):
        assert least.add(5.0, second) == 1.0
    assert least.add(4.0, WINDOW_S + 31) == 4.0
    assert len(least._parts) <= 11
