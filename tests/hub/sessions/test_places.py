"""Tests of hub/sessions/places.py: a hub by itself."""

from dataclasses import dataclass

import pytest
import trio

from hub.core.records import Cursor, RangeAnswer, StoredTo
from hub.sessions.places import OneJournal


@dataclass
class Range:
    id: str = "j"
    first: int = 10
    position: int = 20


PLACES = OneJournal(Range())


def test_positions_are_places() -> None:
    assert PLACES.marks_at(15) == {"j": 15}
    assert [PLACES.place_of({"j": position}) for position in (8, 9, 20, 21)] == [None, 9, 20, None]
    assert PLACES.place_of({"j": 15, "k": 3}) is None


@pytest.mark.parametrize(
    ("cursor", "place"), [(None, 9), (Cursor("k", 15), 9), (Cursor("j", 15), 15), (Cursor("j", 3), 9), (Cursor("j", 99), 20)]
)
def test_an_answer_reaches_to_its_cursor_in_this_journal(cursor: Cursor | None, place: int) -> None:
    assert PLACES.stored_to(RangeAnswer(cursor), 0.0) == StoredTo(place)


async def test_nothing_is_waited_for() -> None:
    with trio.CancelScope() as scope:
        scope.cancel()
        await PLACES.ready(None)
        assert await PLACES.upto() == 20
    assert not scope.cancelled_caught
