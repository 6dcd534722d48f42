"""What still waits in the journal is the hub's to bring: with finer times than the database has, its copy would come twice."""

from pathlib import Path

import msgpack
import pytest

from devices.wire.messages import Channel, Kind
from hub.backup import waiting
from hub.backup.migration import Plan, move
from hub.backup.waiting import waiting_in
from hub.core.columns import columns_of
from hub.core.errors import Refusal
from hub.core.records import Cursor, Row, RowKind, Series
from hub.journal import SQLiteJournalFile
from hub.ports import FollowerCursor, Opening, Retention
from hub.store.duckdb import DuckDBStore
from tests.support.readable_points import ReadablePoints

T_US = 1_700_000_000_000_000
CHANNELS = (Channel("temp", "Cel"),)
TEMP = Series("pump", "temp", "Cel", Kind.GAUGE)
MS = 1_000_000


def row(number: int, body: bytes | None = None) -> Row:
    said = {"e": 5, "s": number, "op": "data", "t": T_US + 10_000 * number + 123, "c": [0], "d": [0], "v": [float(number)]}
    return Row(0, "pump", 5, number, RowKind.DATA, T_US, body or msgpack.packb(said), None)


def journal(path: Path, rows: list[Row], safe: int) -> str:
    """Make a journal with rows, of which the history has some safe; return its id."""
    file = SQLiteJournalFile(path)
    state = file.open()
    file.commit([Opening("pump", 5, CHANNELS, T_US)], rows, {})
    file.set_cursor("history", FollowerCursor(safe, safe))
    file.close()
    return state.journal


async def test_a_finer_store_gets_each_reading_once_from_the_copy_or_from_the_journal(tmp_path: Path) -> None:
    rows = [row(number) for number in range(1, 21)]
    own = journal(tmp_path / "journal.db", rows, safe=12)
    source, target = ReadablePoints(resolution_ns=MS), DuckDBStore(tmp_path / "history.duckdb")
    source.syncs_before_it_answers = False
    await target.start()
    await source.append(columns_of(rows, lambda device, epoch: CHANNELS), Cursor(own, 17))  # more than its cursor says, as after a cut
    done = await move(source, target, Plan(tmp_path / "journal.db", Retention(raw_days=0), False), lambda: T_US, lambda *_: None)
    assert done.cursor == Cursor(own, 12) == await target.cursor()
    assert done.carried.tally.counts == {TEMP: 12}
    await target.append(columns_of(rows[12:], lambda device, epoch: CHANNELS), Cursor(own, 20))  # as the hub does at its start
    stored = (await target.query([TEMP], 0, 2 * T_US, 0, 100)).raw[TEMP]
    assert [reading.value for reading in stored] == [float(number) for number in range(1, 21)]
    await target.aclose()


async def test_without_a_journal_the_source_is_believed(tmp_path: Path) -> None:
    source, target = ReadablePoints(), ReadablePoints()
    source.syncs_before_it_answers = False
    await source.append(columns_of([row(1)], lambda device, epoch: CHANNELS), Cursor("elsewhere", 1))
    done = await move(source, target, Plan(tmp_path / "journal.db", Retention(raw_days=0), False), lambda: T_US, lambda *_: None)
    assert (done.cursor, len(target.points)) == (Cursor("elsewhere", 1), 1)


def test_a_frame_that_nobody_can_read_is_passed_over(tmp_path: Path) -> None:
    journal(tmp_path / "journal.db", [row(1), row(2, b"\xc1"), row(3)], safe=0)
    _, safe, found = waiting_in(tmp_path / "journal.db", 1)
    columns = columns_of([row(1), row(2), row(3)], lambda device, epoch: CHANNELS)
    assert (safe, found(columns).tolist()) == (0, [True, False, True])


def test_too_long_a_lag_is_refused_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "_MAX_FRAMES", 2)
    journal(tmp_path / "journal.db", [row(number) for number in range(1, 5)], safe=1)
    with pytest.raises(Refusal, match="3 frames wait"):
        waiting_in(tmp_path / "journal.db", 1)
