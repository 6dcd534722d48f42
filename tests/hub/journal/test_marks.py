"""The marks in memory say what the file says, whatever is committed; and what is forgotten is what nobody can need."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.wire.messages import Channel
from hub.core.epochs import IMPORTED_FROM
from hub.journal import SQLiteJournalFile
from hub.journal.batch import Batch, OpeningRequest
from hub.journal.marks import KEPT_EPOCHS, Marks
from hub.ports import EpochMark, JournalState, Opening
from tests.support.owner import CHANNELS, Session

SESSIONS = {name: Session(name) for name in ("a", "b")}
EPOCHS = st.integers(1, 4)
SEQS = st.integers(1, 2**53 - 1)


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    batch = Batch()
    for session in draw(st.lists(st.sampled_from(list(SESSIONS.values())), max_size=8)):
        epoch, seq = draw(EPOCHS), draw(SEQS)
        if draw(st.booleans()):
            batch.ask(session, OpeningRequest([session.opening(epoch, elsewhere=draw(st.sampled_from([0, seq])))]))
        else:
            entry = session.entry(epoch, seq)
            batch.add(entry._replace(marks=(*entry.marks, *draw(st.lists(st.tuples(EPOCHS, SEQS), max_size=1)))))
    return batch


def reopened(file: SQLiteJournalFile) -> JournalState:
    file.close()
    return file.open()


@settings(max_examples=30)
@given(st.lists(batches(), max_size=6))
def test_marks_in_memory_are_those_of_the_file(committed: list[Batch]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = SQLiteJournalFile(Path(folder) / "journal.db")
        state = file.open()
        marks, position = Marks(state.marks), state.last
        highest: dict[tuple[str, int], int] = {}
        for batch in committed:
            openings = batch.openings()
            for opening in openings:
                highest.setdefault((opening.device, opening.epoch), 0)
            rows = [row for row in batch.rows() if (row.device, row.epoch) in highest]  # no session sends in an epoch that is not open
            moves = {key: seq for key, seq in batch.marks().items() if key in highest}
            first = file.commit(openings, rows, moves)
            assert not rows or first == position + 1
            position += len(rows)
            marks.committed(openings, moves, position)
            for key in highest.keys() & moves.keys():
                highest[key] = max(highest[key], moves[key])
        state = reopened(file)
        file.close()
    assert {(mark.device, mark.epoch): mark.seq for mark in state.marks} == highest
    assert state.last == position
    for known in (marks, Marks(state.marks)):
        assert {(name, epoch): seq for name in SESSIONS for epoch, seq in known.of(name).items()} == highest
    assert all(marks.channels(*key) == CHANNELS for key in highest)


def known(count: int) -> Marks:
    """Return a device's marks: epochs from 1 on, each with its row at the position of its number."""
    return Marks([EpochMark("pump", number, 5, number, CHANNELS, number) for number in range(1, count + 1)])


def test_longest_unused_are_forgotten_first() -> None:
    marks = known(KEPT_EPOCHS + 2)
    assert marks.forget(first=10_000) == [("pump", 2), ("pump", 1)]
    assert marks.of("pump").keys() == set(range(3, KEPT_EPOCHS + 3))
    assert marks.forget(first=10_000) == []


def test_epoch_that_a_session_asked_for_is_kept() -> None:
    marks = known(KEPT_EPOCHS + 2)
    marks.channels("pump", 1)
    assert marks.forget(first=10_000) == [("pump", 3), ("pump", 2)]


def test_epoch_that_moved_is_kept() -> None:
    marks = known(KEPT_EPOCHS + 1)
    marks.committed([], {("pump", 1): 6}, 500)
    assert marks.forget(first=10_000) == [("pump", 2)]
    assert marks.of("pump")[1] == 6


def test_epoch_with_rows_in_the_journal_is_kept() -> None:
    marks = known(KEPT_EPOCHS + 2)
    assert marks.forget(first=2) == [("pump", 1)]


def test_forgotten_epoch_is_opened_like_a_new_one() -> None:
    marks = known(KEPT_EPOCHS + 1)
    marks.forget(first=10_000)
    with pytest.raises(KeyError):
        marks.channels("pump", 1)
    other = (Channel("other"),)
    marks.committed([Opening("pump", 1, other, 9)], {}, 500)
    assert (marks.of("pump")[1], marks.channels("pump", 1)) == (0, other)


def test_epochs_with_one_channel_list_share_it() -> None:
    marks = Marks(())
    for epoch in (1, 2):
        marks.committed([Opening("pump", epoch, (Channel("temp", "Cel"),), 0)], {}, 0)
    assert marks.channels("pump", 1) is marks.channels("pump", 2)


def test_marks_of_imported_files_are_never_forgotten() -> None:
    marks = Marks([EpochMark("pump", IMPORTED_FROM + 5, 9, 1, CHANNELS, 0)])
    for epoch in range(1, 2 * KEPT_EPOCHS):
        marks.committed([Opening("pump", epoch, CHANNELS, 0)], {("pump", epoch): 1}, 10 + epoch)
    forgotten = marks.forget(10_000)
    assert len(forgotten) == KEPT_EPOCHS - 1
    assert ("pump", IMPORTED_FROM + 5) not in forgotten
    assert marks.of("pump")[IMPORTED_FROM + 5] == 9
