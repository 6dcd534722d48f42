"""Which frame a reading came in, among data frames and packs."""

import struct

import msgpack

from devices.wire.messages import Channel
from hub.core.columns import columns_of
from hub.core.records import Row, RowKind
from hub.history.origins import positions_of

CHANNELS = (Channel("temp", "Cel"), Channel("hum", "%"))


def data(position: int, count: int) -> Row:
    body = {"e": 1, "s": position, "op": "data", "t": position * 1_000, "c": [0] * count, "d": list(range(count)), "v": [0.5] * count}
    return Row(position, "pump", 1, position, RowKind.DATA, 0, msgpack.packb(body), None)


def pack(position: int, count: int) -> Row:
    values = struct.pack(f"<{count}d", *[0.5] * count)
    body = {"e": 1, "s": position, "op": "pack", "t": position * 1_000, "c": 1, "step_ns": 1_000, "f": "f8", "v": values}
    return Row(position, "pump", 1, position, RowKind.PACK, 0, msgpack.packb(body), None)


def test_every_reading_is_of_the_frame_whose_time_it_has() -> None:
    rows = [
        data(1, 3),
        pack(2, 5),
        data(3, 1),
        Row(4, "pump", 1, 4, RowKind.LOG, 0, b"", None),
        pack(5, 2),
        *[data(n, 2) for n in range(6, 40)],
    ]
    columns = columns_of(rows, lambda device, epoch: CHANNELS)
    expected = (columns.t_ns // 1_000_000).tolist()
    assert positions_of(rows, lambda device, epoch: CHANNELS, range(len(columns))) == expected
    assert positions_of(rows, lambda device, epoch: CHANNELS, [7, 0, 7]) == [expected[7], 1, expected[7]]
