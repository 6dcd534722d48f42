"""Followers read on from their own cursor, whatever fails, and hold rows back only until they are safe. Journal and store are real."""

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
from hub.core.records import Columns, Cursor, Refused, Row, RowKind, Series
from hub.followers import HistoryWriter, run_follower
from hub.journal import Entry, Journal, JournalSettings, SQLiteJournalFile
from hub.layers import layer
from hub.ports import Opening, StoreRefused, StoreUnavailable
from hub.store.duckdb import DuckDBStore
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


async def stored(store: DuckDBStore) -> list[float]:
    (series,) = await store.list_series() or [Series("", "", "", CHANNEL.kind)]
    return [reading.value for reading in (await store.query([series], 0, 10**9, 0, 10**6)).raw.get(series, [])]


def ends_with(positions: list[int], last: int) -> bool:
    return bool(positions) and positions[-1] == last


async def test_history_goes_on_where_it_was_across_a_restart(tmp_path: Path) -> None:
    for seqs in (range(1, 50), range(50, 60)):
        store, journal = DuckDBStore(tmp_path / "history"), new_journal(tmp_path)
        writer = HistoryWriter(journal, store)
        applied: list[int] = []
        writer.on_applied(applied.append)
        await store.start()
        async with layer(journal.run), layer(partial(run_follower, journal, writer)):
            await submit(journal, seqs)
            await until(partial(ends_with, applied, seqs[-1]))
            assert journal.cursor("history").applied == seqs[-1]
        await store.aclose()
    store = DuckDBStore(tmp_path / "history")
    await store.start()
    assert await stored(store) == [float(seq) for seq in range(1, 60)]
    await store.aclose()


async def test_a_frame_that_cannot_be_read_is_parked_and_the_rest_is_stored(tmp_path: Path) -> None:
    store, journal = DuckDBStore(tmp_path / "history"), new_journal(tmp_path)
    await store.start()
    writer = HistoryWriter(journal, store)
    with capture_logs() as logs:
        async with layer(journal.run), layer(partial(run_follower, journal, writer)):
            await submit(journal, [1])
            await submit(journal, [2], msgpack.packb({"t": 0, "c": [44], "d": [0], "v": [1.0]}))
            await submit(journal, [3])
            await until(lambda: journal.cursor("history").applied == 3)
            assert await stored(store) == [1.0, 3.0]
    assert writer.parked_rows == 1
    assert [log["seq"] for log in logs if log["event"] == "frame_parked"] == [2]
    await store.aclose()


class Choosy(DuckDBStore):
    """A store that will never take the value 2."""

    async def append(self, columns: Columns, cursor: Cursor) -> list[Refused]:
        if 2.0 in columns.num:
            raise StoreRefused("not that value")
        return await super().append(columns, cursor)


async def test_a_frame_that_the_store_refuses_is_parked_and_the_rest_is_stored(tmp_path: Path) -> None:
    store, journal = Choosy(tmp_path / "history"), new_journal(tmp_path)
    await store.start()
    writer = HistoryWriter(journal, store)
    applied: list[int] = []
    writer.on_applied(applied.append)
    with capture_logs() as logs:
        async with layer(journal.run):
            await submit(journal, range(1, 8))
            async with layer(partial(run_follower, journal, writer)):
                await until(lambda: journal.cursor("history").applied == 7)
    assert await stored(store) == [1.0, 3.0, 4.0, 5.0, 6.0, 7.0]
    assert [(log["seq"], log["reason"]) for log in logs if log["event"] == "frame_parked"] == [(2, "not that value")]
    assert writer.parked_rows == 1
    assert applied == sorted(set(applied))
    assert applied[-1] == 7
    await store.aclose()


async def test_a_batch_that_is_tried_again_parks_nothing_twice(tmp_path: Path) -> None:
    store, journal = DuckDBStore(tmp_path / "history"), new_journal(tmp_path)
    writer = HistoryWriter(journal, store)
    async with layer(journal.run):
        await submit(journal, [1], b"\xc1")
        with capture_logs():
            for _ in range(2):
                with pytest.raises(StoreUnavailable):  # it is not open
                    await writer.apply(await journal.read(0))
    assert writer.parked_rows == 1


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


async def test_a_store_that_is_away_for_days_is_tried_again_at_most_every_30_s(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    follower = Broken()
    with capture_logs() as logs, trio.move_on_after(36 * 3600):
        await run_follower(new_journal(tmp_path), follower)
    assert follower.starts > 36 * 120
    assert max(log["again_in_s"] for log in logs) <= 30.0


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
    assert [(log["reason"], log["exc_info"]) for log in failed] == [("not in the mood", False)] * 2


async def test_rows_are_held_until_they_are_safe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal, follower = new_journal(tmp_path), Moody()
    follower.failures = 0
    async with layer(journal.run), layer(partial(run_follower, journal, follower)):
        await submit(journal, [1, 2])
        await until(lambda: journal.cursor("history").applied == 2)
        assert journal.cursor("history").safe == 0
    monkeypatch.setattr(hub.followers, "SAFE_EVERY_S", 0.01)
    journal = new_journal(tmp_path)
    async with layer(journal.run), layer(partial(run_follower, journal, follower)):
        await submit(journal, [3])
        await until(lambda: journal.cursor("history").safe == 3)
    assert follower.safe == 3


async def test_a_store_of_another_journal_begins_at_the_first_row(tmp_path: Path) -> None:
    store, journal = DuckDBStore(tmp_path / "history"), new_journal(tmp_path)
    await store.start()
    async with layer(journal.run):
        writer = HistoryWriter(journal, store)
        assert await writer.start() == 0
        await submit(journal, [1])
        await writer.apply(await journal.read(0))
        assert await writer.start() == 1
        assert await store.cursor() == Cursor(journal.id, 1)
        journal.id = "restored"
        with capture_logs() as logs:
            assert await writer.start() == 0
        assert [log["event"] for log in logs] == ["history_follows_another_journal"]
        assert await writer.make_safe() == 0
    await store.aclose()


async def test_a_follower_far_behind_does_not_wait_for_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.followers.MAX_BATCH_ROWS", 5_000)
    journal, follower = new_journal(tmp_path), Moody()
    follower.failures = 0
    async with layer(journal.run):
        await submit(journal, range(1, 6_001))
        async with layer(partial(run_follower, journal, follower, 3_600.0)):
            await until(lambda: len(follower.rows) == 6_000)
            assert follower.rows == list(range(1, 6_001))


async def test_batches_are_bounded_in_bytes_and_follow_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.followers.MAX_BATCH_ROWS", 10)
    monkeypatch.setattr("hub.followers.MAX_BATCH_BYTES", 350)
    journal, follower = new_journal(tmp_path), Moody()
    follower.failures = 0
    async with layer(journal.run):
        await submit(journal, range(1, 31), bytes(100))
        async with layer(partial(run_follower, journal, follower, 3_600.0)):
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


async def test_a_store_ahead_of_its_journal_is_told_to_the_operator(tmp_path: Path) -> None:
    store, journal = DuckDBStore(tmp_path / "history"), new_journal(tmp_path)
    await store.start()
    async with layer(journal.run):
        await submit(journal, [1])
        writer = HistoryWriter(journal, store)
        await writer.apply([row._replace(position=9) for row in await journal.read(0)])
        with capture_logs() as logs:
            assert await writer.start() == 9
    assert [log["event"] for log in logs] == ["history_is_ahead_of_its_journal"]
    await store.aclose()
