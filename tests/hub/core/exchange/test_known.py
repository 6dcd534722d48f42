"""Readings of a file beside those of the history."""

import msgpack
import pytest

from devices.wire.messages import Channel, Kind
from hub.core.exchange import known
from hub.core.exchange.framing import DeviceImport, ImportFrame
from hub.core.exchange.known import Comparison, windows_of, without_known
from hub.core.exchange.times import NO_N
from hub.core.records import Series
from tests.support.exchanged import T_NS, columns_of

TEMP, MODE, DOOR = Series("a", "t", "", Kind.GAUGE), Series("a", "m", "", Kind.TEXT), Series("a", "d", "", Kind.STATE)
DEVICES = {"a": DeviceImport("a", 5, [Channel(each.channel, each.unit, each.kind) for each in (TEMP, MODE, DOOR)])}
T_US = T_NS // 1_000


def frame(seq: int, n: int, *readings: tuple[int, int, object]) -> ImportFrame:
    channels, offsets, values = zip(*readings, strict=True)
    body = {"e": 5, "s": seq, "op": "data", "t": T_US, "c": list(channels), "d": list(offsets), "v": list(values)}
    return ImportFrame("a", seq, len(readings), n, msgpack.packb(body))


def compared(frames: list[ImportFrame], *stored: tuple[Series, int, object]) -> list[bool]:
    page = columns_of(list(stored))
    comparison = Comparison(frames, DEVICES, frozenset(page.series))
    comparison.look(page)
    return [bool(each) for each in comparison.mask]


def test_series_microsecond_and_value_make_a_reading_known() -> None:
    frames = [frame(1, NO_N, (0, 0, 1.5), (0, 1, 1.5), (1, 0, "x"), (2, 0, True), (0, 0, 1.5))]
    assert compared(frames, (TEMP, T_NS + 9, 1.5), (MODE, T_NS, "y"), (DOOR, T_NS, True)) == [True, False, False, True, False]


def test_where_the_point_is_said_it_counts() -> None:
    frames = [frame(1, 9, (0, 0, 1.5)), frame(2, 8, (0, 0, 1.5))]
    assert compared(frames, (TEMP, T_NS + 8, 1.5)) == [False, True]


def test_true_is_not_one() -> None:
    assert compared([frame(1, NO_N, (2, 0, "true"), (2, 0, True))], (DOOR, T_NS, True)) == [False, True]


def test_only_what_the_history_may_have_is_asked_for() -> None:
    frames = [frame(1, NO_N, (0, 5, 1.5), (1, 9, "x"))]
    assert Comparison(frames, DEVICES, frozenset([TEMP])).range == ([TEMP], T_NS + 5_000, T_NS + 6_000)
    assert Comparison(frames, DEVICES, frozenset()).range[0] == []


def test_frames_keep_their_numbers_without_what_is_known() -> None:
    frames = [frame(1, NO_N, (0, 0, 1.5), (0, 1, 2.5)), frame(7, NO_N, (0, 2, 3.5)), frame(9, NO_N, (0, 3, 4.5))]
    comparison = Comparison(frames, DEVICES, frozenset([TEMP]))
    comparison.look(columns_of([(TEMP, T_NS, 1.5), (TEMP, T_NS + 2_000, 3.5)]))
    left = without_known(frames, comparison.mask)
    assert [(each.seq, each.readings) for each in left] == [(1, 1), (9, 1)]
    assert msgpack.unpackb(left[0].body)["v"] == [2.5]
    assert left[1] is frames[2]


def test_windows_are_the_same_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "WINDOW", 3)
    frames = [frame(seq, NO_N, (0, 0, 1.5), (0, 1, 2.5)) for seq in range(1, 6)]
    assert [[each.seq for each in window] for window in windows_of(iter(frames))] == [[1, 2], [3, 4], [5]]
