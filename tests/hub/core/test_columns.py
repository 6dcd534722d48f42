"""Columns of a batch are what one gets reading by reading, with the same point keys."""

import struct
import zlib
from typing import Any

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.wire.messages import Channel, Kind
from hub.core.columns import columns_of
from hub.core.packs import Refused, read_rejects, rejects_of
from hub.core.records import WITH_READINGS, Columns, Row, RowKind, Series

CHANNELS = (
    Channel("temp", "Cel"),
    Channel("count", "1", Kind.COUNTER),
    Channel("door", "", Kind.STATE),
    Channel("mode", "", Kind.STATE, values=("on", "off")),
    Channel("note", "", Kind.TEXT),
    Channel("place", "", Kind.POSITION),
)
NUMBER = st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(-(2**63), 2**63 - 1))
VALUES = [
    NUMBER,
    NUMBER,
    st.booleans(),
    st.sampled_from(["on", "off"]),
    st.text(max_size=5),
    st.lists(st.floats(-90, 90), min_size=2, max_size=2),
]
READING = st.integers(0, 5).flatmap(lambda channel: st.tuples(st.just(channel), st.integers(-5, 5), VALUES[channel]))


def row(
    device: str, epoch: int, seq: int, readings: list[tuple[int, int, Any]], base_us: int = 10**9, rejected: tuple[int, ...] = ()
) -> Row:
    c, d, v = ([each[at] for each in readings] for at in range(3))
    body = msgpack.packb({"e": epoch, "s": seq, "op": "data", "t": base_us, "c": c, "d": d, "v": v})
    rejects = msgpack.packb([[index, "not_finite"] for index in rejected]) if rejected else None
    return Row(seq, device, epoch, seq, RowKind.DATA, 0, body, rejects)


def pack_row(
    device: str, epoch: int, seq: int, channel: int, values: list[float], times: int | list[int], rejected: tuple[int, ...] = ()
) -> Row:
    """`times` is a step in ns or a list of offsets in µs."""
    body: dict[str, Any] = {"e": epoch, "s": seq, "op": "pack", "t": 10**9, "c": channel}
    body |= {"step_ns": times} if isinstance(times, int) else {"d": struct.pack(f"<{len(times)}i", *times)}
    body |= {"f": "f4", "v": struct.pack(f"<{len(values)}f", *values)}
    refused = [Refused("not_finite", None if len(rejected) == len(values) else np.array(rejected))] if rejected else []
    return Row(seq, device, epoch, seq, RowKind.PACK, 0, msgpack.packb(body), rejects_of(refused))


def unpacked(row: Row) -> Row:
    """Say as a data frame what a pack says."""
    body = msgpack.unpackb(row.body)
    values = list(struct.unpack(f"<{len(body['v']) // 4}f", body["v"]))
    times = (
        [at * body["step_ns"] // 1_000 for at in range(len(values))] if "d" not in body else [*struct.unpack(f"<{len(values)}i", body["d"])]
    )
    data = body | {"op": "data", "c": [body["c"]] * len(values), "d": times, "v": values}
    rejects = [
        [at, code]
        for code, found in read_rejects(row.rejects or b"\x90")
        for at in (range(len(values)) if found is None else found.tolist())
    ]
    return row._replace(kind=RowKind.DATA, body=msgpack.packb(data), rejects=msgpack.packb(rejects))


def one_by_one(rows: list[Row]) -> list[tuple[Series, int, Any]]:
    """Say the same without columns."""
    found = []
    for each in rows:
        body = msgpack.unpackb(each.body)
        rejected = {index for index, _ in msgpack.unpackb(each.rejects)} if each.rejects else set()
        spread, seen = zlib.crc32(struct.pack(">QQ", each.epoch, each.seq)), dict[tuple[int, int], int]()
        for index, (c, d, v) in enumerate(zip(body["c"], body["d"], body["v"], strict=True)):
            if index in rejected:
                continue
            k = seen[c, d] = seen.get((c, d), -1) + 1
            series = Series(each.device, CHANNELS[c].name, CHANNELS[c].unit, CHANNELS[c].kind)
            found.append((series, (body["t"] + d) * 1000 + (spread + k) % 1000, v))
    return found


def said(columns: Columns) -> list[tuple[Series, int, Any]]:
    """Say what columns hold as readings."""
    found = []
    for at in range(len(columns)):
        series = columns.series[columns.index[at]]
        value: Any = float(columns.num[at])
        if columns.exact is not None and not np.ma.getmaskarray(columns.exact)[at]:
            value = int(np.ma.getdata(columns.exact)[at])
        if columns.text is not None and columns.text[at] is not None:
            value = columns.text[at]
        elif series.kind is Kind.STATE:
            value = bool(value)
        elif series.kind is Kind.POSITION:
            assert columns.lon is not None
            value = [float(columns.num[at]), float(columns.lon[at])]
        found.append((series, int(columns.t_ns[at]), value))
    return found


@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.integers(1, 3), st.integers(1, 2**53 - 1), st.lists(READING, min_size=1, max_size=8)),
        max_size=6,
    ),
    st.sets(st.integers(0, 7)),
)
def test_columns_are_what_one_gets_reading_by_reading(frames: list[Any], rejected: set[int]) -> None:
    rows = [row(device, epoch, seq, r, rejected=tuple(at for at in rejected if at < len(r))) for device, epoch, seq, r in frames]
    assert said(columns_of(rows, lambda device, epoch: CHANNELS)) == one_by_one(rows)


