"""A clock that goes wrong shows what its settings say, one by one and in columns, and every stamp names its frame."""

from hypothesis import given
from hypothesis import strategies as st

from simulators.fleet.schedule import Schedule
from simulators.fleet.stamps import FUTURE_US, Stamps

BEGIN_US = 1_800_000_000_000_000
SHIFTS = st.one_of(st.integers(-40_000, 40_000), st.integers(-86_400_000, 86_400_000), st.sampled_from([0, 1_000, -1_000, 86_400_001]))
CHANGES = st.lists(
    st.tuples(st.integers(-2_000, 70_000), SHIFTS, st.sampled_from([0, 0, 200_000, -200_000, 100_000_000, -100_000_000])),
    max_size=6, unique_by=lambda change: change[0],
).map(lambda changes: [(at_ms * 1_000, ms, ppb) for at_ms, ms, ppb in sorted(changes)])  # fmt: skip
STRETCHES = st.lists(st.tuples(st.floats(0.1, 30), st.sampled_from([0.0, 0.3, 1.0, 7.7, 50.0])), min_size=1, max_size=3)


@given(CHANGES, STRETCHES, st.floats(0, 0.999))
def test_each_frame_has_a_stamp_of_its_own_which_gives_its_number(
    changes: list[tuple[int, int, int]], stretches: list[tuple[float, float]], offset: float
) -> None:
    schedule = Schedule(BEGIN_US, stretches, offset, changes)
    numbers = range(schedule.frames)
    stamps_us = [schedule.stamp_us(number) for number in numbers]
    assert schedule.stamps.stamps_us(schedule.times_us(0, schedule.frames)).tolist() == stamps_us
    assert len(set(stamps_us)) == len(stamps_us)
    assert [schedule.number_at(stamp_us) for stamp_us in stamps_us] == list(numbers)
    assert [schedule.frame_over(stamp_us) for stamp_us in stamps_us] == list(numbers)
    beyond = [schedule.stamps.is_beyond(schedule.time_us(number)) for number in numbers]
    assert schedule.stamps.are_beyond(schedule.times_us(0, schedule.frames)).tolist() == beyond
    spans_us = list(schedule.spans_us())
    assert all(beyond[number] or any(low <= stamps_us[number] < high + 1_000 for low, high in spans_us) for number in numbers)
    low_us, high_us = BEGIN_US + 3_000_000, BEGIN_US + 9_000_000
    within = [number for frames in schedule.stamped(low_us, high_us) for number in frames]
    assert within == [number for number in numbers if low_us <= stamps_us[number] < high_us]


def test_steps_and_skews_move_what_is_stamped_after_them() -> None:
    stamps = Stamps(BEGIN_US, [(10_000_000, -30_000, 0), (20_000_000, -30_000, 1_000_000), (30_000_000, 0, 0)])
    ahead = [stamps.shown_us(BEGIN_US + at_s * 1_000_000) - BEGIN_US - at_s * 1_000_000 for at_s in (9, 10, 20, 25, 30)]
    assert ahead == [0, -30_000_000, -30_000_000, -29_995_000, 0]
    assert stamps.stamp_us(BEGIN_US + 25_000_000) == BEGIN_US - 4_995_000 + 2  # the second setting


def test_a_stamp_of_a_store_of_milliseconds_names_its_frame_too() -> None:
    schedule = Schedule(BEGIN_US, [(60.0, 1.0)], 0.5, [(30_000_000, -20_250, 0)])
    stamp_us = schedule.stamp_us(40)
    assert stamp_us % 1_000 == 1
    assert schedule.number_at(stamp_us - 1) is None
    assert schedule.number_shown(stamp_us - 1) == schedule.number_shown(stamp_us) == 40
    assert schedule.number_shown(stamp_us - 1_000) is None


def test_when_something_was_stamped_is_the_last_time_that_the_clock_showed_it() -> None:
    schedule = Schedule(BEGIN_US, [(60.0, 1.0)], 0.0, [(30_000_000, -20_000, 0)])
    shown_us = BEGIN_US + 15_000_000  # at 15 s, and again at 35 s
    assert schedule.due_us(shown_us, BEGIN_US + 16_000_000) == shown_us
    assert schedule.due_us(shown_us, BEGIN_US + 50_000_000) == BEGIN_US + 35_000_000


def test_more_than_24_hours_ahead_is_more_than_a_hub_takes() -> None:
    limit_ms = FUTURE_US // 1_000
    assert not Stamps(BEGIN_US, [(0, limit_ms, 0)]).is_beyond(BEGIN_US)
    assert Stamps(BEGIN_US, [(0, limit_ms + 1, 0)]).is_beyond(BEGIN_US)
