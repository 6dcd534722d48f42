"""Tests of hub/bus/wire.py."""

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
