"""A damaged journal made anew of what can still be read of it; the damaged one is set aside and never written.

Owns what the new one holds, and what is said of what is missing. It has an id of its own, as a restored one: the history takes no reading
twice that comes again in it. A mark that is too low costs a frame sent twice, one that is too high costs the frame: where anything is
missing that not every follower has, all marks begin at 0, and each device says in its hello what it still has. Blocking; called by
sqlite_file.py while nobody has the file open.
"""

import errno
import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog

from hub.core.records import Cursor, RowKind
from hub.journal.aside import set_aside
from hub.journal.raw_pages import RawPages
from hub.journal.raw_records import Malformed
from hub.journal.room import FOLLOWERS
from hub.journal.salvage_found import Found, Piece, find, value_of
from hub.journal.sqlite_bulk import INSERT
from hub.journal.sqlite_state import make_tables
from hub.journal.sqlite_values import stand_in, without_rows
from hub.ports import JournalBroken, JournalDamaged

_log: Final = structlog.get_logger(__name__)
_READINGS: Final = (RowKind.DATA, RowKind.PACK)
_ADVICE: Final = "restore a backup (tributary restore), or move it away to begin a new journal, if it never was one"
_UNKNOWN: Final = "unknown"  # in place of the id of a journal that cannot be read
_MAX_TOLD: Final = 5  # stretches that a note names


@dataclass(slots=True)
class _Plan:
    """Where everything goes. `holes` are positions (from, to) of which nothing can be read; each becomes one row that says so."""

    begin: int  # everything up to here was trimmed
    last: int = 0
    pieces: list[Piece] = field(default_factory=list)
    holes: list[tuple[int, int]] = field(default_factory=list)
    joined: dict[int, int] = field(default_factory=dict)  # first position of a row that says so already -> where its hole begins
    are_marks_kept: bool = True


def salvage(path: Path, seen: Sequence[Cursor], why: JournalDamaged) -> None:
    """Set a damaged journal aside and put what can be read of it in its place.

    Raises JournalBroken where that is nothing: then the file may be no journal at all, and nothing was changed. Raises OSError; ENOSPC
    where there is no room for both.
    """
    _log.error("journal_damaged_file", path=str(path), reason=str(why), next="what can be read of it is copied into a new one")
    draft = path.with_name(path.name + ".salvage")
    try:
        with RawPages(path) as pages:
            found = find(pages)
            if not found.pieces and not path.stat().st_size:
                return _begin_anew(path)
            if not found:
                raise JournalBroken(f"{why}, and nothing in it can be read: {_ADVICE}") from why
            plan = _plan(found, seen)
            unlisted = _fill(draft, pages, found, plan)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    note = _said(path, found, plan, unlisted)
    aside = set_aside(path, draft, note)
    _log.error("journal_salvaged", aside=str(aside), reason=str(why), found=note)


def _begin_anew(path: Path) -> None:
    """Leave an empty file to become a journal: whoever made it was killed before there was a frame."""
    path.with_name(path.name + "-wal").unlink()


def _plan(found: Found, seen: Sequence[Cursor]) -> _Plan:
    pieces, given = found.pieces, found.meta.get("given")
    before = found.meta.get("journal", "")
    # One without a cursor has nothing yet.
    safe = min(found.cursors[name].safe if name in found.cursors else 0 for name in FOLLOWERS)
    plan = _Plan(max(safe if given is None else given, 0))
    last = plan.begin
    for piece in pieces:
        if piece.last <= plan.begin:
            continue  # a page that was freed, with what was trimmed
        if piece.first > last + 1:
            if piece.is_stand_in:
                plan.joined[piece.first] = last + 1
            else:
                plan.holes.append((last + 1, piece.first - 1))
        plan.pieces.append(piece)
        last = piece.last
    known = max([found.meta.get("marked", 0), *[cursor.position for cursor in seen if cursor.journal == before]])
    if known > last or found.may_lack:
        plan.holes.append((last + 1, max(known, last + 1)))
    plan.last = max(known, last + found.may_lack)
    damaged_to = max((piece.damaged_to for piece in plan.pieces), default=0)
    plan.are_marks_kept = not found.may_lack and max([damaged_to, *[end for _, end in plan.holes]]) <= safe
    return plan


