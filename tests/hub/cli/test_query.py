"""How `tributary query` reads times and shows answers."""

from datetime import UTC
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from hub.cli.query import kept_text, rows_of, time_range, zone_of
from hub.core.errors import Refusal

BERLIN = ZoneInfo("Europe/Berlin")
EIGHT_US = 1_772_352_000_000_000  # 2026-03-01T08:00:00Z


def series(**more: Any) -> dict[str, Any]:
    return {"device": "pump", "channel": "temp", "unit": "Cel", "kind": "gauge"} | more


def test_without_times_the_last_five_minutes_are_asked_for() -> None:
    assert time_range(None, None, None, UTC) == (300.0, None, None)


@pytest.mark.parametrize(("text", "seconds"), [("30s", 30), ("1.5m", 90), ("2h", 7_200), ("7d", 604_800), ("10 min", 600)])
def test_span_is_read_with_its_unit(text: str, seconds: float) -> None:
    assert time_range(text, None, None, UTC) == (seconds, None, None)


def test_span_may_end_in_the_past() -> None:
    assert time_range("1h", None, "2026-03-01T08:00:00Z", UTC) == (None, EIGHT_US - 3_600_000_000, EIGHT_US)


@pytest.mark.parametrize("text", ["2026-03-01T08:00:00Z", "2026-03-01T09:00:00+01:00", "2026-03-01T08:00:00.000000Z"])
def test_times_with_an_offset_mean_themselves(text: str) -> None:
    assert time_range(None, text, None, ZoneInfo("Asia/Tokyo")) == (None, EIGHT_US, None)


def test_time_without_an_offset_is_in_the_zone_asked_for() -> None:
    assert time_range(None, "2026-03-01T09:00:00", None, BERLIN) == (None, EIGHT_US, None)


def test_microseconds_are_kept() -> None:
    assert time_range(None, "2026-03-01T08:00:00.000001Z", None, UTC) == (None, EIGHT_US + 1, None)


@pytest.mark.parametrize(
    ("last", "begin", "end"),
    [
        ("5x", None, None),
        ("", None, None),
        (None, "yesterday", None),
        ("5m", "2026-03-01T08:00:00Z", None),
        (None, None, "08:00"),
        (None, "2026-03-02", "2026-03-01"),
    ],
)
def test_what_is_no_time_is_refused_with_an_example(last: str | None, begin: str | None, end: str | None) -> None:
    with pytest.raises(Refusal) as caught:
        time_range(last, begin, end, UTC)
    assert caught.value.code == "bad_usage"
    assert caught.value.hint


def test_unknown_zone_is_refused() -> None:
    with pytest.raises(Refusal, match="Mars/Olympus"):
        zone_of("Mars/Olympus")


def test_readings_of_several_series_are_shown_in_order_of_time() -> None:
    answer = {
        "series": [
            series(points=[[EIGHT_US, 0, 1.5], [EIGHT_US + 2, 0, 2.5]]),
            series(channel="on", unit="", points=[[EIGHT_US + 1, 7, True]]),
        ]
    }
    head, rows = rows_of(answer, UTC)
    assert head == ("time", "device", "channel", "unit", "value")
    assert [(row[2], row[4]) for row in rows] == [("temp", 1.5), ("on", True), ("temp", 2.5)]


def test_buckets_show_their_mean() -> None:
    buckets = {
        "t": [EIGHT_US, EIGHT_US + 1],
        "min": [1.0, None],
        "max": [3.0, None],
        "sum": [4.0, None],
        "count": [2, 1],
        "last": [3.0, "on"],
    }
    head, rows = rows_of({"series": [series(buckets=buckets)]}, UTC)
    assert head == ("time", "device", "channel", "unit", "count", "min", "mean", "max", "last")
    assert rows[0][4:] == (2, 1.0, 2.0, 3.0, 3.0)
    assert rows[1][4:] == (1, None, None, None, "on")


def test_nothing_found_has_no_rows() -> None:
    assert rows_of({"series": []}, UTC)[1] == []


def test_what_is_no_longer_kept_is_said_in_words() -> None:
    assert kept_text({"series": []}, UTC) is None
    said = kept_text({"kept_from_us": EIGHT_US, "series": [series(points=[])]}, UTC)
    assert said is not None
    assert said.startswith("what is older than 2026-03-01T08:00:00.000000Z is no longer kept in this detail")
    assert "--width" in said
    assert "wider buckets" in str(kept_text({"kept_from_us": EIGHT_US, "series": [series(buckets={})]}, BERLIN))
