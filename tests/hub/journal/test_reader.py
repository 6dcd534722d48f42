"""Rows come out of memory or out of the file, and never above what is committed."""

import sqlite3
from contextlib import closing
from pathlib import Path

from structlog.testing import capture_logs

from hub.journal import SQLiteJournalFile
from hub.journal.reader import Reader
from tests.support.owner import Session


async def test_rows_of_memory_and_of_the_file_are_the_same(tmp_path: Path) -> None:
    file, session = SQLiteJournalFile(tmp_path / "journal.db"), Session()
    file.open()
    entries = [session.entry(7, seq) for seq in range(1, 9)]
    file.commit([session.opening(7)], [entry.row for entry in entries], {("pump", 7): 8})
    rows = file.read(0, 100, 10_000)
    reader = Reader(file, 1 << 20, 4)
    assert [row.position for row in await reader.read(0, 100, 10_000, lambda: 4)] == [1, 2, 3, 4]
    reader.committed(rows[4:], 100)
    assert reader.figures()["tail_rows"] == 4
    assert await reader.read(5, 2, 10_000, lambda: 8) == rows[5:7]
    assert await reader.read(2, 100, 10_000, lambda: 8) == rows[2:]
    file.close()


async def test_a_damaged_frame_is_counted_and_told_once(tmp_path: Path) -> None:
    file, session = SQLiteJournalFile(tmp_path / "journal.db"), Session()
    file.open()
    file.commit([session.opening(7)], [session.entry(7, seq).row for seq in (1, 2)], {})
    with closing(sqlite3.connect(tmp_path / "journal.db", isolation_level=None)) as disk:
        (value,) = disk.execute("SELECT frames FROM batches").fetchone()
        body = file.read(0, 1, 1_000)[0].body
        disk.execute("UPDATE batches SET frames = ?", (value.replace(body, body[:-1] + bytes([body[-1] ^ 1]), 1),))
    reader = Reader(file, 0, 2)
    with capture_logs() as logs:
        for _ in range(2):
            assert [row.kind for row in await reader.read(0, 100, 10_000, lambda: 2)] == [7, 1]
    assert reader.figures()["damaged_rows"] == 1
    assert [(line["event"], line["first"], line["frames"], line["devices"]) for line in logs] == [("journal_damaged", 1, 1, ["pump"])]
    file.close()
