"""The history writer stores every reading or parks it with a reason, whatever the store does. Journal and DuckDB are real."""

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest
import trio
from structlog.testing import capture_logs

from devices.wire.messages import Channel
from hub.core.records import Columns, Cursor, Refused, Row, RowKind, Series
from hub.followers import run_follower
from hub.history import HistoryWriter, Parked
from hub.journal import Entry, Journal, JournalSettings, SQLiteJournalFile
from hub.layers import layer
from hub.ports import FollowerCursor, Opening, StoreFull, StoreRefused, StoreUnavailable
from hub.store.duckdb import DuckDBStore
from tests.support.owner import Session
from tests.support.point_store import PointStore
from tests.support.waiting import until

CHANNEL = Channel("temp", "Cel")


def new_journal(directory: Path) -> Journal:
    return Journal(SQLiteJournalFile(directory / "journal.db"), JournalSettings(), lambda: 0)


async def submit(journal: Journal, seqs: Sequence[int], body: bytes | None = None) -> None:
    session = Session()
    await journal.open_epochs(session, [Opening("pump", 7, (CHANNEL,), 0)])
    for seq in seqs:
        values = [float(seq), seq + 0.5]
        data = body or msgpack.packb({"e": 7, "s": seq, "op": "data", "t": 10 * seq, "c": [0, 0], "d": [0, 1], "v": values})
        journal.submit(Entry(session, Row(0, "pump", 7, seq, RowKind.DATA, 0, data, None), ((7, seq),)))
    await session.is_told(7, seqs[-1])


async def stored(store: DuckDBStore) -> list[float]:
    (series,) = await store.list_series() or [Series("", "", "", CHANNEL.kind)]
    return [reading.value for reading in (await store.query([series], 0, 10**9, 0, 10**6)).raw.get(series, [])]


def both(seqs: Sequence[int]) -> list[float]:
    return [value for seq in seqs for value in (float(seq), seq + 0.5)]


def parked(directory: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (directory / "parked.jsonl").read_text().splitlines()]


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
    assert await stored(store) == both(range(1, 60))
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
            assert await stored(store) == both([1, 3])
    assert writer.parked_rows == 1
    assert [log["seq"] for log in logs if log["event"] == "frame_parked"] == [2]
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


async def test_a_store_of_another_journal_begins_at_the_first_row(tmp_path: Path) -> None:
    store, journal = DuckDBStore(tmp_path / "history"), new_journal(tmp_path)
    await store.start()
    async with layer(journal.run):
        writer = HistoryWriter(journal, store)
        assert await writer.start() == 0
        await submit(journal, [1])
        await writer.apply(await journal.read(0))
        await journal.set_cursor("history", FollowerCursor(1, 1))
        assert await writer.start() == 1
        assert await store.cursor() == Cursor(journal.id, 1)
        journal.id = "restored"
        with capture_logs() as logs:
            assert await writer.start() == 0
        assert [log["event"] for log in logs] == ["history_follows_another_journal"]
        assert await writer.make_safe() == 0
    await store.aclose()


async def test_a_store_ahead_of_its_journal_is_told_to_the_operator(tmp_path: Path) -> None:
    store, journal = DuckDBStore(tmp_path / "history"), new_journal(tmp_path)
    await store.start()
    async with layer(journal.run):
        await submit(journal, [1])
        writer = HistoryWriter(journal, store)
        await writer.apply([row._replace(position=9) for row in await journal.read(0)])
        with capture_logs() as logs:
            await journal.set_cursor("history", FollowerCursor(9, 9))
            assert await writer.start() == 9
    assert [log["event"] for log in logs] == ["history_is_ahead_of_its_journal"]
    await store.aclose()


async def values_in(store: PointStore) -> list[float]:
    return [value for _, value in sorted((key, value) for (_, key), value in store.points.items())]


async def run_to(journal: Journal, writer: HistoryWriter, position: int) -> None:
    with trio.fail_after(30):
        async with layer(partial(run_follower, journal, writer)):
            await until(lambda: journal.cursor("history").applied == position)


async def test_readings_that_the_store_cannot_hold_are_parked_with_their_reason(tmp_path: Path) -> None:
    store, journal = PointStore(), new_journal(tmp_path)
    store.can_hold = lambda series, t_ns, value: value not in (2.0, 5.5)
    async with layer(journal.run):
        await submit(journal, range(1, 8))
        writer = HistoryWriter(journal, store, Parked(tmp_path))
        with capture_logs() as logs:
            await run_to(journal, writer, 7)
        lines = parked(tmp_path)
        assert await values_in(store) == [value for value in both(range(1, 8)) if value not in (2.0, 5.5)]
        assert [(line["value"], line["position"], line["reason"]) for line in lines] == [
            (2.0, 2, "2.0 cannot be held"),
            (5.5, 5, "5.5 cannot be held"),
        ]
        assert {key: lines[0][key] for key in ("device", "channel", "unit", "kind", "time_us", "journal")} == {
            "device": "pump",
            "channel": "temp",
            "unit": "Cel",
            "kind": "gauge",
            "time_us": 20,
            "journal": journal.id,
        }
        assert lines[0]["time_us"] * 1_000 + lines[0]["n"] not in {key for _, key in store.points}
    assert [log["count"] for log in logs if log["event"] == "readings_parked"] == [2]
    assert writer.notes() == [f"2 readings could not be stored; see {tmp_path / 'parked.jsonl'}, the last because: 5.5 cannot be held"]


