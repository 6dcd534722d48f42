"""The readings that wait in a journal for a store: those of frames above what was safe there.

Owns how they are told again among those that the store shows. Blocking; used by migration.py.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from hub.core.columns import ChannelsOf, columns_of
from hub.core.errors import Refusal
from hub.core.records import Columns, Row, Series
from hub.journal import SQLiteJournalFile
from hub.journal.marks import Marks
from hub.ports import FollowerCursor

_MAX_FRAMES: Final = 500_000  # whose readings are kept in mind
_READ: Final = (1_000, 4 << 20)  # frames, bytes
_UNREADABLE: Final = (ValueError, KeyError, TypeError, IndexError, OverflowError)
_FOLLOWER: Final = "history"


class Waiting:
    """Readings by series and stretch of time."""

    def __init__(self, batches: Iterable[Columns], resolution_ns: int) -> None:
        self._resolution_ns = resolution_ns
        self._stretches: dict[Series, set[int]] = {}
        for columns in batches:
            stretches = (columns.t_ns // resolution_ns).tolist()
            for index, stretch in zip(columns.index.tolist(), stretches, strict=True):
                self._stretches.setdefault(columns.series[index], set()).add(stretch)

    def __call__(self, columns: Columns) -> npt.NDArray[np.bool_]:
        """Tell which readings are among these."""
        kept = [self._stretches.get(series) for series in columns.series]
        if not any(kept):
            return np.zeros(len(columns), np.bool_)
        stretches = (columns.t_ns // self._resolution_ns).tolist()
        found = [bool(kept[at]) and each in (kept[at] or ()) for at, each in zip(columns.index.tolist(), stretches, strict=True)]
        return np.array(found, np.bool_)


def waiting_in(path: Path, resolution_ns: int) -> tuple[str, int, Waiting]:
    """Return a journal's id, the position its history was safe at, and the readings above. Raises Refusal where they are too many."""
    if not path.exists():
        return "", 0, Waiting((), resolution_ns)
    file = SQLiteJournalFile(path)
    try:
        state = file.open()
        safe = state.cursors.get(_FOLLOWER, FollowerCursor(0, 0)).safe
        if (count := state.last - max(safe, state.first - 1)) > _MAX_FRAMES:
            said = f"{count:,} frames wait in the journal for the history store, more than {_MAX_FRAMES:,}"
            raise Refusal("bad_state", said, "start the hub, wait until the store has caught up, stop it, and try again")
        return state.journal, safe, Waiting(_columns(file, safe, Marks(state.marks).channels), resolution_ns)
    finally:
        file.close()


def _columns(file: SQLiteJournalFile, after: int, channels: ChannelsOf) -> Iterator[Columns]:
    while rows := file.read(after, *_READ):
        after = rows[-1].position
        yield _readable(rows, channels)


def _readable(rows: list[Row], channels: ChannelsOf) -> Columns:
    """Return the readings of rows; what nobody can read is parked by the hub and is no reading."""
    try:
        return columns_of(rows, channels)
    except _UNREADABLE:
        return columns_of([row for row in rows if _is_readable(row, channels)], channels)


def _is_readable(row: Row, channels: ChannelsOf) -> bool:
    try:
        columns_of([row], channels)
    except _UNREADABLE:
        return False
    return True
