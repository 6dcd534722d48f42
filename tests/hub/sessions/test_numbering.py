"""Tests of hub/sessions/numbering.py."""

from devices.wire.messages import Kind
from hub.core.records import Series
from hub.sessions.numbering import Numbering

TEMP, HUM = (Series("pump", name, "", Kind.GAUGE) for name in ("temp", "hum"))


def test_series_are_numbered_as_they_come_and_keep_their_number() -> None:
    numbering = Numbering()
    assert [numbering.number(series) for series in (TEMP, HUM, TEMP)] == [0, 1, 0]
    assert len(numbering) == 2
    assert numbering.named(1, 2) == [{"s": 1, "device": "pump", "channel": "hum", "unit": "", "kind": "gauge"}]
