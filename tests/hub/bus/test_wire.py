"""Tests of hub/bus/wire.py."""

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.wire.messages import Channel, Kind
from hub.bus.wire import packed, unpacked
from hub.core.records import Row, RowKind
from hub.ports import Frames

ROWS = [Row(5, "pump", 2**62, 9, RowKind.DATA, 1_790_000_000_000_000, b"\xff\x00", None), Row(6, "é", 1, 1, RowKind.PACK, 0, b"", b"\x90")]
CHANNELS = {("pump", 2**62): (Channel("temp", "Cel"), Channel("on", "", Kind.STATE)), ("é", 1): ()}


@pytest.mark.parametrize(
    "frames", [Frames("a", 4, 8, 3, ROWS, 10, 1_790_000_000_000_000, CHANNELS), Frames("a", 8, 8, 8, []), Frames("", 0, 2**62, 0, ROWS)]
)
def test_frames_come_as_they_went(frames: Frames) -> None:
    assert unpacked(packed(frames)) == frames


@given(st.binary(max_size=200))
def test_what_is_no_frames_is_refused_in_one_way(raw: bytes) -> None:
    with pytest.raises(ValueError, match="no frames"):
        unpacked(raw)


ROW = [5, "pump", 7, 9, 1, 1_000, b"x", None]


@pytest.mark.parametrize(
    ("at", "value"),
    [(0, 7), (1, "4"), (1, None), (2, 4.5), (3, "x"), (4, None), (5, "x"), (6, 3), (6, [[]]), (7, [[{}, 1, []]])]
    + [(6, [[*ROW[:field], value, *ROW[field + 1 :]]]) for field, value in enumerate([True, b"", None, "9", "DATA", 1.5, "x", 0])]
    + [(6, [ROW, ROW]), (6, [[9, *ROW[1:]]]), (6, [[4, *ROW[1:]]]), (6, [ROW[:-1]])],
)
def test_what_is_of_another_shape_is_refused_before_anything_is_made_of_it(at: int, value: object) -> None:
    good = ["journal", 4, 8, 3, 10, None, [ROW], []]
    assert unpacked(msgpack.packb(good)).rows == [Row(*ROW)]  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no frames"):
        unpacked(msgpack.packb([*good[:at], value, *good[at + 1 :]]))
