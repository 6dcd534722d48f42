"""Each reading is judged for itself, and the fast path judges as the slow one does."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.wire.messages import Channel, Data, Kind
from hub.core.ingest import ChannelRules, value_code

NOW_US = 1_700_000_000_000_000
CHANNELS = (
    Channel("temp"),
    Channel("count", kind=Kind.COUNTER),
    Channel("door", kind=Kind.STATE),
    Channel("mode", kind=Kind.STATE, values=("off", "on")),
    Channel("note", kind=Kind.TEXT),
    Channel("place", kind=Kind.POSITION),
)


def rejected(channel: Any, value: Any, offset_us: Any = 0, base_us: int | None = NOW_US) -> list[tuple[int, str]]:
    return ChannelRules(CHANNELS).rejected(Data(1, 1, base_us, [0, channel], [0, offset_us], [1.0, value]), NOW_US)


@pytest.mark.parametrize(
    ("channel", "value", "code"),
    [
        (0, math.nan, "not_finite"),
        (0, -math.inf, "not_finite"),
        (0, 2**63, "out_of_range"),
        (0, True, "wrong_type"),
        (0, "warm", "wrong_type"),
        (0, None, "wrong_type"),
        (1, [1], "wrong_type"),
        (2, 1, "wrong_type"),
        (3, "open", "wrong_value"),
        (3, True, "wrong_type"),
        (4, "x" * 257, "text_too_long"),
        (4, 5, "wrong_type"),
        (5, [91.0, 0.0], "bad_position"),
        (5, [1.0], "wrong_type"),
        (6, 1.0, "unknown_channel"),
        (-1, 1.0, "unknown_channel"),
        (True, 1.0, "unknown_channel"),
        (0.0, 1.0, "unknown_channel"),
        ([], 1.0, "unknown_channel"),
    ],
)
def test_bad_reading_is_rejected_by_its_index_and_the_rest_is_kept(channel: Any, value: Any, code: str) -> None:
    assert rejected(channel, value) == [(1, code)]


@pytest.mark.parametrize(("channel", "value"), [(0, -(2**63)), (0, 2**63 - 1), (2, False), (3, "on"), (4, "é" * 128), (5, [-90, 180])])
def test_good_value_at_its_limit_is_kept(channel: int, value: Any) -> None:
    assert rejected(channel, value) == []


def test_times_beyond_a_day_ahead_are_future_and_a_bad_offset_has_no_time() -> None:
    assert rejected(0, 1.0, 86_400_000_000) == []
    assert rejected(0, 1.0, 86_400_000_001) == [(1, "future")]
    assert rejected(0, 1.0, 0.5) == [(1, "no_time")]
    assert rejected(0, 1.0, -(2**63)) == [(1, "no_time")]


def test_frame_without_a_time_rejects_every_reading() -> None:
    assert rejected(0, 1.0, base_us=None) == [(0, "no_time"), (1, "no_time")]


def test_a_thousand_equal_stamps_fit_and_one_more_does_not() -> None:
    data = Data(1, 1, NOW_US, [0] * 1001, [0] * 1001, [1.0] * 1001)
    assert ChannelRules(CHANNELS).rejected(data, NOW_US) == [(1000, "same_time")]


def test_values_whose_sum_overflows_are_all_good() -> None:
    assert ChannelRules(CHANNELS).rejected(Data(1, 1, NOW_US, [0, 0], [0, 1], [1e308, 1e308]), NOW_US) == []


_numbers = st.one_of(st.floats(), st.integers(-(2**64), 2**64), st.booleans())
_readings = st.lists(st.tuples(st.integers(-1, 6), st.integers(-5, 5), _numbers), min_size=1, max_size=20)


@given(_readings)
def test_columns_and_single_readings_are_judged_alike(readings: list[tuple[int, int, Any]]) -> None:
    channels, offsets, values = ([reading[i] for reading in readings] for i in range(3))
    found = dict(ChannelRules(CHANNELS).rejected(Data(1, 1, NOW_US, channels, offsets, values), NOW_US))
    for index, (channel, value) in enumerate(zip(channels, values, strict=True)):
        expected = value_code(CHANNELS[channel], value) if 0 <= channel < len(CHANNELS) else "unknown_channel"
        assert found.get(index) == expected


DAY_US = 86_400_000_000


def test_a_reading_from_before_raw_retention_is_too_old_and_its_neighbours_are_kept() -> None:
    data = Data(1, 1, NOW_US, [0, 0, 0], [0, -30 * DAY_US, -30 * DAY_US - 1], [1.0, 2.0, 3.0])
    assert ChannelRules(CHANNELS, 30 * DAY_US).rejected(data, NOW_US) == [(2, "too_old")]
    assert ChannelRules(CHANNELS).rejected(data, NOW_US) == []
    assert ChannelRules(CHANNELS, 100_000 * DAY_US).rejected(data, NOW_US) == []


def test_the_fast_path_leaves_what_is_too_old_to_the_slow_one() -> None:
    rules = ChannelRules(CHANNELS, DAY_US)
    assert rules.are_plain(NOW_US - DAY_US, [0], [0], [1.0], NOW_US)
    assert not rules.are_plain(NOW_US - DAY_US, [0, 0], [0, -1], [1.0, 1.0], NOW_US)
    assert ChannelRules(CHANNELS).are_plain(-(2**52), [0], [0], [1.0], NOW_US)
    assert rules.oldest_us(NOW_US) == NOW_US - DAY_US
    assert ChannelRules(CHANNELS).oldest_us(NOW_US) < -(2**52)


@pytest.mark.parametrize("value", [-(2**63), 2**63 - 1])
def test_a_whole_number_at_its_limit_is_good_also_beside_a_bad_reading(value: int) -> None:
    data = Data(1, 1, NOW_US, [0, 0, 0], [0, 1, 2], [value, value + (1 if value > 0 else -1), math.nan])
    assert ChannelRules(CHANNELS).rejected(data, NOW_US) == [(1, "out_of_range"), (2, "not_finite")]


@pytest.mark.parametrize("place", [[90.0, 180.0], [-90.0, -180.0], [0, 0]])
def test_a_position_is_on_the_globe(place: list[float]) -> None:
    assert rejected(5, place) == []
    for at, limit in ((0, 90.0), (1, 180.0)):
        for beyond in (limit + 0.001, -limit - 0.001, math.nan, math.inf):
            assert rejected(5, [beyond if each == at else value for each, value in enumerate(place)]) == [(1, "bad_position")]
