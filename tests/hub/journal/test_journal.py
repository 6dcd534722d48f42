"""The journal on its real file: what is told is durable, in order, once; and what happens when the disk is full, broken, or away."""

import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio
import trio.testing

from hub.core.records import Row, RowKind
from hub.journal import Journal, JournalSettings, SQLiteJournalFile
from hub.journal.room import MAX_PENDING_BYTES
from hub.layers import layer
from hub.ports import FollowerCursor, JournalBroken
from tests.support.faulty_file import FaultyFile
from tests.support.owner import CHANNELS, Session
from tests.support.waiting import until


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look and try again more often than a hub does."""
    monkeypatch.setattr("hub.journal.upkeep._PERIOD_S", 0.02)
    monkeypatch.setattr("hub.journal.journal._RETRY_S", 0.05)


def faulty_journal(directory: Path, settings: JournalSettings | None = None) -> tuple[Journal, FaultyFile]:
    file = FaultyFile(SQLiteJournalFile(directory / "journal.db"))
    return Journal(file, settings or JournalSettings(), lambda: time.time_ns() // 1000), file


@asynccontextmanager
async def running(directory: Path, settings: JournalSettings | None = None) -> AsyncIterator[tuple[Journal, FaultyFile]]:
    journal, file = faulty_journal(directory, settings)
    async with layer(journal.run):
        yield journal, file


async def fill(journal: Journal, session: Session, epoch: int, seqs: Iterable[int], body: bytes = b"body") -> None:
    await journal.open_epochs(session, [session.opening(epoch)])
    last = 0
    for last in seqs:
        journal.submit(session.entry(epoch, last, body))
    await session.is_told(epoch, last)


async def test_frames_are_told_once_durable_and_found_by_the_next_start(tmp_path: Path) -> None:
    async with running(tmp_path) as (journal, _):
        await fill(journal, Session(), 7, range(1, 6))
        id_before = journal.id
    async with running(tmp_path) as (journal, _):
        assert journal.id == id_before
        assert journal.position == 5
        assert journal.marks("pump") == {7: 5}
        assert journal.channels("pump", 7) == CHANNELS
        assert [(row.position, row.seq) for row in await journal.read(0)] == [(n, n) for n in range(1, 6)]


async def test_what_comes_together_shares_a_commit(tmp_path: Path) -> None:
    async with running(tmp_path) as (journal, file):
        first, second = Session("a"), Session("b")
        for session in (first, second):
            await journal.open_epochs(session, [session.opening(7)])
        before = file.commits
        for seq in range(1, 101):
            journal.submit(first.entry(7, seq))
            journal.submit(second.entry(7, seq))
        await first.is_told(7, 100)
        await second.is_told(7, 100)
        assert file.commits == before + 1
        assert first.calls == second.calls == 1


async def test_very_much_at_once_takes_several_commits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.journal.pending.MAX_COMMIT_ROWS", 10)
    async with running(tmp_path) as (journal, file):
        sessions = [Session(f"pump-{number}") for number in range(6)]
        for session in sessions:
            await journal.open_epochs(session, [session.opening(7)])
        before = file.commits
        for seq in range(1, 6):
            for session in sessions:
                journal.submit(session.entry(7, seq))
        for session in sessions:
            await session.is_told(7, 5)
        assert file.commits == before + 3
        rows = await journal.read(0)
        assert [row.position for row in rows] == list(range(1, 31))
        assert [row.seq for row in rows if row.device == "pump-5"] == [1, 2, 3, 4, 5]


async def test_followers_see_rows_after_their_owner_and_in_order(tmp_path: Path) -> None:
    seen: list[str] = []
    async with running(tmp_path) as (journal, _):
        session = Session()
        journal.on_commit(lambda rows: seen.extend(f"{row.position} after {session.told.get(7)}" for row in rows))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(journal.wait_beyond, 2)
            await fill(journal, session, 7, [1])
            await fill(journal, session, 7, [2])
            await fill(journal, session, 7, [3])
    assert seen == ["1 after 1", "2 after 2", "3 after 3"]


async def test_rows_are_read_across_the_edge_of_the_tail(tmp_path: Path) -> None:
    async with running(tmp_path, JournalSettings(tail_bytes=20_000)) as (journal, _):
        session = Session()
        for begin in range(1, 200, 20):
            await fill(journal, session, 7, range(begin, begin + 20), b"x" * 100)
        for after in range(0, 200, 7):
            rows = await journal.read(after, max_rows=11)
            assert [row.position for row in rows] == list(range(after + 1, min(after + 12, 201)))
        assert len(await journal.read(0, max_bytes=350)) == 3
        assert len(await journal.read(199, max_bytes=1)) == 1
        assert await journal.read(200) == []


async def test_full_disk_keeps_the_batch_and_goes_on(tmp_path: Path) -> None:
    async with running(tmp_path) as (journal, file):
        session, changes = Session(), list[str | None]()
        journal.on_holding(lambda: changes.append(journal.holding))
        await journal.open_epochs(session, [session.opening(7)])
        file.is_full = True
        journal.submit(session.entry(7, 1))
        await holding(journal, "store_full")
        assert not await journal.open_epochs(session, [session.opening(8)])
        journal.submit(session.entry(7, 2))
        assert session.told == {}
        file.is_full = False
        await session.is_told(7, 2)
        assert changes == ["store_full", None]
        assert journal.marks("pump") == {7: 2, 8: 0}


async def test_a_session_that_leaves_while_the_disk_is_full_takes_its_frames_along(tmp_path: Path) -> None:
    async with running(tmp_path) as (journal, file):
        gone, stays = Session("gone"), Session("stays")
        for session in (gone, stays):
            await journal.open_epochs(session, [session.opening(7)])
        file.is_full = True
        journal.submit(gone.entry(7, 1))
        journal.submit(stays.entry(7, 1))
        await holding(journal, "store_full")
        await journal.withdraw(gone)
        file.is_full = False
        await stays.is_told(7, 1)
        assert [row.device for row in await journal.read(0)] == ["stays"]
        assert gone.told == {}


async def test_room_that_came_back_is_found_when_nothing_waits_any_more(tmp_path: Path) -> None:
    async with running(tmp_path) as (journal, file):
        session = Session()
        await journal.open_epochs(session, [session.opening(7)])
        file.is_full = True
        journal.submit(session.entry(7, 1))
        await holding(journal, "store_full")
        await journal.withdraw(session)
        file.is_full = False
        await holding(journal, None)


async def test_a_session_that_leaves_during_a_commit_waits_for_it(tmp_path: Path) -> None:
    async with running(tmp_path) as (journal, file):
        session = Session()
        await journal.open_epochs(session, [session.opening(7)])
        file.began.clear()
        file.go_on.clear()
        journal.submit(session.entry(7, 1))
        await trio.to_thread.run_sync(file.began.wait, 10)
        journal.submit(session.entry(7, 2))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(journal.withdraw, session)
            await trio.testing.wait_all_tasks_blocked()
            assert session.told == {}
            file.go_on.set()
        assert session.told == {7: 1}
        assert [row.seq for row in await journal.read(0)] == [1]


async def test_broken_disk_ends_the_journal_and_tells_nobody(tmp_path: Path) -> None:
    session = Session()
    journal, file = faulty_journal(tmp_path)

    async def break_it() -> None:
        async with layer(journal.run):
            await journal.open_epochs(session, [session.opening(7)])
            file.is_broken = True
            journal.submit(session.entry(7, 1))
            await trio.sleep_forever()

    with pytest.raises(ExceptionGroup) as caught:
        await break_it()
    assert caught.value.subgroup(JournalBroken)
    assert session.told == {}
    await journal.withdraw(session)  # does not hang
    async with running(tmp_path) as (again, _):
        assert again.marks("pump") == {7: 0}


async def test_stopping_commits_what_waits(tmp_path: Path) -> None:
    session = Session()
    async with running(tmp_path, JournalSettings(gather_s=30.0)) as (journal, _):
        journal.submit(session.entry(7, 1))
    assert session.told == {7: 1}
    with pytest.raises(RuntimeError):
        journal.submit(session.entry(7, 2))


async def test_opened_epochs_alone_are_no_rows_for_followers(tmp_path: Path) -> None:
    seen: list[int] = []
    async with running(tmp_path) as (journal, _):
        session = Session()
        journal.on_commit(lambda rows: seen.append(len(rows)))
        assert await journal.open_epochs(session, [session.opening(7)])
        assert await journal.open_epochs(session, [])
        await fill(journal, session, 8, [1])
    assert seen == [1]
    assert session.calls == 1


async def test_commits_begin_a_while_apart(tmp_path: Path) -> None:
    async with running(tmp_path, JournalSettings(gather_s=0.1)) as (journal, file):
        session = Session()
        await journal.open_epochs(session, [session.opening(7)])
        before, began_s = file.commits, trio.current_time()
        for seq in range(1, 60):
            journal.submit(session.entry(7, seq))
            await trio.sleep(0.005)
        await session.is_told(7, 59)
        assert file.commits - before <= (trio.current_time() - began_s) / 0.1 + 1


async def test_stopping_with_a_full_disk_leaves_what_waits(tmp_path: Path) -> None:
    session = Session()
    async with running(tmp_path) as (journal, file):
        await journal.open_epochs(session, [session.opening(7)])
        file.is_full = True
        journal.submit(session.entry(7, 1))
        await holding(journal, "store_full")
    assert session.told == {}
    await journal.withdraw(session)
    async with running(tmp_path) as (journal, _):
        assert journal.marks("pump") == {7: 0}


async def test_stopping_during_a_commit_waits_for_it_and_tells(tmp_path: Path) -> None:
    session = Session()
    async with running(tmp_path) as (journal, file):
        await journal.open_epochs(session, [session.opening(7)])
        file.began.clear()
        file.go_on.clear()
        journal.submit(session.entry(7, 1))
        await trio.to_thread.run_sync(file.began.wait, 10)
        journal.submit(session.entry(7, 2))
        trio.lowlevel.current_trio_token().run_sync_soon(file.go_on.set)
    assert session.told == {7: 2}


async def test_stopping_while_the_thread_is_busy_still_commits(tmp_path: Path) -> None:
    session = Session()
    async with trio.open_nursery() as nursery, running(tmp_path) as (journal, file):
        await journal.open_epochs(session, [session.opening(7)])
        file.slow.add("set_cursor")
        file.go_on.clear()
        nursery.start_soon(journal.set_cursor, "history", FollowerCursor(1, 1))
        journal.submit(session.entry(7, 1))
        await until(lambda: not journal._pending._waiting.shares)  # taken, and waiting for the thread
        nursery.start_soon(let_go_when_stopping, journal, file)
    assert session.told == {7: 1}


async def let_go_when_stopping(journal: Journal, file: FaultyFile) -> None:
    await trio.testing.wait_all_tasks_blocked()
    file.go_on.set()


@pytest.mark.parametrize("step", ["open_epochs", "withdraw", "wait_beyond", "read", "set_cursor"])
async def test_call_cancelled_at_any_step_leaves_nothing_behind(tmp_path: Path, step: str) -> None:
    async with running(tmp_path) as (journal, file):
        session, other = Session(), Session("other")
        await fill(journal, session, 7, [1])
        file.began.clear()
        file.go_on.clear()
        journal.submit(session.entry(7, 2))
        await trio.to_thread.run_sync(file.began.wait, 10)
        calls: dict[str, Callable[[], Awaitable[object]]] = {
            "open_epochs": partial(journal.open_epochs, session, [session.opening(8)]),
            "withdraw": partial(journal.withdraw, session),
            "wait_beyond": partial(journal.wait_beyond, 1),
            "read": partial(journal.read, 0),
            "set_cursor": partial(journal.set_cursor, "history", FollowerCursor(1, 1)),
        }
        with trio.CancelScope() as scope:
            scope.cancel()
            await calls[step]()
        file.go_on.set()
        await session.is_told(7, 2)
        await journal.withdraw(session)
        assert journal.statistics()["pending_rows"] == 0
        await fill(journal, other, 9, [1, 2])
        assert [row.seq for row in await journal.read(0)] == [1, 2, 1, 2]


async def test_openings_wait_out_a_full_disk_and_come_first(tmp_path: Path) -> None:
    async with running(tmp_path) as (journal, file):
        session = Session()
        file.is_full = True
        assert not await journal.open_epochs(session, [session.opening(7)])
        await holding(journal, "store_full")
        assert not await journal.open_epochs(session, [session.opening(8)])
        journal.submit(session.entry(8, 1))
        file.is_full = False
        await session.is_told(8, 1)
        assert journal.marks("pump") == {7: 0, 8: 1}


async def test_many_leave_at_once_while_the_disk_is_full(tmp_path: Path) -> None:
    async with running(tmp_path) as (journal, file):
        sessions = [Session(f"pump-{number}") for number in range(1_000)]
        file.is_full = True
        for session in sessions:
            for seq in range(1, 31):
                journal.submit(session.entry(7, seq))
        await holding(journal, "store_full")
        for session in sessions:
            await journal.withdraw(session)
        assert journal.statistics()["pending_bytes"] == 0
        await holding(journal, "store_full")
        file.is_full = False
        await holding(journal, None)


async def test_read_finds_nothing_that_was_not_told(tmp_path: Path) -> None:
    async with running(tmp_path, JournalSettings(tail_bytes=0)) as (journal, file):
        session = Session()
        await fill(journal, session, 7, range(1, 4))
        file.commit([], [session.entry(7, 4).row], {})
        assert [row.seq for row in await journal.read(0)] == [1, 2, 3]


async def test_calls_on_a_journal_that_does_not_run_are_refused(tmp_path: Path) -> None:
    journal, _ = faulty_journal(tmp_path)
    session = Session()
    with pytest.raises(RuntimeError):
        journal.submit(session.entry(7, 1))
    with pytest.raises(RuntimeError):
        await journal.open_epochs(session, [session.opening(7)])


async def test_too_much_that_waits_holds_until_half_is_gone(tmp_path: Path) -> None:
    async with running(tmp_path) as (journal, file):
        session = Session()
        await journal.open_epochs(session, [session.opening(7)])
        file.go_on.clear()
        body = bytes(1 << 20)
        for seq in range(1, MAX_PENDING_BYTES // len(body) + 2):
            journal.submit(session.entry(7, seq, body))
        assert journal.holding == "overload"
        file.go_on.set()
        await session.is_told(7, MAX_PENDING_BYTES // len(body) + 1)
        await holding(journal, None)


async def test_an_overload_ends_when_those_who_made_it_leave(tmp_path: Path) -> None:
    async with running(tmp_path) as (journal, file):
        session = Session()
        await journal.open_epochs(session, [session.opening(7)])
        file.is_full = True
        body = bytes(1 << 20)
        for seq in range(1, MAX_PENDING_BYTES // len(body) + 2):
            journal.submit(session.entry(7, seq, body))
        await until(lambda: file.tries > 1)
        file.is_full = False
        await journal.withdraw(session)
        await holding(journal, None)  # though nobody sends or connects


async def test_a_bound_of_the_file_holds_and_loses_nothing(tmp_path: Path) -> None:
    settings = JournalSettings(max_bytes=1 << 20, resume_bytes=0)
    async with running(tmp_path, settings) as (journal, _):
        session = Session()
        await fill(journal, session, 7, range(1, 300), bytes(8_000))
        await holding(journal, "store_full")
        assert journal.first == 1  # what no follower has is never trimmed
        for name in settings.followers:
            await journal.set_cursor(name, FollowerCursor(299, 290))
        await holding(journal, None)
        assert 270 < journal.first <= 291  # whole commits go


async def test_rows_stay_for_the_resume_window(tmp_path: Path) -> None:
    async with running(tmp_path) as (journal, file):
        await fill(journal, Session(), 7, range(1, 10))
        for name in JournalSettings().followers:
            await journal.set_cursor(name, FollowerCursor(9, 9))
        looked = file.looks
        await until(lambda: file.looks > looked + 1)
        assert journal.first == 1


async def test_positions_are_not_reused_when_everything_was_trimmed(tmp_path: Path) -> None:
    settings = JournalSettings(resume_window_s=0.0, resume_bytes=0, followers=("history",))
    async with running(tmp_path, settings) as (journal, _):
        await fill(journal, Session(), 7, range(1, 10))
        await journal.set_cursor("history", FollowerCursor(9, 9))
        await until(lambda: journal.first == 10)
    async with running(tmp_path, settings) as (journal, _):
        assert (journal.first, journal.position) == (10, 9)
        assert journal.cursor("history") == FollowerCursor(9, 9)
        await fill(journal, Session(), 8, [1])
        assert [row.position for row in await journal.read(0)] == [10]


async def test_frames_acked_elsewhere_take_a_row(tmp_path: Path) -> None:
    async with running(tmp_path) as (journal, _):
        session = Session()
        assert await journal.open_epochs(session, [session.opening(7, elsewhere=40)])
        assert journal.marks("pump") == {7: 40}
        (row,) = await journal.read(0)
        assert (row.kind, row.seq) == (RowKind.ELSEWHERE, 40)


@pytest.mark.parametrize("kill_after", [1, 40, 200])
async def test_what_was_told_survives_kill_9(tmp_path: Path, kill_after: int) -> None:
    told = told_until_killed(tmp_path, kill_after)
    async with running(tmp_path) as (journal, _):
        assert journal.marks("pump")[7] >= told
        rows: Sequence[Row] = await journal.read(0, max_rows=1_000_000, max_bytes=1 << 30)
        assert [row.seq for row in rows] == list(range(1, journal.marks("pump")[7] + 1))


def told_until_killed(directory: Path, kill_after: int) -> int:
    """Run the program until it was told this seq, kill it, and return the last one it was told."""
    program = Path(__file__).with_name("writer_program.py")
    with subprocess.Popen([sys.executable, str(program), str(directory)], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        told = 0
        while told < kill_after:
            told = int(child.stdout.readline())
        child.kill()
        return max([told, *map(int, child.stdout.read().split())])


async def holding(journal: Journal, reason: str | None) -> None:
    """Wait until the journal holds for this reason."""
    await until(lambda: journal.holding == reason)


async def test_nothing_is_trimmed_while_the_journal_is_pinned(tmp_path: Path) -> None:
    settings = JournalSettings(resume_window_s=0.0, followers=("history",))
    async with running(tmp_path, settings) as (journal, file):
        with journal.pinned():
            await fill(journal, Session(), 7, range(1, 6))
            await journal.set_cursor("history", FollowerCursor(5, 5))
            looks = file.looks
            await until(lambda: file.looks > looks + 3)
            assert journal.first == 1
        await until(lambda: journal.first == 6)


async def test_a_copy_is_made_while_commits_go_on(tmp_path: Path) -> None:
    async with running(tmp_path) as (journal, _):
        session, told = Session(), []
        await fill(journal, session, 7, range(1, 2_001), bytes(5_000))

        async def commit_on() -> None:
            for seq in range(2_001, 10_000):
                journal.submit(session.entry(7, seq))
                await session.is_told(7, seq)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(commit_on)
            await until(lambda: journal.position >= 2_002)
            await journal.copy_to(tmp_path / "copy.db", lambda done, of: told.append((done, of)))
            nursery.cancel_scope.cancel()
        assert told[-1][0] == told[-1][1]
        copied = SQLiteJournalFile(tmp_path / "copy.db")
        state = copied.open()
        assert (state.journal, state.first) == (journal.id, 1)
        assert 2_002 <= state.last <= journal.position
        assert [(mark.device, mark.seq) for mark in state.marks] == [("pump", state.last)]
        copied.close()


async def test_a_copy_that_is_cancelled_leaves_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as (journal, _):
        await fill(journal, Session(), 7, range(1, 2_001), bytes(5_000))
        with trio.CancelScope() as scope:
            await journal.copy_to(tmp_path / "copy.db", lambda done, of: scope.cancel())
        assert scope.cancelled_caught
        assert not (tmp_path / "copy.db").exists()


async def test_it_says_where_the_mark_of_an_epoch_was_moved_and_how_much_room_is_left(tmp_path: Path) -> None:
    settings = JournalSettings(max_bytes=50_000_000, min_free_bytes=0)
    async with running(tmp_path, settings) as (journal, _):
        await fill(journal, Session(), 7, range(1, 4))
        await fill(journal, Session("kiln"), 8, [1])
        assert (journal.marked_at("pump", 7), journal.marked_at("kiln", 8), journal.marked_at("kiln", 9)) == (3, 4, 0)
        assert 40_000_000 < journal.statistics()["left_bytes"] < 50_000_000
