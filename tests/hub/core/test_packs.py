"""Packs are judged and read as one would reading by reading."""

import math
import struct
from typing import Any

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.wire.codec import decode_from_device, decode_from_hub, encode
from devices.wire.limits import MAX_TIME_US
from devices.wire.messages import Channel, Kind, Pack, Reject, Unreadable
from hub.core.packs import Refused, offsets_of, ranks_of_equal, read_rejects, readings_of, refused_of, reject_of, rejects_of

NOW_US = 1_700_000_000_000_000
DAY_US = 86_400_000_000
CHANNELS = (Channel("vibration", "m/s2"), Channel("door", "", Kind.STATE), Channel("turns", "1", Kind.COUNTER))


def pack(
    values: list[float], *, offsets: list[int] | None = None, base_us: int | None = NOW_US, step_ns: int = 1_000, channel: int = 0
) -> Pack:
    packed = None if offsets is None else struct.pack(f"<{len(offsets)}i", *offsets)
    return Pack(7, 3, base_us, channel, step_ns if offsets is None else None, packed, "f8", struct.pack(f"<{len(values)}d", *values))


def slowly(frame: Pack, now_us: int) -> dict[int, str]:
    """Judge reading by reading."""
    codes: dict[int, str] = {}
    seen: dict[int, int] = {}
    for index in range(frame.count):
        if frame.base_us is None:
            codes[index] = "no_time"
        elif frame.channel >= len(CHANNELS):
            codes[index] = "unknown_channel"
        elif CHANNELS[frame.channel].kind not in (Kind.GAUGE, Kind.COUNTER):
            codes[index] = "wrong_type"
        else:
            code = _code_of_one(frame, frame.base_us, index, now_us, seen)
            if code is not None:
                codes[index] = code
    return codes


def _time_us(frame: Pack, base_us: int, index: int) -> int:
    if frame.step_ns is not None:
        return base_us + index * frame.step_ns // 1_000
    (offset_us,) = struct.unpack_from("<i", frame.offsets_us or b"", 4 * index)
    return base_us + int(offset_us)


def _code_of_one(frame: Pack, base_us: int, index: int, now_us: int, seen: dict[int, int]) -> str | None:
    (value,) = struct.unpack_from("<d", frame.values, 8 * index)
    time_us = _time_us(frame, base_us, index)
    if time_us < -MAX_TIME_US:
        return "no_time"
    if time_us > now_us + DAY_US:
        return "future"
    if not math.isfinite(value):
        return "not_finite"
    seen[time_us] = seen.get(time_us, 0) + 1
    return "same_time" if seen[time_us] > 1_000 else None


def said(refused: list[Refused], count: int) -> dict[int, str]:
    found: dict[int, str] = {}
    for code, at in refused:
        for index in range(count) if at is None else at.tolist():
            assert index not in found
            found[index] = code
    return found


VALUES = st.lists(st.sampled_from([1.5, -2.0, 0.0, math.nan, math.inf, -math.inf]), min_size=1, max_size=12)
BASES = st.one_of(
    st.none(), st.sampled_from([NOW_US, NOW_US + DAY_US - 3, NOW_US + DAY_US + 1, -MAX_TIME_US, -MAX_TIME_US + 2, MAX_TIME_US])
)


@given(VALUES, BASES, st.integers(0, 4), st.data())
def test_judging_columns_is_judging_each_reading(values: list[float], base_us: int | None, channel: int, data: st.DataObject) -> None:
    exact = len(values)
    offsets = data.draw(st.none() | st.lists(st.integers(-4, 4), min_size=exact, max_size=exact))
    frame = pack(values, offsets=offsets, base_us=base_us, step_ns=data.draw(st.sampled_from([1, 999, 1_500, 10**14])), channel=channel)
    refused = refused_of(frame, CHANNELS, NOW_US)
    assert said(refused, frame.count) == slowly(frame, NOW_US)
    kept = rejects_of(refused)
    assert (kept is None) == (not refused)
    if kept is not None:
        assert said(read_rejects(kept), frame.count) == slowly(frame, NOW_US)


def test_a_thousand_and_first_reading_of_one_microsecond_is_refused() -> None:
    frame = pack([1.0] * 1_003, offsets=[5] * 500 + [6] + [5] * 502)
    assert said(refused_of(frame, CHANNELS, NOW_US), 1_003) == {1_001: "same_time", 1_002: "same_time"} == slowly(frame, NOW_US)


