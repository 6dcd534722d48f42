"""Readings become frames that the hub can take, and what cannot is told at once."""

import math
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.readings import Readings
from devices.wire.codec import decode_from_device, encode
from devices.wire.limits import MAX_ARRAY, MAX_MESSAGE_BYTES
from devices.wire.messages import Channel, Data, Kind, Value

T = 1_700_000_000_000_000
CHANNELS = (
    Channel("temp", "Cel"),
    Channel("count", kind=Kind.COUNTER),
    Channel("on", kind=Kind.STATE),
    Channel("mode", kind=Kind.STATE, values=("off", "eco")),
    Channel("note", kind=Kind.TEXT),
    Channel("place", kind=Kind.POSITION),
)


def frames(readings: Readings, rows: list[tuple[int, dict[str, Any]]]) -> list[Data]:
    made = [draft.build(2**62, 2**52) for draft in readings.drafts(rows)]
    for frame in made:
        body = encode(frame)
        assert len(body) <= MAX_MESSAGE_BYTES
        decoded = decode_from_device(body)
        assert isinstance(decoded, Data), decoded
    return [frame for frame in made if isinstance(frame, Data)]


def stamps(made: list[Data]) -> list[tuple[int, int]]:
    return [(c, (frame.base_us or 0) + d) for frame in made for c, d in zip(frame.channels, frame.offsets_us, strict=True)]


def test_values_of_one_time_are_one_frame_with_channels_by_position() -> None:
    values = {"note": "hi", "temp": 21.5, "count": 7, "on": True, "mode": "eco", "place": (60.0, 24)}
    (frame,) = frames(Readings(CHANNELS), [(T, values)])
    assert list(frame.channels) == [4, 0, 1, 2, 3, 5]
    assert list(frame.values) == ["hi", 21.5, 7, True, "eco", [60.0, 24.0]]
    assert (frame.base_us, set(frame.offsets_us)) == (T, {0})


def test_a_draft_knows_how_many_readings_of_which_time_it_has() -> None:
    (draft,) = Readings(CHANNELS).drafts([(T + 5, {"temp": 1, "count": 1}), (T, {"temp": 2})])
    assert (draft.readings, draft.from_us, draft.to_us) == (3, T, T + 5)


def test_nothing_makes_no_frame() -> None:
    assert Readings(CHANNELS).drafts([]) == []
    assert Readings(CHANNELS).drafts([(T, {})]) == []


def test_equal_stamps_of_one_channel_are_told_apart_by_a_microsecond_over_calls() -> None:
    readings = Readings(CHANNELS)
    made = [frame for _ in range(3) for frame in frames(readings, [(T, {"temp": 1, "count": 1})])]
    assert stamps(made) == [(0, T), (1, T), (0, T + 1), (1, T + 1), (0, T + 2), (1, T + 2)]
    assert stamps(frames(readings, [(T + 1, {"temp": 1})])) == [(0, T + 3)]
    assert stamps(frames(readings, [(T + 10, {"temp": 1})])) == [(0, T + 10)]


@given(times=st.lists(st.integers(T, T + 30), min_size=1).map(sorted))
def test_stamps_that_never_go_back_never_meet(times: list[int]) -> None:
    made = stamps(frames(Readings(CHANNELS), [(time_us, {"temp": 1.0}) for time_us in times]))
    assert len(set(made)) == len(times)
    assert all(got >= asked for (_, got), asked in zip(made, times, strict=True))


@pytest.mark.parametrize("told", [{"frame_bytes": 1_024}, {"frame_bytes": 1_500, "readings": 8}, {"frame_bytes": 2_048, "readings": 1}, {}])
def test_a_hub_that_asks_for_small_frames_gets_no_larger_ones(told: dict[str, int]) -> None:
    readings = Readings(CHANNELS)
    readings.keep_within(told)
    full = {"note": "x" * 256, "temp": 1 / 3, "count": 2**62, "mode": "eco", "place": (1 / 3, 1 / 7)}
    made = frames(readings, [(T + at * 10**9, full) for at in range(200)])
    assert sum(len(frame.values) for frame in made) == 1_000
    assert max(len(encode(frame)) for frame in made) <= told.get("frame_bytes", MAX_MESSAGE_BYTES)
    assert max(len(frame.values) for frame in made) <= told.get("readings", MAX_ARRAY)


def test_what_is_too_much_for_one_frame_becomes_several_in_order() -> None:
    rows = [(T + at, {"temp": float(at)}) for at in range(10_000)]
    made = frames(Readings(CHANNELS), rows)
    assert [value for frame in made for value in frame.values] == [float(at) for at in range(10_000)]
    assert all(len(frame.values) <= MAX_ARRAY for frame in made)
    assert len(frames(Readings(CHANNELS), [(T + at, {"note": "x" * 256}) for at in range(1_000)])) > 4


def test_the_limits_of_a_hub_are_kept() -> None:
    readings = Readings(CHANNELS)
    readings.max_readings = 3
    assert [len(frame.values) for frame in frames(readings, [(T + at, {"temp": 1}) for at in range(8)])] == [3, 3, 2]


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        ({"temperature": 1.0}, ValueError, r"no channel is named 'temperature'.*temp, count"),
        ({"temp": "warm"}, TypeError, "give a number, not 'warm'"),
        ({"temp": True}, TypeError, "give a number, not True"),
        ({"temp": math.nan}, ValueError, "leave the channel out"),
        ({"temp": -math.inf}, ValueError, "leave the channel out"),
        ({"temp": 2**63}, ValueError, "does not fit 64 bits"),
        ({"on": 1}, TypeError, "give True or False, not 1"),
        ({"mode": "on"}, ValueError, "one of off, eco, not 'on'"),
        ({"note": 5}, TypeError, "give a str"),
        ({"note": "ä" * 129}, ValueError, "258 bytes.*over the limit of 256"),
        ({"place": (91.0, 0.0)}, ValueError, "latitude -90...90"),
        ({"place": 5}, TypeError, "latitude, longitude"),
    ],
)
def test_what_the_hub_would_reject_is_refused_and_says_why(values: dict[str, Any], error: type[Exception], message: str) -> None:
    readings = Readings(CHANNELS)
    with pytest.raises(error, match=message):
        readings.drafts([(T, {"count": 1}), (T, values)])
    assert stamps(frames(readings, [(T, {"count": 1})])) == [(1, T)]  # nothing was made, not even a stamp


@pytest.mark.parametrize(("time_us", "error", "message"), [(1.5, TypeError, "int"), (T * 1_000, ValueError, "not nanoseconds")])
def test_a_time_that_is_none_is_refused(time_us: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Readings(CHANNELS).drafts([(time_us, {"temp": 1})])


def test_numbers_of_other_libraries_are_numbers() -> None:
    values: dict[str, Value] = {"temp": Fraction(1, 2), "count": 3}  # type: ignore[dict-item]
    (frame,) = frames(Readings(CHANNELS), [(T, values)])
    assert list(frame.values) == [0.5, 3]
