"""Tests of hub/core/readings.py."""

import math
import struct

import msgpack
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from devices.wire.messages import Channel, Kind
from hub.core.buckets import values_at
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


FAN = Series("fan", "temp", "Cel", Kind.GAUGE)


@given(
    st.lists(
        st.tuples(st.sampled_from(["pump", "fan"]), st.integers(-2, 2), st.lists(st.integers(0, 3), min_size=1, max_size=4)), max_size=6
    )
)
def test_points_are_what_one_gets_reading_by_reading(frames: list[tuple[str, int, list[int]]]) -> None:
    rows = []
    for position, (device, t_us, offsets) in enumerate(frames, 1):
        count = len(offsets)
        body = {
            "t": t_us,
            "c": [at % 2 for at in range(count)],
            "d": offsets,
            "v": [f"{position}" if at % 2 else position + 0.5 for at in range(count)],
        }
        rows.append(row(position, msgpack.packb(body), device=device))
    columns = readable_columns(rows, channels_of)
    expected: dict[Series, dict[int, object]] = {}
    for at, value in enumerate(values_at(columns, np.arange(len(columns)))):
        expected.setdefault(columns.series[columns.index[at]], {})[int(columns.t_ns[at])] = value
    assert points_in(columns) == expected
    assert points_in(columns, {FAN, MODE}) == {series: points for series, points in expected.items() if series in {FAN, MODE}}
    assert points_in(columns, ()) == {}


def test_packs_are_points_and_rows_with_readings() -> None:
    body = msgpack.packb({"t": 7, "c": 0, "step_ns": 1_000, "f": "f4", "v": struct.pack("<2f", 1.5, -2.0)})
    rows = [row(1, body, RowKind.PACK), row(2, body, RowKind.LOG)]
    assert data_of(rows, Selector(frozenset({"pump"}), None)) == rows[:1]
    points = points_in(readable_columns(rows[:1], channels_of))
    assert [(t_ns // 1_000, value) for t_ns, value in points[TEMP].items()] == [(7, 1.5), (8, -2.0)]
