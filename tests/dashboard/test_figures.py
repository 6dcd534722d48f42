"""Tests of dashboard/figures.py: lines break where nothing was measured, times are the zone's, names are letters only."""

import base64
from datetime import UTC
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from dashboard.figures import Hole, Line, figure_of, rate_of, symbol
from tests.support.lines import MINUTE, T, line


def column(told: Any) -> "np.ndarray[Any, np.dtype[np.float64]]":
    """Return a column of a figure, which plotly keeps as bytes."""
    if isinstance(told, dict):
        return np.frombuffer(base64.b64decode(told["bdata"]), told["dtype"]).astype(np.float64)
    return np.array(told, np.float64)


def drawn(*lines: Line, holes: tuple[Hole, ...] = (), zone: Any = UTC) -> Any:
    return figure_of(lines, holes, T, T + 100 * MINUTE, zone).to_plotly_json()


def test_a_line_breaks_in_a_silence_and_its_band_too() -> None:
    band, mean = drawn(line([0, 1, 2, 20, 21], [1, 2, 3, 4, 5]))["data"]
    assert np.isnan(column(mean["y"])).tolist() == [False, False, False, True, False, False]
    assert np.isnan(column(band["y"])).sum() == 2  # one closed shape before, one after
    assert (np.diff(column(mean["x"])) > 0).all()


def test_a_bucket_without_a_number_breaks_the_line() -> None:
    _, mean = drawn(line([0, 1, 2], [1, float("nan"), 3]))["data"]
    assert np.isnan(column(mean["y"])).tolist() == [False, True, False]
    assert column(mean["marker"]["size"]).tolist() == [5, 0, 5]  # points alone are seen as dots


def test_without_breadth_there_is_no_band() -> None:
    band, _ = drawn(line([0, 1], [1, 2], spread=0))["data"]
    assert len(column(band["x"])) == 0


def test_each_line_has_two_traces_so_that_colours_come_in_pairs() -> None:
    traces = drawn(line([0, 1], [1, 2]), line([0, 1], [3, 4], channel="other"))["data"]
    assert [trace["legendgroup"] for trace in traces] == ["0", "0", "1", "1"]
    assert [trace.get("name") for trace in traces] == [None, "temp", None, "other"]


def test_times_are_those_of_the_zone_also_across_the_change_of_summer_time() -> None:
    begin = 1_774_743_600_000_000  # 2026-03-29T00:20:00Z: 01:20 in Berlin, forty minutes before the change
    times = np.array([begin, begin + 60 * MINUTE], np.int64)
    two = np.array([1.0, 2.0])
    moved = Line("temp", "Cel", "gauge", MINUTE, times, two, two, two, np.ones(2, np.int64), last_us=times)
    _, mean = figure_of([moved], (), begin, begin + 1, ZoneInfo("Europe/Berlin")).to_plotly_json()["data"]
    hours = (column(mean["x"]) - times / 1_000) / 3_600_000
    assert hours.tolist() == [1.0, 2.0]


def test_a_counter_is_shown_as_its_rate_and_breaks_where_it_was_reset_or_silent() -> None:
    counter = line([0, 1, 2, 3, 30], [0, 60, 120, 0, 600], kind="counter", unit="By")
    rate = rate_of(counter)
    assert (rate.unit, rate.kind) == ("By/s", "gauge")
    assert rate.mean[1:3].tolist() == [1.0, 1.0]
    assert np.isnan(rate.mean[[0, 3, 4]]).all()


@pytest.mark.parametrize("count", [0, 1])
def test_a_series_with_hardly_a_reading_is_no_error(count: int) -> None:
    short = line(list(range(count)), [1.0] * count, kind="counter")
    assert len(rate_of(short).mean) == count
    drawn(short)


def test_a_declared_hole_is_shaded_within_the_range() -> None:
    holes = (Hole(T - MINUTE, T + MINUTE, "full"), Hole(T + 200 * MINUTE, T + 300 * MINUTE, "elsewhere"))
    (shape,) = drawn(line([0, 9], [1, 2]), holes=holes)["layout"]["shapes"]
    assert (shape["x0"], shape["x1"]) == (T / 1_000, (T + MINUTE) / 1_000)


def test_a_name_is_letters_and_not_markup() -> None:
    _, mean = drawn(line([0, 1], [1, 2], channel="<b>x</b> & %{y}", unit="<i>"))["data"]
    assert mean["name"] == "&lt;b&gt;x&lt;/b&gt; &amp; %&#123;y}"
    assert "<i>" not in mean["hovertemplate"]


@pytest.mark.parametrize(("unit", "shown"), [("Cel", "°C"), ("1", ""), ("By/s", "B/s"), ("m/s", "m/s"), ("{rpm}", "rpm"), ("hPa", "hPa")])
def test_units_are_written_as_people_do(unit: str, shown: str) -> None:
    assert symbol(unit) == shown
