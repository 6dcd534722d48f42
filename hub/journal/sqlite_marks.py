"""The table of marks, which follows the frames: every few MiB and not in each commit, as the frames themselves say how marks move.

Owns what has moved since, and the position up to which the table is right (`marked` in meta); a start reads the frames above it
(sqlite_state.py). Plain code around one connection; used by sqlite_file.py in its transactions.
"""

import sqlite3
from collections.abc import Iterable, Sequence

from hub.journal.sqlite_bulk import MarkRow, Moves, move_marks


class FollowingMarks:
    """The marks that moved and are not in the table yet. Bounded by how often the table follows."""

    def __init__(self, connection: sqlite3.Connection, moved: Iterable[MarkRow]) -> None:
        self._connection = connection
        (self.position,) = connection.execute("SELECT value FROM meta WHERE key = 'marked'").fetchone()
        self._moved = {(device, epoch): seq for device, epoch, seq, _ in moved}

    def write(self, moves: Moves, position: int) -> None:
        """Let the table follow up to a position, in the caller's transaction; once that is durable, say so by `wrote`."""
        moved = dict(self._moved)
        _raise_to(moved, moves)
        move_marks(self._connection, [(device, epoch, seq, position) for (device, epoch), seq in moved.items()])
        self._connection.execute("UPDATE meta SET value = ? WHERE key = 'marked'", (position,))

    def wrote(self, position: int) -> None:
        """Forget what the table has now."""
        self.position = position
        self._moved.clear()

    def note(self, moves: Moves) -> None:
        """Remember moves that durable frames say, for the next `write`."""
        _raise_to(self._moved, moves)

    def forget(self, marks: Iterable[tuple[str, int]]) -> None:
        """Forget epochs, in the caller's transaction: their rows are gone, and so the table has followed them."""
        gone: Sequence[tuple[str, int]] = list(marks)
        for table in ("marks", "epochs"):
            self._connection.executemany(f"DELETE FROM {table} WHERE device = ? AND epoch = ?", gone)


def _raise_to(moved: dict[tuple[str, int], int], moves: Moves) -> None:
    known = moved.get
    for key, seq in moves.items():
        if seq > known(key, 0):
            moved[key] = seq