def test_a_step_of_a_nanosecond_gives_each_reading_a_point_of_its_own() -> None:
    frame = pack([1.0] * 4_000, step_ns=1)
    assert refused_of(frame, CHANNELS, NOW_US) == []
    found = readings_of(msgpack.unpackb(encode(frame)), None, 123_456)
    assert found is not None
    assert len(set(found.t_ns.tolist())) == 4_000
    assert set((found.t_ns // 1_000).tolist()) == {NOW_US, NOW_US + 1, NOW_US + 2, NOW_US + 3}


def test_the_device_is_told_of_single_readings_by_index_in_order() -> None:
    frame = pack([math.nan, 1.0, math.inf, 1.0], offsets=[0, 2**31 - 1, 0, 0], base_us=NOW_US + DAY_US - 5)
    reject = reject_of(frame, refused_of(frame, CHANNELS, NOW_US))
    assert reject == Reject(7, 3, "readings", "3 of 4 readings: future, not_finite", ((0, "not_finite"), (1, "future"), (2, "not_finite")))


def test_the_device_is_told_in_one_word_where_all_is_refused() -> None:
    frame = pack([1.0, 2.0], channel=1)
    assert reject_of(frame, refused_of(frame, CHANNELS, NOW_US)) == Reject(7, 3, "wrong_type", "every one of 2 readings: wrong_type")


def test_a_reject_of_any_pack_is_a_message_that_its_device_can_read() -> None:
    frame = pack([math.nan, 1.0] * 4_000)
    reject = reject_of(frame, refused_of(frame, CHANNELS, NOW_US))
    assert reject.reason == "4000 of 8000 readings: not_finite"
    told = decode_from_hub(encode(reject))
    assert isinstance(told, Reject)
    assert reject.readings is not None
    assert told.readings == reject.readings[:2_048]


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=30))
def test_ranks_count_equal_times_before(times: list[int]) -> None:
    assert ranks_of_equal(np.array(times)).tolist() == [times[:at].count(time) for at, time in enumerate(times)]


@pytest.mark.parametrize(
    "change",
    [{"f": "f2"}, {"v": b"abc"}, {"v": None}, {"step_ns": None}, {"step_ns": None, "d": bytes(12)}, {"t": None}, {"v": bytes(8 * 16_385)}],
    ids=str,
)
def test_a_body_that_no_intake_lets_in_is_an_error_that_a_reader_expects(change: dict[str, Any]) -> None:
    body = msgpack.unpackb(encode(pack([1.0, 2.0]))) | change
    with pytest.raises((ValueError, KeyError, TypeError)):
        readings_of(body, None, 0)


ODD = st.one_of(
    st.none(), st.integers(-2, 2), st.integers(-(2**63), 2**64 - 1), st.binary(max_size=40), st.just(float("nan")), st.text(max_size=2)
)
FLOATS = st.lists(st.sampled_from([1.5, -2.0, math.nan, math.inf]), min_size=2, max_size=2).map(lambda values: struct.pack("<2d", *values))
TIMES = st.fixed_dictionaries({"step_ns": st.integers(1, 10**14)}) | st.fixed_dictionaries({"d": st.binary(min_size=8, max_size=8)})
GOOD = st.builds(
    lambda time_us, channel, times, values: {"t": time_us, "c": channel, **times, "f": "f8", "v": values},
    st.none() | st.integers(-MAX_TIME_US, MAX_TIME_US) | st.just(NOW_US),
    st.integers(0, 3),
    TIMES,
    FLOATS,
)
BODIES = st.builds(
    lambda good, odd: good | odd,
    GOOD,
    st.just({}) | st.dictionaries(st.sampled_from(["t", "c", "step_ns", "d", "f", "v"]), ODD, max_size=2),
)


@given(BODIES)
def test_what_intake_lets_in_can_always_be_read_and_what_is_refused_is_not_stored(body: dict[str, Any]) -> None:
    frame = decode_from_device(msgpack.packb({"e": 7, "s": 3, "op": "pack", **body}))
    if isinstance(frame, Unreadable):
        assert (frame.epoch, frame.seq, frame.code) == (7, 3, "bad_frame")
        return
    assert isinstance(frame, Pack)
    refused = refused_of(frame, CHANNELS, NOW_US)
    found = readings_of(body, rejects_of(refused), 5)
    assert (0 if found is None else len(found.num)) == frame.count - len(said(refused, frame.count))
    if found is not None:
        assert np.isfinite(found.num).all()
        assert (found.t_ns // 1_000 <= NOW_US + DAY_US).all()
        assert (found.t_ns // 1_000 >= -MAX_TIME_US).all()


def test_remembered_steps_cannot_be_written_to() -> None:
    with pytest.raises(ValueError, match="read-only"):
        offsets_of(1_000, None, 5)[0] = 1


def test_readings_from_before_raw_retention_are_too_old() -> None:
    frame = pack([1.0, math.nan, 3.0, 4.0], offsets=[-2, -1, 0, 1])
    assert said(refused_of(frame, CHANNELS, NOW_US, NOW_US), 4) == {0: "too_old", 1: "too_old"}
    assert said(refused_of(frame, CHANNELS, NOW_US, NOW_US + 2), 4) == dict.fromkeys(range(4), "too_old")
