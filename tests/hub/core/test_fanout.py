"""Tests of hub/core/fanout.py."""

from devices.wire.messages import Kind
from hub.core.fanout import MAX_KNOWN, Fanout
from hub.core.records import Row, RowKind, Series
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


def test_what_is_remembered_is_bounded() -> None:
    fanout: Fanout[str] = Fanout()
    fanout.add("all", Selector(None, None))
    for number in range(MAX_KNOWN + 5):
        fanout.wanted([row(str(number))])
        fanout.targets(series(str(number), "temp"))
    assert max(len(fanout._devices), len(fanout._series)) <= MAX_KNOWN
