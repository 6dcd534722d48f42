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
from hub.journal.marks import KEPT_EPOCHS, MAX_HELD, Marks
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


def listed(number: int, count: int = 900) -> tuple[Channel, ...]:
    return tuple(Channel(f"c{number}-{at}") for at in range(count))


def test_a_device_that_changes_its_channels_at_each_connection_is_stopped_until_its_rows_are_gone() -> None:
    marks, epoch = Marks(()), 0
    while marks.has_room_for("pump", [listed(epoch)]):
        epoch += 1
        marks.committed([Opening("pump", epoch, listed(epoch), 0)], {("pump", epoch): 1}, epoch)
    assert epoch == KEPT_EPOCHS  # those are kept in any case
    assert marks.has_room_for("kiln", [listed(1)])


def test_a_device_has_room_again_once_what_it_sent_has_left_the_journal() -> None:
    marks, epoch = Marks(()), 0
    while marks.has_room_for("pump", [listed(epoch, 200)]):
        epoch += 1
        marks.committed([Opening("pump", epoch, listed(epoch, 200), 0)], {("pump", epoch): 1}, epoch)
    assert KEPT_EPOCHS < epoch < 200
    assert len(marks.forget(first=10_000)) == epoch - KEPT_EPOCHS
    assert marks.has_room_for("pump", [listed(epoch, 200)])


def test_a_device_whose_channels_stay_may_open_an_epoch_every_ten_seconds_for_a_day_while_nothing_is_stored() -> None:
    marks = Marks(())
    for epoch in range(1, 8_641):
        declared = listed(epoch % 2, 20)  # of two programs in turn
        assert marks.has_room_for("pump", [declared])
        marks.committed([Opening("pump", epoch, declared, 0)], {("pump", epoch): 1}, epoch)
    assert marks.channels("pump", 3) is marks.channels("pump", 8_639)


def test_texts_of_states_count_as_channels() -> None:
    marks = Marks(())
    for epoch in range(1, KEPT_EPOCHS + 1):
        marks.committed([Opening("pump", epoch, CHANNELS, 0)], {("pump", epoch): 1}, epoch)
    assert not marks.has_room_for("pump", [(Channel("mode", values=tuple(map(str, range(MAX_HELD)))),)])


def test_epochs_of_a_device_that_was_removed_are_forgotten_once_it_was_missed_twice_and_its_rows_are_gone() -> None:
    epochs = [EpochMark("pump", 1, 5, 40, CHANNELS, 1), EpochMark("pump", 2, 5, 50, listed(1), 2)]
    marks = Marks([*epochs, EpochMark("pump", IMPORTED_FROM + 5, 9, 1, CHANNELS, 0), EpochMark("kiln", 1, 5, 2, CHANNELS, 1)])
    assert marks.forget(50, lambda device: device == "kiln") == []
    assert marks.forget(50, lambda device: device == "kiln") == [("pump", 1)]
    assert marks.forget(100) == []  # it is back
    assert marks.forget(100, lambda device: device == "kiln") == []
    assert marks.forget(100, lambda device: device == "kiln") == [("pump", 2)]
    assert marks.of("pump") == {IMPORTED_FROM + 5: 9}
    assert marks.of("kiln") == {1: 5}
