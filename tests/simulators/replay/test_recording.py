"""Exports and other people's files become devices and readings by time; what cannot be sent is counted and left out."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from devices.readings import Readings
from devices.wire.messages import Channel, Kind
from hub.core.errors import Refusal
from hub.core.exchange.csv_output import CsvOutput
from hub.core.exchange.options import ImportOptions
from hub.core.exchange.parquet_output import ParquetOutput
from hub.core.records import Series
from simulators.replay import Recording
from tests.support.exchanged import IS_OPEN, MODE, PLACE, T_NS, TEMP, Reading, columns_of

LEVEL = Series("pump", "level", "", Kind.STATE)
COUNT = Series("valve", "count", "1", Kind.COUNTER)
T_US = T_NS // 1_000
READINGS: list[Reading] = [
    *((TEMP, T_NS + at * 10_000_000, at / 10) for at in range(200)),
    *((MODE, T_NS + at * 10_000_000, text) for at, text in enumerate(("auto", "=1+1", "true", "", "ü"))),
    *((PLACE, T_NS + at * 10_000_000, (48.1, 11.5 + at)) for at in range(3)),
    *((LEVEL, T_NS + at * 10_000_000, text) for at, text in enumerate(("low", "high", "low"))),
    *((IS_OPEN, T_NS + at * 10_000_000, at % 2 == 1) for at in range(4)),
    *((COUNT, T_NS + at * 10_000_000, 2**62 + at) for at in range(4)),
]


@contextmanager
def recorded(directory: Path, content: bytes, **options: Any) -> Iterator[Recording]:
    path = directory / "file"
    path.write_bytes(content)
    recording = Recording.read(path, ImportOptions(**options))
    try:
        yield recording
    finally:
        recording.close()


@pytest.mark.parametrize("output", [CsvOutput, ParquetOutput])
def test_an_export_comes_back_by_time_with_its_channels(tmp_path: Path, output: type[CsvOutput] | type[ParquetOutput]) -> None:
    out = output()
    content = out.begin(is_raw=True) + out.readings(columns_of(READINGS)) + out.finish()
    with recorded(tmp_path, content) as recording:
        assert (recording.readings, recording.unsent.readings) == (len(READINGS), 0)
        assert (recording.first_us, recording.span_us) == (T_US, 199 * 10_000)
        channels = recording.channels
        assert {each.series: each.readings for each in channels} == {TEMP: 200, MODE: 5, PLACE: 3, LEVEL: 3, IS_OPEN: 4, COUNT: 4}
        assert {name: len(numbers) for name, numbers in recording.devices.items()} == {"pump": 4, "valve": 2}
        assert next(each for each in channels if each.series == LEVEL).declared == Channel("level", "", Kind.STATE, values=("low", "high"))
        found = list(recording.in_order())
        assert [reading.t_us for reading in found] == sorted(reading.t_us for reading in found)
        said = [(channels[n].series, t * 1_000, repr(tuple(v) if isinstance(v, list) else v)) for t, n, v in found]
        assert sorted(said) == sorted((series, t_ns, repr(value)) for series, t_ns, value in READINGS)
        for name, numbers in recording.devices.items():
            taken = Readings([channels[number].declared for number in numbers])
            rows = [(t, {channels[n].series.channel: v}) for t, n, v in found if channels[n].series.device == name]
            assert sum(draft.readings for draft in taken.drafts(rows)) == len(rows)  # the client takes every one


def test_wrong_cells_are_counted_and_the_others_sent(tmp_path: Path) -> None:
    content = b"time,a,b\n" + b"".join(b"2026-01-01T00:00:%02dZ,%d,%d\n" % (at, at, at) for at in range(60))
    content = (
        content.replace(b":07Z,7,7", b":07Z,warm,7").replace(b":09Z,9,9", b":09Z,9,x").replace(b":11Z", b":99Z").replace(b",30\n", b",\n")
    )
    with recorded(tmp_path, content, device="d") as recording:
        assert [line.partition(";")[0].partition(", first")[0] for line in recording.unsent.lines()] == [
            "2 not sent: column time is no time: second must be in 0..59",
            "1 not sent: column a is no number",
            "1 not sent: column b is no number",
        ]
        assert recording.unsent.readings == 4
        assert recording.readings == 2 * 60 - 4 - 1
        assert {reading.value for reading in recording.in_order() if reading.t_us % 60_000_000 == 7_000_000} == {7}


def test_a_channel_that_changes_keeps_its_first_unit_and_kind(tmp_path: Path) -> None:
    content = b"time,device,channel,unit,kind,value\n" + b"".join(
        b"2026-01-01T00:00:%02dZ,d,c,%s,%s,%s\n" % (at, unit, kind, value)
        for at, (unit, kind, value) in enumerate(
            [(b"Cel", b"gauge", b"1"), (b"K", b"gauge", b"2"), (b"Cel", b"text", b"x"), (b"Cel", b"gauge", b"3")]
        )
    )
    with recorded(tmp_path, content) as recording:
        assert [reading.value for reading in recording.in_order()] == [1, 3]
        assert sorted(recording.unsent.lines()) == [
            "1 not sent: c of d: it is a gauge in Cel at first and a gauge in K here; a device declares one, first in row 3",
            "1 not sent: c of d: it is a gauge in Cel at first and a text in Cel here; a device declares one, first in row 4",
        ]


def test_states_are_texts_or_true_and_false_and_not_too_many(tmp_path: Path) -> None:
    rows = [b"true", b"on", b"false"] + [b"s%d" % at for at in range(257)]
    content = b"time,device,channel,kind,value\n" + b"".join(
        b"%d,d,%s,state,%s\n" % (at, b"bool" if at < 3 else b"enum", value) for at, value in enumerate(rows)
    )
    with recorded(tmp_path, content, time_format="s") as recording:
        assert sorted(recording.unsent.lines()) == [
            "1 not sent: bool of d: a text among true and false, first in row 3",
            "1 not sent: enum of d: more than 256 states, first in row 261",
        ]
        assert [len(each.declared.values or ()) for each in recording.channels] == [0, 256]


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        (b"", {"device": "d"}, "the file is empty"),
        (b"time,a\n1,2\n", {}, "whose readings these are is not said"),
        (b"time,a\nnow,2\nthen,3\n", {"device": "d"}, "holds no readings that can be sent .2 not sent: column time is no RFC 3339 time"),
        (b"time,a\n1,2\n", {"device": "d", "time_format": "h"}, "time_format is one of"),
        (b"time,a\n2026-01-01T00:00:00Z,2,3\n", {"device": "d"}, "row 2 has 3 cells"),
    ],
)
def test_what_is_no_recording_is_refused(tmp_path: Path, content: bytes, options: dict[str, Any], said: str) -> None:
    with pytest.raises(Refusal, match=said), recorded(tmp_path, content, **options):
        pass
