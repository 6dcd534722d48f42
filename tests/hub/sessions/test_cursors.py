"""Tests of hub/sessions/cursors.py."""

from dataclasses import dataclass

import pytest

from hub.sessions.cursors import Resume, cursor_text, mark_of, resume_from
from hub.sessions.places import NOWHERE, OneJournal


@dataclass
class Range:
    id: str = "j:1"
    first: int = 10
    position: int = 20


@pytest.mark.parametrize("position", [9, 10, 20])
@pytest.mark.parametrize("width_us", [0, 1_000_000])
def test_a_cursor_means_what_was_written(position: int, width_us: int) -> None:
    assert resume_from(OneJournal(Range()), cursor_text({"j:1": position}, width_us)) == Resume(position, width_us)
    devices = mark_of(frozenset({"a", "b"}))
    assert resume_from(OneJournal(Range()), cursor_text({"j:1": position}, width_us, devices)) == Resume(position, width_us, devices)


def test_a_cursor_of_nowhere_is_good_nowhere() -> None:
    places = OneJournal(Range())
    assert resume_from(places, cursor_text(places.marks_at(NOWHERE), 1_000_000)) is None


def test_each_set_of_devices_has_a_mark_of_its_own() -> None:
    sets = [frozenset(each) for each in ([], ["a"], ["a", "b"], ["ab"], ["a\ud800"])]
    assert len({mark_of(None), *map(mark_of, sets)}) == 6
    assert mark_of(frozenset({"b", "a"})) == mark_of(frozenset({"a", "b"}))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "j:1",
        "j:1:15",
        "j:1:8:0",
        "j:1:21:0",
        "k:1:15:0",
        "j:1:15:7",
        "j:1:-15:0",
        "j:1:1e1:0",
        "j:1:٣:0",
        "j:1:" + "9" * 50 + ":0",
        "j:1:15,k:1:15:0",
        ",".join(["j:1:15"] * 300) + ":0",
    ],
)
def test_a_cursor_of_another_journal_or_of_rows_that_are_gone_means_nothing(text: str) -> None:
    assert resume_from(OneJournal(Range()), text) is None
