"""Followers read on from their own cursor, whatever fails, and hold rows back only until they are safe. The journal is real."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import msgpack
import pytest
import trio
import trio.testing
from structlog.testing import capture_logs

import hub.followers
from devices.wire.messages import Channel
from hub.core.records import Row, RowKind
from hub.followers import Pace, restarted, run_follower
from hub.journal import Entry, Journal, JournalSettings, SQLiteJournalFile
from hub.layers import layer
from hub.ports import Opening, StoreUnavailable
from tests.support.owner import Session
from tests.support.waiting import until

CHANNEL = Channel("temp", "Cel")


def new_journal(directory: Path) -> Journal:
    return Journal(SQLiteJournalFile(directory / "journal.db"), JournalSettings(), lambda: 0)


async def submit(journal: Journal, seqs: Sequence[int], body: bytes | None = None) -> None:
    session = Session()
    await journal.open_epochs(session, [Opening("pump", 7, (CHANNEL,), 0)])
    for seq in seqs:
        data = body or msgpack.packb({"e": 7, "s": seq, "op": "data", "t": seq, "c": [0], "d": [0], "v": [float(seq)]})
        journal.submit(Entry(session, Row(0, "pump", 7, seq, RowKind.DATA, 0, data, None), ((7, seq),)))
    await session.is_told(7, seqs[-1])


class Broken:
    """A follower that never starts."""

    name = "history"

    def __init__(self) -> None:
        self.starts = 0

    async def start(self) -> int:
        self.starts += 1
        raise StoreUnavailable("never")

    async def apply(self, rows: Sequence[Row]) -> None:
        raise AssertionError

    async def make_safe(self) -> int:
        raise AssertionError


async def test_a_store_that_is_away_for_days_is_tried_again_every_10_s_at_the_latest(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    follower = Broken()
    with capture_logs() as logs, trio.move_on_after(36 * 3600):
        await run_follower(new_journal(tmp_path), follower)
    assert follower.starts > 36 * 360
    assert max(log["again_in_s"] for log in logs) <= 10.0
    assert len(logs) <= 36 * 60 + 1  # seldom


class Moody:
    """A follower that fails now and then, and keeps what it applied."""

    name = "history"

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.sizes: list[int] = []  # of batches
        self.failures = 2
        self.safe = 0

    async def start(self) -> int:
        await trio.lowlevel.checkpoint()
        return self.rows[-1] if self.rows else 0

    async def apply(self, rows: Sequence[Row]) -> None:
        await trio.lowlevel.checkpoint()
        if self.rows and self.failures:
            self.failures -= 1
            raise StoreUnavailable("not in the mood")
        self.rows += [row.position for row in rows]
        self.sizes.append(len(rows))

    async def make_safe(self) -> int:
        await trio.lowlevel.checkpoint()
        self.safe = self.rows[-1]
        return self.safe


async def test_a_follower_that_fails_begins_again_and_misses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub.followers, "MAX_PAUSE_S", 0.01)
    journal, follower = new_journal(tmp_path), Moody()
    with capture_logs() as logs:
        async with layer(journal.run), layer(partial(run_follower, journal, follower)):
            await submit(journal, [1, 2])
            await until(lambda: follower.rows)
            await submit(journal, range(3, 9))
            await until(lambda: follower.rows and follower.rows[-1] == 8)
    assert follower.rows == list(range(1, 9))
    failed = [log for log in logs if log["event"] == "follower_failed"]
    assert [(log["reason"], log["exc_info"]) for log in failed] == [("not in the mood", False)]


async def test_rows_are_held_until_they_are_safe(tmp_path: Path) -> None:
    journal, follower = new_journal(tmp_path), Moody()
    follower.failures = 0
    async with layer(journal.run), layer(partial(run_follower, journal, follower)):
        await submit(journal, [1, 2])
        await until(lambda: journal.cursor("history").applied == 2)
        assert (journal.cursor("history").safe, follower.safe) == (0, 0)
    assert (journal.cursor("history").safe, follower.safe) == (2, 2)  # stopping makes safe
    journal = new_journal(tmp_path)
    async with layer(journal.run), layer(partial(run_follower, journal, follower, Pace(safe_every_s=0.01))):
        await submit(journal, [3])
        await until(lambda: journal.cursor("history").safe == 3)
    assert follower.safe == 3


async def test_a_follower_far_behind_does_not_wait_for_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.followers.MAX_BATCH_ROWS", 5_000)
    journal, follower = new_journal(tmp_path), Moody()
    follower.failures = 0
    async with layer(journal.run):
        await submit(journal, range(1, 6_001))
        async with layer(partial(run_follower, journal, follower, Pace(3_600.0))):
            await until(lambda: len(follower.rows) == 6_000)
            assert follower.rows == list(range(1, 6_001))


async def test_batches_are_bounded_in_bytes_and_follow_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.followers.MAX_BATCH_ROWS", 10)
    monkeypatch.setattr("hub.followers.MAX_BATCH_BYTES", 350)
    journal, follower = new_journal(tmp_path), Moody()
    follower.failures = 0
    async with layer(journal.run):
        await submit(journal, range(1, 31), bytes(100))
        async with layer(partial(run_follower, journal, follower, Pace(3_600.0))):
            await until(lambda: len(follower.rows) == 30)
    assert follower.rows == list(range(1, 31))
    assert max(follower.sizes) == 4


async def test_a_follower_that_lost_everything_goes_on_with_a_journal_trimmed_empty(tmp_path: Path) -> None:
    journal, follower = new_journal(tmp_path), Moody()
    follower.failures = 0
    async with layer(journal.run):
        await submit(journal, [1, 2, 3])
    file = SQLiteJournalFile(tmp_path / "journal.db")
    file.open()
    assert file.trim(4, 100) == 3
    file.close()
    journal = new_journal(tmp_path)
    with capture_logs() as logs:
        async with layer(journal.run), layer(partial(run_follower, journal, follower)):
            await until(lambda: journal.cursor("history").applied == 3)
            await submit(journal, [4])
            await until(lambda: follower.rows)
    assert follower.rows == [4]
    assert [log["event"] for log in logs] == ["follower_missed_rows"]


class Asked:
    """Something that fails and asks to be left alone for a while."""

    def __init__(self) -> None:
        self.tries_s: list[float] = []

    async def run(self) -> None:
        await trio.lowlevel.checkpoint()
        self.tries_s.append(trio.current_time())
        raise StoreUnavailable("busy", retry_after_s=45.0)


async def test_a_store_that_asks_for_time_gets_it(autojump_clock: trio.testing.MockClock) -> None:
    asked = Asked()
    with capture_logs(), trio.move_on_after(3_600):
        await restarted("history", asked.run)
    pauses_s = [after - before for before, after in zip(asked.tries_s, asked.tries_s[1:], strict=False)]
    assert min(pauses_s) >= 45.0
    assert max(pauses_s) <= 55.0
    assert len({round(each, 3) for each in pauses_s}) > 10


class Told:
    """A watch that remembers."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def failed(self, reason: str) -> None:
        self.said.append(reason)

    def went_on(self) -> None:
        self.said.append("")


async def test_who_watches_is_told_of_failures_and_of_the_end_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub.followers, "MAX_PAUSE_S", 0.01)
    journal, follower, told = new_journal(tmp_path), Moody(), Told()
    with capture_logs():
        async with layer(journal.run), layer(partial(run_follower, journal, follower, Pace(), told)):
            await submit(journal, [1])
            await until(lambda: follower.rows)
            await submit(journal, [2])
            await until(lambda: follower.rows[-1] == 2)
    assert [each for at, each in enumerate(told.said) if at == 0 or told.said[at - 1] != each] == ["", "not in the mood", ""]
