"""A process that commits to a journal's file until it fails, and prints how many frames it was told are durable, and why it ended."""

import sys
from pathlib import Path

from hub.core.records import Row, RowKind
from hub.journal import SQLiteJournalFile
from hub.ports import JournalBroken


def main(path: Path) -> None:
    """Commit one frame after another."""
    file, told = SQLiteJournalFile(path), 0
    file.open()
    try:
        while told < 3_000:
            file.commit([], [Row(0, "pump", 7, told + 1, RowKind.DATA, 0, bytes(8_000), None)], {})
            told += 1
    except JournalBroken as error:
        print(told, error)
    file.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
