"""A frame's number gives its time and its time gives its number, through phases of any rate, silent ones too."""

from hypothesis import given
from hypothesis import strategies as st

from simulators.fleet.schedule import Schedule

BEGIN_US = 1_800_000_000_000_000
STRETCHES = st.lists(st.tuples(st.floats(0.1, 30), st.sampled_from([0.0, 0.01, 0.3, 1.0, 3.0, 7.7, 100.0])), min_size=1, max_size=4)


@given(STRETCHES, st.floats(0, 0.999))
def test_number_and_time_are_two_names_of_one_frame(stretches: list[tuple[float, float]], offset: float) -> None:
    schedule = Schedule(BEGIN_US, stretches, offset)
    times = schedule.times_us(0, schedule.frames).tolist()
    assert len(times) == schedule.frames
    assert times == sorted(set(times))
    assert all(BEGIN_US <= time_us < schedule.end_us and time_us % 1_000 == 0 for time_us in times)
    assert [schedule.number_at(time_us) for time_us in times] == list(range(schedule.frames))
    assert [schedule.time_us(number) for number in range(schedule.frames)] == times


@given(STRETCHES, st.floats(0, 0.999), st.integers(-10_000_000, 130_000_000))
def test_the_first_frame_from_a_time_is_not_before_it(stretches: list[tuple[float, float]], offset: float, after_us: int) -> None:
    schedule, at_us = Schedule(BEGIN_US, stretches, offset), BEGIN_US + after_us
    number = schedule.first_from(at_us)
    assert number == schedule.frames or schedule.time_us(number) >= at_us
    assert number == 0 or schedule.time_us(number - 1) < at_us


def test_a_time_between_frames_is_of_none() -> None:
    schedule = Schedule(BEGIN_US, [(10.0, 1.0)], 0.5)
    assert schedule.number_at(BEGIN_US + 500_000) == 0
    assert schedule.number_at(BEGIN_US + 501_000) is None
    assert schedule.number_at(BEGIN_US - 500_000) is None
    assert schedule.number_at(BEGIN_US + 10_500_000) is None
    assert schedule.frame_over(BEGIN_US + 501_000) == 0


def test_a_silent_phase_has_no_frames_and_the_next_one_goes_on() -> None:
    schedule = Schedule(BEGIN_US, [(2.0, 1.0), (5.0, 0.0), (2.0, 2.0)], 0.0)
    assert schedule.frames == 6
    assert schedule.time_us(2) == BEGIN_US + 7_000_000
    assert [schedule.piece_of(number) for number in range(6)] == [0, 0, 2, 2, 2, 2]
    assert schedule.phase_at(BEGIN_US + 3_000_000) == 1
