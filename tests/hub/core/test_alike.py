"""Frames decoded together are what msgpack says of each, whatever their bytes are; and columns are the same with and without it."""

import random
from collections.abc import Sequence
from typing import Any

import msgpack
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from devices.wire.messages import Channel, Kind
from hub.core.alike import Alike, alike
from hub.core.columns import columns_of
from hub.core.records import Row, RowKind

INT64 = st.integers(-(2**63), 2**63 - 1)
SIZES = [(0, 127), (-32, -1), (128, 255), (256, 2**16 - 1), (2**16, 2**32 - 1), (2**32, 2**63 - 1)]
SIZES += [(-128, -33), (-(2**15), -129), (-(2**31), -(2**15) - 1), (-(2**63), -(2**31) - 1)]
KINDS = [*(st.integers(low, high) for low, high in SIZES), st.floats(allow_nan=False, allow_infinity=False), st.booleans()]
OFFSETS = [st.integers(low, high) for low, high in ((0, 127), (-32, -1), (128, 255), (256, 60_000), (-100, -33), (70_000, 10**6))]
SHAPES = st.lists(st.tuples(st.integers(0, 300), st.sampled_from(OFFSETS), st.sampled_from(KINDS)), min_size=1, max_size=20)


def body(epoch: int, seq: int, base_us: int, readings: Sequence[tuple[int, int, Any]]) -> bytes:
    c, d, v = ([each[at] for each in readings] for at in range(3))
    return bytes(msgpack.packb({"e": epoch, "s": seq, "op": "data", "t": base_us, "c": c, "d": d, "v": v}))


@st.composite
def bodies(draw: st.DrawFn) -> list[bytes]:
    """Frames of a few shapes in any order."""
    found = []
    for shape in draw(st.lists(SHAPES, min_size=1, max_size=3)):
        for seq in range(draw(st.integers(1, 24))):
            readings = [(channel, draw(offset), draw(value)) for channel, offset, value in shape]
            found.append(body(draw(st.integers(2**60, 2**62)), seq, draw(st.integers(2**50, 2**51)), readings))
    random.Random(draw(st.integers(0, 9))).shuffle(found)
    return found


def check(given_bodies: list[bytes], groups: list[Alike], others: list[int]) -> None:
    """Check that each frame is in one place, and is there as msgpack says it."""
    frames = [int(at) for group in groups for at in group.frames]
    assert sorted([*frames, *others]) == list(range(len(given_bodies)))
    for group in groups:
        for n, at in enumerate(group.frames):
            said = msgpack.unpackb(given_bodies[at])
            assert (group.base_us[n], group.channels, group.offsets_us[n].tolist()) == (said["t"], said["c"], said["d"])
            assert np.array_equal(group.values[n], np.array(said["v"], np.float64), equal_nan=True)
            assert group.is_exact.tolist() == [isinstance(value, int) for value in said["v"]]
            for k, value in enumerate(said["v"]):
                assert not isinstance(value, int) or (group.exact is not None and group.exact[n, k] == value)


@settings(max_examples=15)
@given(bodies())
def test_frames_decoded_together_are_what_msgpack_says(given_bodies: list[bytes]) -> None:
    check(given_bodies, *alike(given_bodies))


@settings(max_examples=20)
@given(bodies(), st.lists(st.tuples(st.integers(0, 99), st.integers(0, 999), st.integers(0, 255)), max_size=20))
def test_strange_bytes_are_never_taken_for_what_they_are_not(given_bodies: list[bytes], changes: list[tuple[int, int, int]]) -> None:
    for which, at, byte in changes:
        changed = bytearray(given_bodies[which % len(given_bodies)])
        changed[at % len(changed)] = byte
        given_bodies[which % len(given_bodies)] = bytes(changed)
    check(given_bodies, *alike(given_bodies))


def plain(count: int, **more: Any) -> list[bytes]:
    message = {"e": 2**60, "op": "data", "t": 2**50, "c": [0, 1], "d": [0, 5], "v": [1.5, 7]}
    return [bytes(msgpack.packb(message | more | {"s": seq})) for seq in range(count)]


def test_many_frames_of_one_device_are_alike() -> None:
    (group,), others = alike(plain(100))
    assert (len(group.frames), others) == (100, [])
    assert group.values.tolist() == [[1.5, 7.0]] * 100
    assert group.exact is not None
    assert group.exact.tolist() == [[0, 7]] * 100


def test_states_that_change_do_not_part_frames() -> None:
    mixed = [plain(seq + 1, v=[bool(seq % 2), not seq % 3])[-1] for seq in range(60)]
    (group,), others = alike(mixed)
    assert others == []
    check(mixed, [group], others)


@pytest.mark.parametrize(
    "more",
    [
        {"t": None},
        {"v": ["text", 1]},
        {"v": [[1.0, 2.0], 1]},
        {"v": [2**63, 1]},
        {"c": [1, 1]},
        {"c": [0]},
        {"c": [], "d": [], "v": []},
        {"new": 1},
        {"c": [True, 1]},
        {"d": [0.0, 1]},
        {"op": "log"},
    ],
)
def test_what_holds_more_than_numbers_is_left_to_msgpack(more: dict[str, Any]) -> None:
    assert alike(plain(40, **more)) == ([], list(range(40)))


def test_few_frames_and_empty_ones_are_left_to_msgpack() -> None:
    assert alike(plain(5)) == ([], list(range(5)))
    assert alike([b""] * 30) == ([], list(range(30)))
    assert alike([]) == ([], [])


@settings(max_examples=15)
@given(bodies(), st.data())
@example([b"".join([body(2**60, 1, 2**50, [(0, 0, 1.0)])])] * 20, None)
def test_columns_are_the_same_with_and_without(given_bodies: list[bytes], data: st.DataObject | None) -> None:
    rows = []
    for position, each in enumerate(given_bodies):
        said = msgpack.unpackb(each)
        is_rejected = data is not None and data.draw(st.integers(0, 9)) == 0
        rejects = bytes(msgpack.packb([[0, "future"]])) if is_rejected else None
        rows.append(Row(position, f"pump{position % 3}", said["e"], said["s"], RowKind.DATA, 0, each, rejects))
    channels = tuple(Channel(f"c{at}", "", Kind.GAUGE) for at in range(301))
    found = columns_of(rows, lambda device, epoch: channels)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hub.core.alike._MIN_FRAMES", 10**9)
        expected = columns_of(rows, lambda device, epoch: channels)
    assert [found.series[at] for at in found.index] == [expected.series[at] for at in expected.index]
    assert found.t_ns.tolist() == expected.t_ns.tolist()
    assert found.num.tolist() == expected.num.tolist()
    assert (found.exact is None) == (expected.exact is None)
    assert found.exact is None or found.exact.tolist() == expected.exact.tolist()  # type: ignore[union-attr]


def test_frames_of_which_nothing_is_left_bring_no_column_of_integers() -> None:
    bodies_of_floats = [body(2**60, seq, 2**50, [(0, 0, 1.0)]) for seq in range(1, 20)]
    rows = [Row(seq, "pump", 2**60, seq, RowKind.DATA, 0, each, None) for seq, each in enumerate(bodies_of_floats, 1)]
    rejected = Row(20, "pump", 2**60, 20, RowKind.DATA, 0, bodies_of_floats[0], bytes(msgpack.packb([[0, "future"]])))
    assert columns_of([*rows, rejected], lambda device, epoch: (Channel("c0", "", Kind.GAUGE),)).exact is None
