"""Tests of hub/bus/serving.py."""

import pytest

from hub.bus import serving
from hub.bus.serving import Serving
from hub.core.interest import ALL, Interest
from tests.support.nodes import CHANNELS, MemoryJournal


def journal_of(count: int) -> MemoryJournal:
    journal = MemoryJournal("journal-a")
    journal.commit(*[("pump", 7, seq) for seq in range(1, count + 1)])
    return journal


async def test_who_has_a_position_is_told_what_follows_with_the_channels_of_it() -> None:
    found = await Serving(journal_of(10), lambda: 6).frames(4, ALL)
    assert (found.journal, found.after, found.position, found.end, found.stored, found.behind_us) == ("journal-a", 4, 10, 10, 6, None)
    assert [row.seq for row in found.rows] == [5, 6, 7, 8, 9, 10]
    assert found.channels == {("pump", 7): CHANNELS}
    assert (await Serving(journal_of(10), lambda: 6).frames(10, ALL)).rows == []
    assert (await Serving(journal_of(10), lambda: 6).frames(99, ALL)).after == 10


async def test_who_has_nothing_begins_some_way_back_and_not_above_what_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "BACK_ROWS", 4)
    monkeypatch.setattr(serving, "MAX_BACK_ROWS", 8)
    assert (await Serving(journal_of(20), lambda: 20).frames(None, ALL)).after == 16
    assert (await Serving(journal_of(20), lambda: 14).frames(None, ALL)).after == 14
    far = await Serving(journal_of(20), lambda: 5).frames(None, ALL)
    assert (far.after, far.behind_us) == (12, 1_006)  # the rest waits for the store
    assert (await Serving(journal_of(20), lambda: 5).frames(3, ALL)).after == 12


async def test_who_wants_some_devices_is_told_of_them_alone_and_up_to_the_same_end(monkeypatch: pytest.MonkeyPatch) -> None:
    journal = journal_of(6)
    journal.commit(("fan", 7, 1), ("pump", 7, 7))
    found = await Serving(journal, lambda: 6).frames(4, Interest(frozenset(["fan"])))
    assert (found.after, found.position, found.end, [row.device for row in found.rows]) == (4, 8, 8, ["fan"])
    assert found.channels.keys() == {("fan", 7)}


async def test_what_was_trimmed_is_told_as_gone_and_a_long_way_takes_several_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "ANSWER_BYTES", 1)
    journal = journal_of(10)
    journal.trimmed = 3
    found = await Serving(journal, lambda: 10).frames(1, ALL)
    assert (found.after, found.end) == (3, 10)
    assert found.position == 10 or found.rows


async def test_a_journal_that_was_trimmed_empty_lacks_nothing_although_its_writer_has_not_found_the_store_yet() -> None:
    journal = journal_of(10)
    journal.trimmed = 10
    found = await Serving(journal, lambda: 0).frames(None, ALL)
    assert (found.after, found.position, found.end, found.rows, found.behind_us) == (10, 10, 10, [], None)
