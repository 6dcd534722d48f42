"""Readings as frames: the same ones each time, within the limits of a frame, on the points that were wanted."""

import zlib
from struct import pack

import msgpack
import pytest

from devices.wire.messages import Kind
from hub.core.epochs import IMPORTED_FROM
from hub.core.errors import Refusal
from hub.core.exchange.framing import Framer, epoch_of
from hub.core.exchange.table import Block, Found
from hub.core.exchange.times import NO_N
from hub.core.records import Series

TEMP = Found(Series("pump", "temp", "Cel", Kind.GAUGE), 2)


def test_an_epoch_stands_for_content_and_device() -> None:
    assert IMPORTED_FROM <= epoch_of(b"a", "pump") < 2**63
    assert epoch_of(b"a", "pump") == epoch_of(b"a", "pump")
    assert len({epoch_of(b"a", "pump"), epoch_of(b"b", "pump"), epoch_of(b"a", "valve")}) == 3


def test_a_frame_has_the_number_that_puts_its_readings_on_their_points() -> None:
    framer = Framer(b"a", [TEMP])
    list(framer.add(Block([0, 0, 0], [5, 5, 6], [17, 900, 17], [1.0, 2.0, 3.0], [2, 3, 4])))
    frames = list(framer.rest())
    found: dict[tuple[int, int], float] = {}
    for frame in frames:
        body = msgpack.unpackb(frame.body)
        n = zlib.crc32(pack(">QQ", body["e"], frame.seq)) % 1_000
        found |= {(body["t"] + offset, n): value for offset, value in zip(body["d"], body["v"], strict=True)}
    assert found == {(5, 17): 1.0, (5, 900): 2.0, (6, 17): 3.0}
    assert [frame.seq for frame in frames] == sorted(frame.seq for frame in frames)


def test_texts_make_frames_smaller() -> None:
    framer = Framer(b"a", [TEMP])
    count = 1_000
    list(framer.add(Block([0] * count, list(range(count)), [NO_N] * count, ["ü" * 128] * count, list(range(count)))))
    frames = list(framer.rest())
    assert max(len(frame.body) for frame in frames) <= 60_000
    assert [frame.seq for frame in frames] == list(range(1, len(frames) + 1))
    assert sum(frame.readings for frame in frames) == count


def test_more_equal_times_than_a_microsecond_has_places_are_refused_by_row() -> None:
    framer = Framer(b"a", [TEMP])
    list(framer.add(Block([0] * 1_001, [5] * 1_001, [NO_N] * 1_001, [1.0] * 1_001, list(range(2, 1_003)))))
    with pytest.raises(Refusal, match="row 1,002: more than 1,000 readings"):
        list(framer.rest())


def test_more_channels_than_a_device_may_have_are_refused() -> None:
    series = [Found(Series("pump", f"c{at}", "", Kind.GAUGE), at + 2) for at in range(1_025)]
    framer = Framer(b"a", series)
    with pytest.raises(Refusal, match="row 1,026: device pump has more than 1,024 channels"):
        list(framer.add(Block([], [], [], [], [])))
