"""Tests of hub/core/readings.py."""

import math

import msgpack

from devices.wire.messages import Channel, Kind
from hub.core.readings import bucket_of, data_of, points_in, readable_columns, those_from
from hub.core.records import Row, RowKind, Series
from hub.core.selector import Selector

CHANNELS = (Channel("temp", "Cel"), Channel("mode", kind=Kind.TEXT))
TEMP, MODE = Series("pump", "temp", "Cel", Kind.GAUGE), Series("pump", "mode", "", Kind.TEXT)


def channels_of(device: str, epoch: int) -> tuple[Channel, ...]:
    return CHANNELS


def row(position: int, body: bytes, kind: int = RowKind.DATA, device: str = "pump") -> Row:
    return Row(position, device, 1, position, kind, 0, body, None)


def frame(t_us: int) -> bytes:
    body: bytes = msgpack.packb({"e": 1, "s": 1, "op": "data", "t": t_us, "c": [0, 1], "d": [0, 1], "v": [1.5, "on"]})
    return body


def test_points_are_keyed_by_their_point_key() -> None:
    points = points_in(readable_columns([row(1, frame(7))], channels_of))
    assert [(t_ns // 1_000, value) for t_ns, value in points[TEMP].items()] == [(7, 1.5)]
    assert list(points[MODE].values()) == ["on"]


def test_a_row_that_cannot_be_read_is_left_out_alone() -> None:
    rows = [row(1, frame(7)), row(2, b"\xc1"), row(3, msgpack.packb({"t": 1})), row(4, frame(9))]
    assert len(points_in(readable_columns(rows, channels_of))[TEMP]) == 2


def test_only_data_of_wanted_devices_is_taken() -> None:
    rows = [row(1, b""), row(2, b"", RowKind.LOG), row(3, b"", device="fan")]
    assert data_of(rows, Selector(frozenset({"pump"}), None)) == rows[:1]


def test_readings_from_a_time_on_keep_their_values() -> None:
    columns = readable_columns([row(1, frame(7)), row(2, frame(90))], channels_of)
    kept = points_in(those_from(columns, 50))
    assert list(kept[TEMP].values()) == [1.5]
    assert list(kept[MODE].values()) == ["on"]
    assert len(those_from(columns, 2**62)) == 0
    assert those_from(columns, -(2**62)) is columns


def test_the_bucket_of_one_reading() -> None:
    assert (bucket_of(True, 5).sum, bucket_of([48.0, 9.0], 5).min) == (1.0, 48.0)
    assert math.isnan(bucket_of("on", 5).max)
