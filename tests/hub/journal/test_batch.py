"""What a batch means for rows, marks and owners, and that taking one owner out leaves the others as they were."""

from hub.core.records import Row, RowKind
from hub.journal import Entry
from hub.journal.batch import Batch, OpeningRequest
from tests.support.owner import Session


def batch_of(*entries: Entry) -> Batch:
    batch = Batch()
    for entry in entries:
        batch.add(entry)
    return batch


def gap(session: Session, epoch: int, seq: int, *marks: tuple[int, int]) -> Entry:
    return Entry(session, Row(0, session.device, epoch, seq, RowKind.GAP, 0, b"gap", None), marks)


def test_mark_moves_to_the_highest_seq() -> None:
    session = Session()
    batch = batch_of(session.entry(7, 1), session.entry(7, 2), session.entry(8, 1))
    assert batch.marks() == {("pump", 7): 2, ("pump", 8): 1}
    assert dict(batch.told()) == {session: {7: 2, 8: 1}}


def test_gap_moves_to_its_last_and_gives_up_another_epoch() -> None:
    session = Session()
    batch = batch_of(session.entry(7, 1), gap(session, 7, 2, (7, 9), (5, 40)))
    assert batch.marks() == {("pump", 7): 9, ("pump", 5): 40}


def test_mark_does_not_go_back_to_a_lower_seq() -> None:
    session = Session()
    batch = batch_of(gap(session, 7, 2, (7, 9)), session.entry(7, 3))
    assert batch.marks() == {("pump", 7): 9}


def test_owners_are_told_of_their_own_frames_only() -> None:
    first, second = Session("a"), Session("b")
    batch = batch_of(first.entry(7, 1), second.entry(7, 5), first.entry(7, 2))
    assert dict(batch.told()) == {first: {7: 2}, second: {7: 5}}


def test_frames_of_an_owner_keep_their_order() -> None:
    first, second = Session("a"), Session("b")
    rows = batch_of(first.entry(7, 1), second.entry(7, 1), first.entry(8, 1), first.entry(7, 2)).rows()
    assert [(row.epoch, row.seq) for row in rows if row.device == "a"] == [(7, 1), (8, 1), (7, 2)]


def test_what_was_acked_elsewhere_comes_before_the_frames() -> None:
    session = Session()
    batch = batch_of(session.entry(7, 41))
    batch.ask(session, OpeningRequest([session.opening(7, elsewhere=40), session.opening(8)]))
    assert [(row.kind, row.seq) for row in batch.rows()] == [(RowKind.ELSEWHERE, 40), (RowKind.DATA, 41)]
    assert batch.marks() == {("pump", 7): 41}
    assert [opening.epoch for opening in batch.openings()] == [7, 8]


def test_owner_leaves_with_all_that_is_his() -> None:
    first, second = Session("a"), Session("b")
    batch = batch_of(first.entry(7, 1, b"12345"), second.entry(7, 1, b"123"))
    batch.ask(first, OpeningRequest([first.opening(7)]))
    batch.remove(first)
    batch.remove(first)
    assert (batch.size_bytes, batch.entries) == (3, 1)
    assert batch.openings() == []
    assert [row.device for row in batch.rows()] == ["b"]


def test_later_frames_come_after() -> None:
    session = Session()
    batch = batch_of(session.entry(7, 1, b"1"))
    batch.append(batch_of(session.entry(7, 2, b"22"), Session("b").entry(7, 1, b"333")))
    assert [row.body for row in batch.rows()] == [b"1", b"22", b"333"]
    assert (batch.size_bytes, batch.entries) == (6, 3)


def test_later_marks_are_told_too() -> None:
    session = Session()
    batch = batch_of(session.entry(7, 1))
    batch.append(batch_of(session.entry(7, 2), session.entry(8, 1)))
    assert dict(batch.told()) == {session: {7: 2, 8: 1}}


def test_large_batch_is_split_between_owners() -> None:
    sessions = [Session(str(number)) for number in range(5)]
    batch = batch_of(*(session.entry(7, seq, b"12") for seq in range(1, 4) for session in sessions))
    batch.ask(sessions[4], OpeningRequest([sessions[4].opening(8)]))
    rest = batch.split(4)
    assert [row.device for row in batch.rows()] == ["0"] * 3 + ["1"] * 3
    assert [row.device for row in rest.rows()] == ["2"] * 3 + ["3"] * 3 + ["4"] * 3
    assert (batch.entries, batch.size_bytes, rest.entries, rest.size_bytes) == (6, 12, 9, 18)
    assert len(rest.openings()) == 1
    assert rest.split(100).entries == 0
