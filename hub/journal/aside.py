"""A damaged journal set aside beside the one that takes its place, with a text that says what was lost.

Owns the names and the order of these steps: whenever they are cut off, the next start goes on with them, and never finds no journal, or
one with the log of another. Blocking; used by salvage.py and sqlite_file.py.
"""

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from devices.durable import keep, sync
from hub.ports import JournalDamaged

_DONE: Final = ".salvaged"  # whole, and not yet in its place
_HELD: Final = "-wal.held"
_SUSPECT: Final = ".suspect"  # what was read of the journal could not be right: the next start looks at every page
_ENDINGS: Final = ("-wal", "-shm", "")  # the file itself last: what belongs to it must not be left to the new one


def set_aside(path: Path, draft: Path, note: str) -> Path:
    """Put a draft in the place of a journal that nobody has open; return what that is called now. Raises OSError."""
    sync(draft)
    aside = _aside_of(path, draft)
    keep(aside.with_name(aside.name + ".txt"), note)
    draft.rename(path.with_name(path.name + _DONE))
    sync(path.parent)
    finish(path)
    return aside


def finish(path: Path) -> None:
    """Go on with `set_aside` where it was cut off. Raises OSError."""
    done = path.with_name(path.name + _DONE)
    if not done.exists():
        return
    aside = _aside_of(path, done)
    for ending in _ENDINGS:
        if (part := path.with_name(path.name + ending)).exists():
            part.rename(aside.with_name(aside.name + ending))
    sync(path.parent)
    done.rename(path)
    sync(path.parent)
    clear(path)


def notes_beside(path: Path) -> list[str]:
    """Return what is said of journals that were set aside; who removes the texts has read them. Raises OSError."""
    return [f"journal: {text.read_text().strip()}; {text.name} says so until you remove it" for text in texts_beside(path)]


def texts_beside(path: Path) -> list[Path]:
    """Return the texts, oldest first."""
    return sorted(path.parent.glob(f"{path.name}.damaged-*.txt"))


def note_missing(path: Path, position: int) -> None:
    """Say that there was no journal, or an empty one, where others had followed one up to a position. Raises OSError."""
    said = f"{path.name} was missing or empty at a start, though others had followed it up to {position:,}: what they had not is lost"
    keep(path.with_name(f"{path.name}.damaged-{datetime.now(UTC):%Y-%m-%dT%H%M%S.%f}Z.txt"), said)


def check_beginning(path: Path) -> None:
    """Raise JournalDamaged where a journal has lost all but its log: SQLite would delete that, and begin anew."""
    log = path.with_name(path.name + "-wal")
    if path.exists() and not path.stat().st_size and log.exists() and log.stat().st_size:
        raise JournalDamaged(f"{path} is empty, and its log is not")


def hold_log(path: Path) -> None:
    """Have the log stay when SQLite closes a file that turns out to be damaged: it deletes it then, with what it did not believe."""
    held, log = path.with_name(path.name + _HELD), path.with_name(path.name + "-wal")
    if held.exists() and not log.exists():
        held.replace(log)  # a start was killed just then
    with suppress(OSError):  # of a file system that has no second names
        held.unlink(missing_ok=True)
        held.hardlink_to(log)


def let_log_go(path: Path) -> None:
    """Undo `hold_log`: the file is sound."""
    path.with_name(path.name + _HELD).unlink(missing_ok=True)


def bring_log_back(path: Path) -> None:
    """Put the log that was held beside the file again. Raises OSError."""
    with suppress(FileNotFoundError):
        path.with_name(path.name + _HELD).replace(path.with_name(path.name + "-wal"))


def suspect(path: Path) -> None:
    """Have the next start look at every page. Raises OSError."""
    path.with_name(path.name + _SUSPECT).touch(mode=0o600)
    sync(path.parent)


def is_suspect(path: Path) -> bool:
    """Tell whether somebody has asked for that."""
    return path.with_name(path.name + _SUSPECT).exists()


def clear(path: Path) -> None:
    """Take the word that every page was looked at."""
    path.with_name(path.name + _SUSPECT).unlink(missing_ok=True)


def _aside_of(path: Path, made: Path) -> Path:
    time = datetime.fromtimestamp(made.stat().st_mtime, UTC)
    return path.with_name(f"{path.name}.damaged-{time:%Y-%m-%dT%H%M%S.%f}Z")
