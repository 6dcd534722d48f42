"""Tests of hub/bus/stored.py and channels.py."""

import pytest

from devices.wire.messages import Channel
from hub.bus.channels import KnownChannels
from hub.bus.ring import Ring
from hub.bus.stored import StoredMarks
from hub.core.records import Cursor, RangeAnswer, Row, RowKind, StoredTo


def ring_of(**counts: int) -> Ring:
    """Return a ring with rows of each journal, one of each in turn."""
    ring = Ring(1 << 20)
    for journal in counts:
        ring.begin(journal, 0)
    for at in range(1, max(counts.values()) + 1):
        for journal, count in counts.items():
            if at <= count:
                ring.append(journal, [Row(at, journal, 7, at, RowKind.DATA, at, b"", None)], at)
    return ring


def test_an_answer_reaches_to_the_first_row_that_its_own_journal_s_writer_had_not_stored() -> None:
    ring = ring_of(a=5, b=5)  # a1 b1 a2 b2 ...
    marks = StoredMarks(ring)
    marks.heard("a", 5, 0.0)
    marks.heard("b", 2, 0.0)
    assert marks.of(RangeAnswer(Cursor("a", 5)), "a", 1.0, ()) == StoredTo(5)  # b3 is at 6
    assert marks.of(RangeAnswer(Cursor("a", 1)), "a", 1.0, ()) == StoredTo(2)
    assert marks.of(RangeAnswer(Cursor("x", 9)), "a", 1.0, ()) == StoredTo(0)
    assert marks.now(()) == 5


def test_a_word_counts_only_for_answers_that_may_show_what_it_says() -> None:
    marks = StoredMarks(ring_of(a=1, b=5))
    for position in range(1, 6):
        marks.heard("b", position, 10.0 * position)
    places = [marks.of(RangeAnswer(Cursor("a", 1), others_s=12.0), "a", asked_s, ()).place for asked_s in (5.0, 25.0, 42.0, 90.0)]
    assert places == [1, 2, 4, 6]
    marks.heard("b", 1, 100.0)  # the store lost what it had
    assert marks.of(RangeAnswer(Cursor("a", 1), others_s=0.0), "a", 101.0, ()).place == 2
    assert marks.of(RangeAnswer(Cursor("a", 1), others_s=12.0), "a", 101.0, ()).place == 1  # what was said before counts no more


def test_a_node_that_does_not_answer_holds_answers_back_only_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.bus.stored.HELD_ROWS", 3)
    marks = StoredMarks(ring_of(a=5, b=1))
    marks.heard("a", 5, 0.0)
    assert marks.now({"b"}) == 6
    assert marks.now(()) == 1


def test_channels_of_other_nodes_epochs_are_known_beside_the_own() -> None:
    own, theirs = (Channel("temp"),), (Channel("hum"),)

    def of_own(device: str, epoch: int) -> tuple[Channel, ...]:
        return {("pump", 1): own}[device, epoch]

    known = KnownChannels(of_own)
    known.add({("fan", 2): theirs})
    assert (known.of("pump", 1), known.of("fan", 2)) == (own, theirs)
    assert known.has_all([("fan", 2)])
    assert not known.has_all([("fan", 2), ("fan", 3)])
    with pytest.raises(KeyError):
        known.of("fan", 3)