def _fill(draft: Path, pages: RawPages, found: Found, plan: _Plan) -> int:
    """Make the new file; return how many frames with readings are lost because nothing says what their channels were."""
    draft.unlink(missing_ok=True)
    values = _Values(pages, found, plan)
    try:
        with closing(sqlite3.connect(draft, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = OFF")  # a draft that is cut off is made anew
            connection.execute("BEGIN")
            make_tables(connection, secrets.token_hex(8))
            connection.executemany(INSERT, values)
            _fill_small(connection, found, plan)
            connection.execute("COMMIT")
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL:
            raise OSError(errno.ENOSPC, "No space left to save what can be read of the damaged journal", str(draft)) from error
        raise JournalBroken(f"what can be read of the journal cannot be written into {draft}: {error}") from error
    draft.chmod(0o600)
    return values.unlisted


def _fill_small(connection: sqlite3.Connection, found: Found, plan: _Plan) -> None:
    epochs, marks = [], []
    for (device, epoch), (opened_us, channels) in found.epochs.items():
        key = (device, epoch)
        epochs.append((*key, opened_us, channels))
        marks.append((*key, max(found.marks.get(key, 0), found.moves.get(key, 0)) if plan.are_marks_kept else 0, plan.last))
    connection.executemany("INSERT INTO epochs VALUES (?, ?, ?, ?)", epochs)
    connection.executemany("INSERT INTO marks VALUES (?, ?, ?, ?)", marks)
    cursors = [(name, *_numbers) for name, cursor in found.cursors.items() if max(_numbers := (cursor.applied, cursor.safe)) <= plan.last]
    connection.executemany("INSERT INTO cursors VALUES (?, ?, ?)", cursors)
    # The frames below `marked` move no mark any more: those that are 0 stay so.
    numbers = [("given", plan.begin), ("marked", plan.last), ("before", found.meta.get("journal", _UNKNOWN))]
    connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", numbers)


class _Values:
    """The values of the new file, in the order of positions."""

    def __init__(self, pages: RawPages, found: Found, plan: _Plan) -> None:
        self.unlisted = 0
        self._pages, self._found, self._plan = pages, found, plan

    def __iter__(self) -> Iterator[tuple[int, int, bytes]]:
        rows: list[tuple[int, int, Piece | None]] = [(begin, end - begin + 1, None) for begin, end in self._plan.holes]
        rows += [(piece.first, piece.last - piece.first + 1, piece) for piece in self._plan.pieces]
        for first, count, piece in sorted(rows, key=lambda each: each[0]):
            if piece is None:
                yield first, count, stand_in(first + count - 1)
            else:
                begin = self._plan.joined.get(first, first)
                yield begin, count + first - begin, self._content(piece)

    def _content(self, piece: Piece) -> bytes:
        try:
            value, content = value_of(self._pages, piece)
        except Malformed as error:  # it could be read a moment ago
            raise OSError(errno.EIO, f"the disk does not give the same twice: {error}") from error
        assert value is not None
        return without_rows(value, self._is_unlisted) or content

    def _is_unlisted(self, device: str, epoch: int, kind: int) -> bool:
        """Tell whether nobody can read a frame: the list that says which channels its numbers mean is lost."""
        is_lost = kind in _READINGS and (device, epoch) not in self._found.epochs
        self.unlisted += is_lost
        return is_lost


def _said(path: Path, found: Found, plan: _Plan, unlisted: int) -> str:
    frames = sum(piece.last - piece.first + 1 for piece in plan.pieces if not piece.is_stand_in)
    holes = [*plan.holes]
    newest = holes.pop() if holes and found.may_lack else None
    named = ", ".join(f"{begin:,} to {end:,}" for begin, end in holes[:_MAX_TOLD]) + (" and more" if holes[_MAX_TOLD:] else "")
    lost = sum(end - begin + 1 for begin, end in holes)
    parts = [f"the disk has damaged {path.name}: {frames:,} frames were saved into a new one"]
    parts += [f"{lost:,} that lay at positions {named} are lost"] if lost else []
    parts += [f"and perhaps some above {newest[0] - 1:,}"] if newest else []
    parts += [f"{unlisted:,} more, as the list of their channels is"] if unlisted else []
    parts += [] if lost or newest or unlisted else ["no frame is missing"]
    return f"{', '.join(parts)}; replace the disk"
