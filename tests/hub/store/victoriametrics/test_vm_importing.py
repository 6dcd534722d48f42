"""Lines of JSON: what is written reads back as the same readings, and a line that is cut is none."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.wire.messages import Kind
from hub.core.records import Columns, Cursor, Series
from hub.store.victoriametrics import importing
from hub.store.victoriametrics.importing import Encoder, cursor_line, series_refusal
from hub.store.victoriametrics.selecting import series_of

TEXTS = st.text(max_size=20)
SERIES = st.builds(Series, TEXTS, TEXTS, TEXTS, st.sampled_from([Kind.GAUGE, Kind.COUNTER, Kind.STATE]))
POINTS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2**43), st.floats(-1e15, 1e15)), max_size=40, unique_by=lambda each: each[:2])


def columns_of(series: list[Series], points: list[tuple[int, int, float]]) -> Columns:
    index, t_ms, num = zip(*points, strict=True) if points else ((), (), ())
    return Columns(series, np.array(index, np.int32), np.array(t_ms, np.int64) * 1_000_000, np.array(num, np.float64))


@given(st.lists(SERIES, min_size=5, max_size=5, unique=True), POINTS)
def test_what_is_written_reads_back_as_the_same_readings(series: list[Series], points: list[tuple[int, int, float]]) -> None:
    points = [point for point in points if series_refusal(series[point[0]]) is None]
    found: dict[tuple[Series | None, int], float] = {}
    for body in Encoder().requests(columns_of(series, points), np.arange(len(points))):
        for line in body.splitlines():
            each = json.loads(line)
            name = series_of(each["metric"])
            assert each["timestamps"] == sorted(each["timestamps"])
            found |= {(name, t_ms): value for t_ms, value in zip(each["timestamps"], each["values"], strict=True)}
    assert found == {(series[at], t_ms): value for at, t_ms, value in points}


@given(SERIES, st.integers(1, 200))
def test_a_line_that_is_cut_anywhere_is_no_line(series: Series, cut: int) -> None:
    if series_refusal(series) is not None:
        return
    (body,) = Encoder().requests(columns_of([series], [(0, 1_760_054_400_123, 1.5)]), np.arange(1))
    line = body.rstrip(b"\n")
    with pytest.raises(json.JSONDecodeError):
        json.loads(line[: max(1, len(line) - cut)])


def test_requests_are_of_a_bounded_number_of_readings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "PART_READINGS", 10)
    series = [Series("a", name, "", Kind.GAUGE) for name in "xyz"]
    points = [(at, 1_000 + n, 0.5) for at, count in enumerate((25, 4, 7)) for n in range(count)]
    sizes = [
        sum(len(json.loads(line)["values"]) for line in body.splitlines())
        for body in Encoder().requests(columns_of(series, points), np.arange(36))
    ]
    assert sum(sizes) == 36
    assert max(sizes) <= 10


def test_a_cursor_is_a_point_of_its_journal() -> None:
    assert json.loads(cursor_line(Cursor('j"1', 7), 55)) == {
        "metric": {"__name__": "tributary_cursor", "journal": 'j"1'},
        "values": [7],
        "timestamps": [55],
    }


@pytest.mark.parametrize(("device", "channel", "unit"), [("", "c", "u"), ("d", "", "u"), ("d", "c\ud800", ""), ("d", "c", "u" * 2_000)])
def test_what_a_label_cannot_hold_is_refused_with_its_name(device: str, channel: str, unit: str) -> None:
    reason = series_refusal(Series(device, channel, unit, Kind.GAUGE))
    assert reason is not None
    assert any(word in reason for word in ("device", "channel", "unit"))
    assert series_refusal(Series("d", "c", "", Kind.GAUGE)) is None
