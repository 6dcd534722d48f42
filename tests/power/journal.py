"""The journal through power cuts: commits, cursors, trims, marks that are forgotten, checkpoints, a file of the format before, a backup.

Owns the program that is cut off and what must hold of each image of its files. Every row follows from its position. A subject of
tests/power/__main__.py.
"""

import random
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from devices.wire.messages import Channel
from hub.core.records import Row
from hub.journal import SQLiteJournalFile, sqlite_file
from hub.journal.sqlite_values import damaged_in
from hub.ports import FollowerCursor, JournalBroken, JournalState, Opening

_DEVICES: Final = 7
_EPOCH_ROWS: Final = 420  # then each device begins another epoch
_CHECKPOINT_BYTES: Final = 48 << 10  # so that there are some dozen
_COMMITS: Final = 70  # of each of its lives
_LIVES: Final = 4
Tell = Callable[[Mapping[str, Any]], None]


def made(position: int) -> Row:
    """Return the row that is at a position."""
    device, epoch, seq = f"d{position % _DEVICES}", 1 + position // _EPOCH_ROWS, 1 + position % _EPOCH_ROWS // _DEVICES
    return Row(position, device, epoch, seq, 1, position, random.Random(position).randbytes(20 + position * 37 % 400), None)


def play(folder: Path, tell: Tell, scale: float) -> None:
    """Lead a journal through its lives, and tell what was promised."""
    vars(sqlite_file).update(_CHECKPOINT_BYTES=_CHECKPOINT_BYTES)
    dice, last = random.Random(4), 0
    for life in range(_LIVES):
        if life == 1:
            with closing(sqlite3.connect(folder / "journal.db", isolation_level=None)) as older:
                older.execute("PRAGMA user_version = 2")
                tell({"format": 2})
        with closing(SQLiteJournalFile(folder / "journal.db")) as file:
            state = file.open()
            tell({"journal": state.journal})
            last = _life(file, tell, dice, last, int(_COMMITS * scale))
            file.copy_to(folder / f"copy{life}.db", lambda done, whole: None)
            tell({"copy": f"copy{life}.db", "last": last})


def _life(file: SQLiteJournalFile, tell: Tell, dice: random.Random, last: int, commits: int) -> int:
    for number in range(commits):
        rows = [made(position) for position in range(last + 1, last + dice.choice((1, 3, 10, 60)) + 1)]
        known = {(made(position).device, made(position).epoch) for position in range(max(1, last - 2 * _EPOCH_ROWS), last + 1)}
        fresh = dict.fromkeys((row.device, row.epoch) for row in rows if (row.device, row.epoch) not in known)
        file.commit([Opening(*key, (Channel("c"),), 0) for key in fresh], rows, {(row.device, row.epoch): row.seq for row in rows})
        last = rows[-1].position
        tell({"last": last})
        if number % 5 == 4:
            safe = last - dice.randint(0, 200)
            tell({"may_be": [last, safe]})
            file.set_cursor("history", FollowerCursor(last, max(0, safe)))
            tell({"applied": last, "safe": max(0, safe)})
        if number % 9 == 8:
            below = last - 300
            tell({"trimming": below})
            while file.trim(below, 100):
                pass
        if number % 30 == 29 and last > 4 * _EPOCH_ROWS:
            epoch = made(last).epoch - 3
            tell({"forgetting": epoch})
            file.forget_marks([(f"d{device}", epoch) for device in range(_DEVICES)])
    return last


def check(folder: Path, told: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what is wrong with an image."""
    promised: dict[str, Any] = {"last": 0, "applied": 0, "safe": 0, "trimming": 0, "forgetting": 0}
    for each in told:
        promised.update(each)
    complaints = _complaints(folder / "journal.db", promised, is_copy=False)
    for each in told:
        if "copy" in each:
            complaints += [f"{each['copy']}: {what}" for what in _complaints(folder / each["copy"], {**promised, **each}, is_copy=True)]
    return complaints


def _complaints(path: Path, promised: Mapping[str, Any], *, is_copy: bool) -> list[str]:
    file = SQLiteJournalFile(path)
    try:
        if is_copy and not path.exists():
            return ["the copy is not there"]
        state = file.open()
        wrong = _state_complaints(state, promised, is_copy=is_copy) + _row_complaints(file, state)
        if not is_copy and file.commit([], [made(state.last + 1)], {}) != state.last + 1:
            wrong.append("the next row has another position")
        return wrong
    except (JournalBroken, OSError, sqlite3.Error) as error:
        return [f"it cannot be opened: {error}"]
    finally:
        file.close()


def _state_complaints(state: JournalState, promised: Mapping[str, Any], *, is_copy: bool) -> list[str]:
    wrong = []
    if state.last < promised["last"]:
        wrong.append(f"acked rows are lost: {promised['last']} was promised, {state.last} is there")
    if "journal" in promised and state.journal != promised["journal"]:
        wrong.append("it has another id")
    if state.first > max(1, promised["trimming"]):
        wrong.append(f"rows from {state.first} on are there, and nobody trimmed beyond {promised['trimming']}")
    marks = {(mark.device, mark.epoch): mark.seq for mark in state.marks}
    due: dict[tuple[str, int], int] = {}
    for position in range(1, state.last + 1):
        row = made(position)
        due[row.device, row.epoch] = row.seq
    forgotten = promised["forgetting"]
    wrong += [
        f"mark of {key} is {marks.get(key)} and not {seq}" for key, seq in due.items() if key[1] > forgotten and marks.get(key) != seq
    ]
    wrong += [f"mark of {key} is {seq}, and no such row is there" for key, seq in marks.items() if seq > due.get(key, 0)]
    cursor = state.cursors.get("history", FollowerCursor(0, 0))
    if cursor.applied > state.last:
        wrong.append(f"the cursor {cursor} is beyond the last row {state.last}")
    if not is_copy and cursor.applied < promised["applied"]:
        wrong.append(f"the cursor {cursor} is behind what was promised: {promised['applied']}")
    return wrong


def _row_complaints(file: SQLiteJournalFile, state: JournalState) -> list[str]:
    rows: list[Row] = []
    while more := file.read(rows[-1].position if rows else 0, 1_000, 1 << 22):
        rows += more
    if [row.position for row in rows] != list(range(state.first, state.last + 1)):
        return [f"the rows are not those from {state.first} to {state.last}"]
    if damaged := damaged_in(rows):
        return [f"rows are damaged: {damaged[:9]}"]
    return [f"the row at {row.position} is another one" for row in rows if row != made(row.position)]
