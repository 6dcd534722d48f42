"""Values of a channel become packs that the hub can take, each value at its time, however they are cut."""

import struct
from array import array
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.packs import Packs
from devices.readings import HEAD_BYTES, Readings
from devices.spool import Draft
from devices.wire.codec import decode_from_device, encode
from devices.wire.limits import MAX_MESSAGE_BYTES, MAX_TIME_US
from devices.wire.messages import Channel, Kind, Pack

T = 1_700_000_000_000_000
CHANNELS = (Channel("door", kind=Kind.STATE), Channel("vibration", "m/s2"), Channel("turns", kind=Kind.COUNTER))


def packs_of(max_bytes: int | None = None) -> Packs:
    readings = Readings(CHANNELS)
    if max_bytes is not None:
        readings.keep_within({"frame_bytes": max_bytes + HEAD_BYTES})
    return Packs(readings)


def drafts(
    packs: Packs,
    values: Any,
    *,
    step: Any = None,
    offsets: Any = None,
    start: Any = T,
    now: int = T,
    name: str = "vibration",
    format: Any = None,
) -> list[Draft]:
    return packs.drafts(name, values, step, offsets, start, now, format)


def sent(made: list[Draft]) -> list[Pack]:
    """Take drafts over the wire."""
    found = []
    for draft in made:
        body = encode(draft.build(2**62, 2**52))
        assert len(body) <= MAX_MESSAGE_BYTES
        frame = decode_from_device(body)
        assert isinstance(frame, Pack), frame
        assert draft.readings == frame.count
        found.append(frame)
        times = [time_us for time_us, _ in readings([frame])]
        assert (draft.from_us, draft.to_us) == (min(times), max(times))
    return found


def readings(frames: list[Pack]) -> list[tuple[int, float]]:
    found: list[tuple[int, float]] = []
    for frame in frames:
        values = struct.unpack(f"<{frame.count}{'f' if frame.format == 'f4' else 'd'}", frame.values)
        assert frame.base_us is not None
        if frame.step_ns is not None:
            times = [frame.base_us + at * frame.step_ns // 1_000 for at in range(frame.count)]
        else:
            times = [frame.base_us + offset for offset in struct.unpack(f"<{frame.count}i", frame.offsets_us or b"")]
        found += zip(times, values, strict=True)
    return found


@given(st.integers(1, 10**7) | st.sampled_from([1, 1_000, 31_250, 22_676, 10**14]), st.integers(1, 40_000))
def test_regular_values_keep_their_times_however_they_are_cut(step_ns: int, count: int) -> None:
    frames = sent(drafts(packs_of(), array("f", range(count)), step=step_ns))
    assert len(frames) <= -(-count // 14_000)
    found = readings(frames)
    assert found[:: max(1, count // 7)] == [(T + at * step_ns // 1_000, float(at)) for at in range(count)][:: max(1, count // 7)]
    assert len(found) == count


@given(st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=50), st.sampled_from(["f4", "f8"]))
def test_values_with_their_own_times_keep_them_however_they_are_cut(offsets: list[int], format: str) -> None:
    frames = sent(drafts(packs_of(1_100), range(len(offsets) * 9), offsets=offsets * 9, format=format))
    assert len(frames) > 1 or len(offsets) < 16
    assert readings(frames) == [(T + offset, float(at)) for at, offset in enumerate(offsets * 9)]


def test_a_hub_that_wants_small_frames_gets_them() -> None:
    frames = sent(drafts(packs_of(2_000), range(1_000), step=1_000))
    assert [frame.count for frame in frames] == [250] * 4
    assert readings(frames)[-1] == (T + 999, 999.0)


def test_without_a_start_the_last_value_is_of_now() -> None:
    (frame,) = sent(drafts(packs_of(), range(1_000), step=1_000_000, start=None))
    assert readings([frame])[-1] == (T, 999.0)
    (frame,) = sent(drafts(packs_of(), range(3), offsets=[5, 9, 7], start=None))
    assert readings([frame]) == [(T - 4, 0.0), (T, 1.0), (T - 2, 2.0)]


def test_packs_without_a_start_never_overlap_and_never_reach_far_ahead() -> None:
    packs, now, found = packs_of(), T, []
    for late_us in (0, 300, -900, 0, 5_000, -4_000, 0, 0):
        now += 10_000 + late_us
        frames = sent(drafts(packs, range(10), step=1_000_000, start=None, now=now))
        found += readings(frames)
        assert found[-1][0] <= now + 10_000
    times = [time_us for time_us, _ in found]
    assert times == sorted(set(times))


def test_no_values_make_no_frame() -> None:
    assert drafts(packs_of(), [], step=1_000) == []
    assert drafts(packs_of(), [], offsets=[], start=None) == []


@pytest.mark.parametrize(
    ("change", "kind", "part"),
    [
        ({"name": "vibrations"}, ValueError, "no channel is named 'vibrations'"),
        ({"name": "door"}, TypeError, "channel 'door' is a state; a pack takes a gauge or a counter: use send"),
        ({"step": None}, ValueError, "give step_ns, the time between two values, or offsets_us"),
        ({"offsets": [0, 1]}, ValueError, "not both"),
        ({"step": 0}, ValueError, "step_ns must be an int of nanoseconds from 1 to 100,000,000,000,000, not 0"),
        ({"step": 1e6}, ValueError, "not 1000000.0"),
        ({"start": T / 1}, TypeError, "time_us must be an int"),
        ({"start": MAX_TIME_US}, ValueError, "give microseconds since 1970, not nanoseconds"),
        ({"values": [1.0, float("nan")]}, ValueError, "value 1 of 2 for channel 'vibration' is nan"),
    ],
    ids=str,
)
def test_what_cannot_be_sent_is_told_with_what_to_do(change: dict[str, Any], kind: type[Exception], part: str) -> None:
    arguments: dict[str, Any] = {"values": [1.0, 2.0], "step": 1_000} | change
    with pytest.raises(kind) as caught:
        drafts(packs_of(), **arguments)
    assert part in str(caught.value)
