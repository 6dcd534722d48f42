"""What goes when: rows that everybody has and nobody resumes from, cursors that found no room, epochs nobody uses."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from hub.journal import JournalSettings, SQLiteJournalFile
from hub.journal.marks import KEPT_EPOCHS, Marks
from hub.journal.room import Room
from hub.journal.upkeep import ResumeWindow, Upkeep
from hub.journal.writer import Writer
from hub.ports import FollowerCursor, JournalBroken, JournalFull
from tests.support.faulty_file import FaultyFile
from tests.support.owner import Session
from tests.support.waiting import until

ALL = FollowerCursor(1_000, 1_000)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look and try again more often than a hub does."""
    monkeypatch.setattr("hub.journal.upkeep._PERIOD_S", 0.02)


class Tended:
    """An Upkeep on a real file with rows at positions 1 to `rows`."""

    def __init__(self, directory: Path, settings: JournalSettings, rows: int, body: bytes) -> None:
        self.file = FaultyFile(SQLiteJournalFile(directory / "journal.db"))
        self.file.open()
        session = Session()
        if rows:
            entries = [session.entry(7, seq, body) for seq in range(1, rows + 1)]
            self.file.commit([session.opening(7)], [], {})
            for entry in entries:
                self.file.commit([], [entry.row], {("pump", 7): entry.row.seq})
        self.file.close()
        state = self.file.open()
        self.marks = Marks(state.marks)
        self.room = Room(settings, self.file.disk_bytes())
        self.upkeep = Upkeep(Writer(self.file), settings, state, self.room, self.marks)
        self.position = rows


@asynccontextmanager
async def tended(directory: Path, settings: JournalSettings, rows: int = 20, body: bytes = b"body") -> AsyncIterator[Tended]:
    it = Tended(directory, settings, rows, body)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(it.upkeep.run, lambda: it.position, lambda: None)
        yield it
        nursery.cancel_scope.cancel()
    it.file.close()


def test_window_begins_where_the_journal_was_then() -> None:
    window = ResumeWindow(10.0)
    assert [window.noted(at_s, position) for at_s, position in ((0, 5), (5, 9), (9, 9), (10, 12), (14.9, 12), (15, 13))] == [
        0,
        0,
        0,
        5,
        5,
        9,
    ]


def test_quiet_journal_leaves_the_window_too() -> None:
    window = ResumeWindow(10.0)
    window.noted(0, 5)
    assert window.noted(10_000, 5) == 5
    assert window.noted(20_000, 5) == 5


async def test_rows_go_only_when_every_follower_has_them(tmp_path: Path) -> None:
    settings = JournalSettings(resume_window_s=0.0, resume_bytes=0)
    async with tended(tmp_path, settings) as it:
        await it.upkeep.set_cursor("history", ALL)
        await it.upkeep.set_cursor("ledger", FollowerCursor(20, 8))
        await it.upkeep.set_cursor("stranger", FollowerCursor(0, 0))
        await until(lambda: it.upkeep.first == 9)
        assert [row.position for row in it.file.read(0, 100, 1 << 20)] == list(range(9, 21))


async def test_bound_of_the_window_in_bytes_takes_no_more_than_it_must(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.journal.upkeep._STEP_ROWS", 10)
    settings = JournalSettings(followers=("history",), resume_bytes=1 << 20)
    async with tended(tmp_path, settings, rows=400, body=bytes(6_000)) as it:
        await it.upkeep.set_cursor("history", ALL)
        await until(lambda: it.upkeep.first > 1 and it.room.size_bytes < 1 << 20)
        looks = it.file.looks
        await until(lambda: it.file.looks > looks + 2)
        assert it.room.size_bytes > (1 << 20) - 200_000
        assert it.upkeep.first == it.file.read(0, 1, 1)[0].position


async def test_cursor_that_found_no_room_is_kept_later(tmp_path: Path) -> None:
    async with tended(tmp_path, JournalSettings()) as it:
        it.file.errors["set_cursor"] = JournalFull("the disk is full")
        await it.upkeep.set_cursor("history", FollowerCursor(20, 15))
        assert it.upkeep.cursor("history") == FollowerCursor(20, 15)
        del it.file.errors["set_cursor"]
        looks = it.file.looks
        await until(lambda: it.file.looks > looks + 1)
    state = SQLiteJournalFile(tmp_path / "journal.db").open()
    assert state.cursors["history"] == FollowerCursor(20, 15)


async def test_cursor_of_nobody_is_zero(tmp_path: Path) -> None:
    async with tended(tmp_path, JournalSettings()) as it:
        assert it.upkeep.cursor("nobody") == FollowerCursor(0, 0)


async def test_full_disk_ends_nothing_and_a_broken_one_all(tmp_path: Path) -> None:
    settings = JournalSettings(resume_window_s=0.0, followers=("history",))
    it = Tended(tmp_path, settings, 20, b"body")
    it.file.errors["trim"] = JournalFull("the disk is full")
    await it.upkeep.set_cursor("history", ALL)
    looks = it.file.looks

    def break_after_some_looks() -> None:
        if it.file.looks > looks + 2:
            it.file.errors["trim"] = JournalBroken("gone")

    with pytest.raises(JournalBroken):
        await it.upkeep.run(lambda: 20, break_after_some_looks)
    it.file.close()


async def test_epochs_nobody_uses_leave_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.journal.upkeep._FORGET_EVERY", 1)
    async with tended(tmp_path, JournalSettings(), rows=0) as it:
        session = Session()
        openings = [session.opening(epoch) for epoch in range(1, KEPT_EPOCHS + 4)]
        it.file.commit(openings, [], {})
        it.marks.committed(openings, {}, 0)
        await until(lambda: len(it.marks.of("pump")) == KEPT_EPOCHS)
    state = SQLiteJournalFile(tmp_path / "journal.db").open()
    assert {mark.epoch for mark in state.marks} == set(range(4, KEPT_EPOCHS + 4))


async def test_epochs_of_removed_devices_leave_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.journal.upkeep._FORGET_EVERY", 1)
    async with tended(tmp_path, JournalSettings(is_known=lambda device: device == "kiln"), rows=0) as it:
        openings = [Session(name).opening(7) for name in ("pump", "kiln")]
        it.file.commit(openings, [], {})
        it.marks.committed(openings, {}, 0)
        await until(lambda: not it.marks.of("pump"))
    state = SQLiteJournalFile(tmp_path / "journal.db").open()
    assert {mark.device for mark in state.marks} == {"kiln"}
