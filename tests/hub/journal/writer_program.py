"""A process that journals frames until it is killed and prints each seq it was told is durable: for the kill -9 test."""

import sys
from collections.abc import Mapping
from pathlib import Path

import trio

from hub.core.records import Row, RowKind
from hub.journal import Entry, Journal, JournalSettings, SQLiteJournalFile
from hub.layers import layer
from hub.ports import Opening


class Printer:
    """An owner that prints what it is told."""

    def committed(self, marks: Mapping[int, int]) -> None:
        """Print it at once."""
        print(marks[7], flush=True)


async def main(directory: Path) -> None:
    """Submit a frame each half millisecond."""
    journal, owner = Journal(SQLiteJournalFile(directory / "journal.db"), JournalSettings(), lambda: 0), Printer()
    async with layer(journal.run):
        await journal.open_epochs(owner, [Opening("pump", 7, (), 0)])
        for seq in range(1, 10_000_000):
            journal.submit(Entry(owner, Row(0, "pump", 7, seq, RowKind.DATA, seq, b"x" * 100, None), ((7, seq),)))
            await trio.sleep(0.0005)


if __name__ == "__main__":
    trio.run(main, Path(sys.argv[1]))
