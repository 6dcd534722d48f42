"""A device's clock steps, runs fast or slow, and is set right again."""

from simulators.faults import DeviceClock


def test_a_clock_shows_the_true_time_until_it_goes_wrong() -> None:
    true_us = [1_000_000]
    clock = DeviceClock(lambda: true_us[0])
    assert clock() == 1_000_000
    clock.step(-0.5)
    assert clock() == 500_000
    clock.step(3600)
    true_us[0] += 7
    assert clock() == 3_600_500_007


def test_a_fast_clock_gains_and_keeps_what_it_gained() -> None:
    true_us = [0]
    clock = DeviceClock(lambda: true_us[0])
    clock.skew(100.0)
    true_us[0] = 10_000_000_000
    assert clock() == 10_001_000_000
    clock.skew(-50.0)
    assert clock() == 10_001_000_000
    true_us[0] += 10_000_000_000
    assert clock() == 20_000_500_000
    clock.skew(0.0)
    true_us[0] += 10_000_000_000
    assert clock() == 30_000_500_000
    clock.heal()
    assert clock() == 30_000_000_000