FLOAT32 = st.floats(allow_nan=False, allow_infinity=False, width=32)


@given(
    st.lists(
        st.tuples(
            st.sampled_from("ab"),
            st.integers(1, 3),
            st.integers(1, 2**53 - 1),
            st.integers(0, 1),
            st.lists(FLOAT32, min_size=1, max_size=8),
            st.sampled_from([1, 400, 1_000, 2_500_001]) | st.lists(st.integers(-3, 3), min_size=8, max_size=8),
            st.sets(st.integers(0, 7)),
        ),
        max_size=5,
    ),
    st.lists(
        st.tuples(st.sampled_from("ab"), st.integers(1, 3), st.integers(1, 99), st.lists(READING, min_size=1, max_size=4)), max_size=3
    ),
)
def test_packs_give_the_columns_of_data_frames_with_the_same_readings(packs: list[Any], frames: list[Any]) -> None:
    rows = [row(*frame) for frame in frames]
    packed = [
        pack_row(
            device,
            epoch,
            seq,
            channel,
            values,
            times if isinstance(times, int) else times[: len(values)],
            tuple(at for at in rejected if at < len(values)),
        )
        for device, epoch, seq, channel, values, times, rejected in packs
    ]
    found = said(columns_of([*packed, *rows], lambda device, epoch: CHANNELS))
    assert found == one_by_one([*rows, *map(unpacked, packed)])


def test_a_pack_of_a_channel_that_its_epoch_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="does not have"):
        columns_of([pack_row("a", 1, 1, 1, [1.0], 1_000)], lambda device, epoch: (CHANNELS[0],))


def test_equal_stamps_of_one_series_land_on_different_points() -> None:
    columns = columns_of([row("a", 1, 1, [(0, 0, 1.0), (1, 0, 5), (0, 0, 2.0), (0, 0, 3.0)])], lambda device, epoch: CHANNELS)
    temp = columns.t_ns[columns.index == columns.series.index(Series("a", "temp", "Cel", Kind.GAUGE))]
    assert len(set(temp.tolist())) == 3


def test_rows_that_hold_no_readings_are_left_out() -> None:
    others = [Row(1, "a", 1, 1, kind, 0, b"\xc1", None) for kind in RowKind if kind not in WITH_READINGS]
    undated = Row(2, "a", 1, 2, RowKind.DATA, 0, msgpack.packb({"t": None, "c": [0], "d": [0], "v": [1.0]}), b"\x91\x92\x00\xa1x")
    assert len(columns_of([*others, undated], lambda device, epoch: CHANNELS)) == 0


def test_series_of_rejected_readings_do_not_occur() -> None:
    columns = columns_of([row("a", 1, 1, [(0, 0, 1.0), (1, 0, 5)], rejected=(0,))], lambda device, epoch: CHANNELS)
    assert columns.series == [Series("a", "count", "1", Kind.COUNTER)]
    assert columns.index.tolist() == [0]


def test_two_epochs_of_a_device_share_a_series_but_not_a_changed_unit() -> None:
    lists = {1: (Channel("temp", "Cel"), Channel("level", "m")), 2: (Channel("level", "m"), Channel("temp", "K"))}
    rows = [row("a", epoch, 1, [(0, 0, 1.0), (1, 0, 2.0)]) for epoch in (1, 2)]
    columns = columns_of(rows, lambda device, epoch: lists[epoch])
    assert [columns.series[number][1:3] for number in columns.index] == [("temp", "Cel"), ("level", "m"), ("level", "m"), ("temp", "K")]
    assert len(columns.series) == 3


@pytest.mark.parametrize("channel", [1, -1])
def test_a_channel_that_its_epoch_does_not_have_never_lands_on_another_device(channel: int) -> None:
    rows = [row("a", 1, 1, [(0, 0, 1.0)]), row("b", 2, 1, [(channel, 0, 2.0)]), row("c", 3, 1, [(0, 0, 3.0)])]
    with pytest.raises(ValueError, match="does not have"):
        columns_of(rows, lambda device, epoch: (CHANNELS[0],))


def test_uneven_arrays_are_refused_also_where_two_frames_make_up_for_each_other() -> None:
    bodies = [{"t": 0, "c": [0, 0], "d": [0, 0], "v": [1.0]}, {"t": 0, "c": [0], "d": [0], "v": [2.0, 3.0]}]
    rows = [Row(at, "a", 1, at, RowKind.DATA, 0, msgpack.packb(body), None) for at, body in enumerate(bodies, 1)]
    with pytest.raises(ValueError, match="equally many"):
        columns_of(rows, lambda device, epoch: CHANNELS)
