"""One thread, one call at a time, and a file that broke is known to be broken."""

import threading
from pathlib import Path

import pytest
import trio

from hub.journal import SQLiteJournalFile
from hub.journal.writer import Writer
from hub.ports import FollowerCursor, JournalBroken
from tests.support.faulty_file import FaultyFile


async def test_calls_come_one_after_another(tmp_path: Path) -> None:
    writer, running, most = Writer(SQLiteJournalFile(tmp_path / "journal.db")), 0, 0
    lock = threading.Lock()

    def call() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        with lock:
            running -= 1

    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(writer.call, call)
    assert most == 1


async def test_cancelled_call_is_waited_for(tmp_path: Path) -> None:
    writer = Writer(SQLiteJournalFile(tmp_path / "journal.db"))
    began, go_on, ended = trio.Event(), threading.Event(), threading.Event()

    def call() -> None:
        trio.from_thread.run_sync(began.set)
        go_on.wait(10)
        ended.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(writer.call, call)
        await began.wait()
        nursery.cancel_scope.cancel()
        go_on.set()
    assert ended.is_set()


async def test_broken_file_is_remembered(tmp_path: Path) -> None:
    file = FaultyFile(SQLiteJournalFile(tmp_path / "journal.db"))
    file.errors["size_bytes"] = JournalBroken("gone")
    writer = Writer(file)
    with pytest.raises(JournalBroken):
        await writer.call(file.size_bytes)
    assert writer.is_broken


async def test_nothing_is_written_on_a_file_that_broke(tmp_path: Path) -> None:
    file = FaultyFile(SQLiteJournalFile(tmp_path / "journal.db"))
    writer = Writer(file)
    await writer.call(file.open)
    file.errors["set_cursor"] = JournalBroken("gone")
    with pytest.raises(JournalBroken, match="gone"):
        await writer.call(lambda: file.set_cursor("history", FollowerCursor(0, 0)))
    file.errors.clear()  # as a kernel does, which tells of a failed sync once
    with pytest.raises(JournalBroken, match="failed before"):
        await writer.call(lambda: file.commit([], [], {}))
    await writer.close()
    await writer.close()
