"""Series are numbered by what they are, also where the same object was seen before, and anew where much was seen."""

import pytest

from devices.wire.messages import Kind
from hub.core.records import Series
from hub.store.duckdb.numbering import SeenSeries


def series(*names: str) -> list[Series]:
    return [Series("pump", name, "Cel", Kind.GAUGE) for name in names]


def test_equal_series_have_one_number_whatever_object_they_are() -> None:
    seen, known = SeenSeries(), {each: number for number, each in enumerate(series("a", "b"))}
    again = series("b", "a")
    for _ in range(3):
        assert seen.numbers(again, known, len(known)) == ([1, 0], [])
        assert seen.numbers(series("a", "b"), known, len(known)) == ([0, 1], [])


def test_new_series_are_numbered_on_until_they_are_known() -> None:
    seen, known = SeenSeries(), {each: number for number, each in enumerate(series("a"))}
    asked = series("x", "a", "y")
    assert seen.numbers(asked, known, len(known)) == ([1, 0, 2], [asked[0], asked[2]])
    assert seen.numbers(asked[2:], known, len(known)) == ([1], [asked[2]])  # the first batch was not stored
    assert seen.numbers(asked, known | {asked[2]: 1}, 2) == ([2, 0, 1], [asked[0]])


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.store.duckdb.numbering._MAX_REMEMBERED", 3)
    seen, known = SeenSeries(), {each: number for number, each in enumerate(series("a", "b"))}
    for _ in range(10):
        assert seen.numbers(series("a", "b"), known, len(known)) == ([0, 1], [])
    assert len(seen._kept) <= 3
