"""Rows come out of memory or out of the file, and never above what is committed."""

from pathlib import Path

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
    assert reader.tail_rows == 4
    assert await reader.read(5, 2, 10_000, lambda: 8) == rows[5:7]
    assert await reader.read(2, 100, 10_000, lambda: 8) == rows[2:]
    file.close()
