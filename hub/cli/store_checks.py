"""What doctor sees in the data directory of a hub that does not run: lock, formats, the health of the files.

Owns those checks; opens files read only, and asks nothing of a running hub (hub_checks.py does, which has the small file looked at too).
"""

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from hub.cli.findings import Finding, Verdict
from hub.config import Settings
from hub.datadir import FILE_FORMATS, FORMAT, JOURNAL

_MAX_CHECKED_BYTES: Final = 2_000_000_000  # a check reads every page: some ten seconds
_DUCKDB_MAGIC: Final = b"DUCK"  # bytes 8 to 11 of its file


def check_stores(settings: Settings) -> Iterator[Finding]:
    """Yield a finding for the lock, the format and each file."""
    path = settings.data_dir
    if not path.is_dir():
        return
    if (holder := lock_holder(path)) is not None:
        found = f"process {holder} has it, but no hub answers"
        yield Finding(Verdict.FAIL, "lock", found, "it is starting or it hangs: wait, look at its log, or stop it")
        return
    try:
        yield _format(path)
        for name in FILE_FORMATS:
            if (path / name).exists():
                yield _sqlite(path / name, FILE_FORMATS[name])
        yield from _set_aside(path)
        yield from _duckdb(path / "history.duckdb")
    except OSError as error:
        yield Finding(Verdict.FAIL, "stores", f"{error.filename}: {error.strerror}", "run this as the user of the hub")


def check_state(settings: Settings) -> Iterator[Finding]:
    """Yield how the state database of a hub that runs is: a reader does not hold it up, and it is small. The journal is left alone."""
    path = settings.data_dir / "state.db"
    if path.exists():
        yield _sqlite(path, FILE_FORMATS["state.db"])


def lock_holder(path: Path) -> str | None:
    """Return which process has the data directory locked, None for nobody. Takes the lock for a moment only."""
    try:
        with (path / "lock").open("r+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return lock.read(32).strip() or "unknown"
    except OSError:
        pass  # none yet, or not ours to see: the data directory's own line says so
    return None


def _format(path: Path) -> Finding:
    try:
        found = int((path / "format").read_text())
    except FileNotFoundError:
        return Finding(Verdict.OK, "format", "new")
    except ValueError:
        return Finding(Verdict.FAIL, "format", f"{path / 'format'} holds no number", "restore it from a backup, or use another directory")
    if found > FORMAT:
        return Finding(Verdict.FAIL, "format", f"{found}, newer than this program's {FORMAT}", "run the newer hub that wrote it")
    return Finding(Verdict.OK, "format", f"{found}" + (f", brought to {FORMAT} at the next start" if found < FORMAT else ""))


def _sqlite(path: Path, known: int) -> Finding:
    size = path.stat().st_size
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=1)) as file:
            (version,) = file.execute("PRAGMA user_version").fetchone()
            said = "" if size > _MAX_CHECKED_BYTES else file.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) in (sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_IOERR_SHMMAP, sqlite3.SQLITE_FULL):
            return Finding(Verdict.WARN, path.name, "not looked into: the disk is too full to open it", "free some space")
        return Finding(Verdict.FAIL, path.name, f"damaged: {error}", _mending(path))
    if version > known:
        return Finding(Verdict.FAIL, path.name, f"format {version}, newer than this program's {known}", "run the newer hub that wrote it")
    if said not in ("", "ok"):
        return Finding(Verdict.FAIL, path.name, f"damaged: {said}", _mending(path))
    return Finding(Verdict.OK, path.name, f"{size:,} bytes" + ("" if said else ", too large to read through here"))


def _mending(path: Path) -> str:
    if path.name == JOURNAL:
        return "start the hub: it saves what can be read into a new one and keeps this one beside it"
    return "keep a copy of the directory, then restore a backup"


def _set_aside(path: Path) -> Iterator[Finding]:
    for text in sorted(path.glob(f"{JOURNAL}.damaged-*.txt")):
        yield Finding(Verdict.WARN, JOURNAL, text.read_text().strip(), f"remove {text} when you have seen to it")


def _duckdb(path: Path) -> Iterator[Finding]:
    if not path.exists():
        return
    with path.open("rb") as file:
        head = file.read(12)
    if head[8:] == _DUCKDB_MAGIC:
        yield Finding(Verdict.OK, path.name, f"{path.stat().st_size:,} bytes")
    else:
        advice = "start the hub: it sets the file aside and fills a new one from the journal; older readings come from a backup"
        yield Finding(Verdict.FAIL, path.name, "is no DuckDB file", advice)