async def test_a_poison_reading_is_found_by_halves_and_all_others_are_stored(tmp_path: Path) -> None:
    store, journal = PointStore(), new_journal(tmp_path)
    store.is_poison = lambda series, t_ns, value: value == 777.5
    async with layer(journal.run):
        await submit(journal, range(1, 1_001))
        writer = HistoryWriter(journal, store, Parked(tmp_path))
        with capture_logs():
            await run_to(journal, writer, 1_000)
        assert await values_in(store) == [value for value in both(range(1, 1_001)) if value != 777.5]
        assert [(line["value"], line["position"], line["reason"]) for line in parked(tmp_path)] == [(777.5, 777, "a poison point")]
        assert store.requests < 2 * 11 + 10
        assert store.at == Cursor(journal.id, 1_000)


async def test_a_store_that_refuses_even_an_empty_batch_parks_nothing(tmp_path: Path) -> None:
    class Locked(PointStore):
        async def append(self, columns: Columns, cursor: Cursor) -> list[Refused]:
            await trio.lowlevel.checkpoint()
            raise StoreRefused("the token may not write")

    journal = new_journal(tmp_path)
    async with layer(journal.run):
        await submit(journal, [1, 2])
        writer = HistoryWriter(journal, Locked(), Parked(tmp_path))
        with pytest.raises(StoreUnavailable, match="refuses every write: the token may not write"):
            await writer.apply(await journal.read(0))
    assert not (tmp_path / "parked.jsonl").exists()


async def test_what_was_refused_and_not_yet_parked_when_the_hub_was_killed_is_parked_after(tmp_path: Path) -> None:
    store, journal = PointStore(), new_journal(tmp_path)
    store.can_hold = lambda series, t_ns, value: value != 2.0

    class Killed(Parked):
        def add(self, readings: Any) -> Any:
            raise RuntimeError("the process is gone")

    async with layer(journal.run):
        await submit(journal, [1, 2, 3])
        with pytest.raises(RuntimeError):
            await HistoryWriter(journal, store, Killed(tmp_path)).apply(await journal.read(0))
        assert store.at == Cursor(journal.id, 3)
        with capture_logs():
            await run_to(journal, HistoryWriter(journal, store, Parked(tmp_path)), 3)
        assert [line["value"] for line in parked(tmp_path)] == [2.0]
        with capture_logs():  # and a start after that brings the same again, and parks nothing twice
            await run_to(journal, HistoryWriter(journal, store, Parked(tmp_path)), 3)
        assert [line["value"] for line in parked(tmp_path)] == [2.0]


async def test_a_store_that_dies_in_the_middle_of_a_batch_loses_and_doubles_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.followers.MAX_PAUSE_S", 0.01)
    store, journal = PointStore(), new_journal(tmp_path)
    async with layer(journal.run):
        await submit(journal, range(1, 101))
        store.dies_after = 77
        writer = HistoryWriter(journal, store, Parked(tmp_path))
        applied: list[int] = []
        writer.on_applied(applied.append)
        with capture_logs():
            async with layer(partial(run_follower, journal, writer)):
                await until(lambda: store.down and store.requests > 5)
                assert applied == []
                store.down = None
                await until(lambda: journal.cursor("history").applied == 100)
        assert await values_in(store) == both(range(1, 101))


async def test_who_asks_is_told_which_readings_were_stored_before_the_position(tmp_path: Path) -> None:
    store, journal = PointStore(), new_journal(tmp_path)
    writer = HistoryWriter(journal, store)
    told: list[Any] = []
    writer.on_stored(lambda columns: told.append((columns.series, np.unique(columns.t_ns // 1_000).tolist())))
    writer.on_applied(told.append)
    async with layer(journal.run):
        await submit(journal, [1])
        await writer.apply(await journal.read(0))
    assert told == [([Series("pump", "temp", "Cel", CHANNEL.kind)], [10, 11]), 1]


async def test_a_new_store_begins_at_the_first_row_that_is_left_and_says_what_it_lacks(tmp_path: Path) -> None:
    journal = new_journal(tmp_path)
    async with layer(journal.run):
        await submit(journal, [1, 2, 3])
    file = SQLiteJournalFile(tmp_path / "journal.db")
    file.open()
    file.trim(4, 100)
    file.close()
    store, journal = PointStore(), new_journal(tmp_path)
    async with layer(journal.run):
        await journal.set_cursor("history", FollowerCursor(3, 3))  # of the store before
        await submit(journal, [4, 5])
        writer = HistoryWriter(journal, store)
        with capture_logs() as logs:
            await run_to(journal, writer, 5)
        assert await values_in(store) == both([4, 5])
        (note,) = writer.notes()
        assert note.startswith("Points has no frames before position 4: they are in the store that was set before")
        assert [log["event"] for log in logs] == ["history_begins_late"]


async def test_a_full_disk_for_parked_readings_holds_the_cursor(tmp_path: Path) -> None:
    class Full(Parked):
        is_full = True

        def add(self, readings: Any) -> Any:
            if self.is_full:
                raise StoreFull("no room for parked.jsonl")
            return super().add(readings)

    store, journal, file = PointStore(), new_journal(tmp_path), Full(tmp_path)
    store.can_hold = lambda series, t_ns, value: value != 2.0
    async with layer(journal.run):
        await submit(journal, [1, 2, 3])
        writer = HistoryWriter(journal, store, file)
        told: list[int] = []
        writer.on_applied(told.append)
        with pytest.raises(StoreFull):
            await writer.apply(await journal.read(0))
        assert told == []
        file.is_full = False
        with capture_logs():
            await run_to(journal, writer, 3)
        assert [line["value"] for line in parked(tmp_path)] == [2.0]
