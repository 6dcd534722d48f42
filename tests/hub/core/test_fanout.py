"""Tests of hub/core/fanout.py."""

import numpy as np

from devices.wire.messages import Kind
from hub.core.fanout import MAX_KNOWN, Fanout
from hub.core.records import Columns, Row, RowKind, Series
from hub.core.selector import Selector


def row(device: str, kind: int = RowKind.DATA) -> Row:
    return Row(1, device, 1, 1, kind, 0, b"", None)


def series(device: str, channel: str) -> Series:
    return Series(device, channel, "", Kind.GAUGE)


def test_only_data_of_watched_devices_is_wanted() -> None:
    fanout: Fanout[str] = Fanout()
    rows = [row("pump"), row("fan"), row("pump", RowKind.LOG)]
    assert fanout.wanted(rows) == []
    fanout.add("one", Selector(frozenset({"pump"}), None))
    assert fanout.wanted(rows) == rows[:1]
    fanout.add("all", Selector(None, frozenset({"temp"})))
    assert fanout.wanted(rows) == rows[:2]


def test_targets_are_those_whose_selector_matches_and_change_at_once() -> None:
    fanout: Fanout[str] = Fanout()
    fanout.add("pump", Selector(frozenset({"pump"}), None))
    fanout.add("temp", Selector(None, frozenset({"temp"})))
    assert fanout.targets(series("pump", "temp")) == ("pump", "temp")
    assert fanout.targets(series("pump", "hum")) == ("pump",)
    assert fanout.targets(series("fan", "hum")) == ()
    fanout.remove("pump")
    fanout.remove("never there")
    assert fanout.targets(series("pump", "temp")) == ("temp",)
    assert len(fanout) == 1


def test_only_readings_of_watched_series_are_kept() -> None:
    fanout: Fanout[str] = Fanout()
    names = [series("pump", "temp"), series("pump", "hum")]
    index, numbers = np.array([0, 1, 0], np.int32), np.array([1.0, 2.0, 3.0])
    columns = Columns(names, index, np.array([5, 6, 7], np.int64), numbers, text=np.array([None, "x", None], np.object_))
    assert len(fanout.watched(columns)) == 0
    fanout.add("temp", Selector(None, frozenset({"temp"})))
    kept = fanout.watched(columns)
    assert (kept.t_ns.tolist(), kept.num.tolist(), kept.series) == ([5, 7], [1.0, 3.0], names)
    assert kept.text is not None
    assert kept.text.tolist() == [None, None]
    fanout.add("all", Selector(None, None))
    assert fanout.watched(columns) is columns


def test_what_is_remembered_is_bounded() -> None:
    fanout: Fanout[str] = Fanout()
    fanout.add("all", Selector(None, None))
    for number in range(MAX_KNOWN + 5):
        fanout.wanted([row(str(number))])
        fanout.targets(series(str(number), "temp"))
    assert max(len(fanout._devices), len(fanout._series)) <= MAX_KNOWN
