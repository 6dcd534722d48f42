"""The data directory: one hub at a time, private, and of a format that this hub knows.

Owns the names of what is in it, its lock, and the migrations between formats, all of them here. Must not open any file's contents but
the format numbers. main.py enters it first and leaves it last; doctor looks through it; a restore claims it before it fills it.
"""

import errno
import fcntl
import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from devices.durable import keep, sync
from hub.reserve import START_BYTES, Reserve

# Of the whole directory; each SQLite file carries its own number besides (PRAGMA user_version, bytes 60-63 of its header,
# sqlite.org/fileformat2.html section 1.3.13).
FORMAT: Final = 1
JOURNAL: Final = "journal.db"
NODE: Final = "node"  # in the directory of a node: its name
FILE_FORMATS: Final = {JOURNAL: 3, "state.db": 5}
_BACKUP: Final = "last-backup"  # names the newest one
_VERSION_AT: Final = 60
_MAX_FORMAT: Final = 65_536  # a greater number is none that a hub wrote: the file is damaged, and who opens it sees to that

# MIGRATIONS[n] turns a directory of format n into one of format n + 1, in place; it must be safe to run again after a crash.
MIGRATIONS: Final[dict[int, Callable[[Path], None]]] = {}


class DataDirError(Exception):
    """The directory cannot be used; the text is one line that says what and what to do."""


class Claim:
    """A directory made, where it is missing, and locked: `with Claim(path):`. What is in it is not looked at."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.restoring = path / "restoring"  # there while a restore fills the directory: what is in it is not whole
        self.hub_json = path / "hub.json"
        self._lock: int | None = None

    def __enter__(self) -> Self:
        """Make it and lock it. Raises DataDirError."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self._unwritable(error) from None
        try:
            self._take_lock(self._lock)
        except BaseException:
            self._release()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._release()

    def tell(self, url: str, tls_certificate: Path | None) -> None:
        """Tell commands on this machine where the hub listens; a file that another reads is only ever whole."""
        said = {"pid": os.getpid(), "url": url} | ({"tls_certificate": str(tls_certificate)} if tls_certificate else {})
        draft = self.hub_json.with_suffix(".new")
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(said, file)
        draft.replace(self.hub_json)

    def _take_lock(self, lock: int) -> None:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(lock, 32).decode(errors="replace").strip() or "unknown"
            raise DataDirError(
                f"the data directory {self.path} is in use by process {holder}; stop that hub, or choose another with --data-dir"
            ) from None
        with suppress(OSError):  # no room for the number: the lock holds without it
            os.ftruncate(lock, 0)
            os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)

    def _release(self) -> None:
        if self._lock is not None:
            os.close(self._lock)  # this releases the lock; the file stays, so that two starts never lock two files
            self._lock = None

    def _unwritable(self, error: OSError) -> DataDirError:
        advice = "free some space" if error.errno == errno.ENOSPC else "choose another with --data-dir or correct its owner"
        return DataDirError(f"cannot write in the data directory {self.path}: {error.strerror}; {advice}")


class DataDir(Claim):
    """A locked data directory of this format: `with DataDir(path) as data:`."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.journal = path / JOURNAL
        self.history = path / "history.duckdb"
        self.history_files = path / "history"  # a folder: what of the history is sorted
        self.state = path / "state.db"
        self.admin_token = path / "admin.token"
        self.format = path / "format"
        self.reserve = Reserve(path)

    def note_node(self, name: str) -> None:
        """Note of which node the directory is: should the node be gone for good, who goes through its journal must know."""
        (self.path / NODE).write_text(f"{name}\n")

    def note_backup(self, path: Path) -> None:
        """Note where the newest backup is, for the day when this directory cannot be used. Raises OSError."""
        keep(self.path / _BACKUP, str(path))

    def how_to_restore(self) -> str:
        """Return the command that brings the newest backup back, in a sentence."""
        try:
            newest = (self.path / _BACKUP).read_text().strip()
        except (OSError, UnicodeDecodeError):
            newest = ""
        backup = newest if newest and Path(newest).is_dir() else "BACKUP"
        told = "restore the newest backup" if backup == newest else "restore a backup"
        return f"{told}: tributary restore {backup} --data-dir {self.path} --force (what is there is moved aside, not deleted)"

    def parked(self) -> list[Path]:
        """Return the files with readings that the history store could not take: parked.jsonl and the full ones beside it."""
        return sorted(self.path.glob("parked*.jsonl"))

    def __enter__(self) -> Self:
        """Make the directory where it is missing, lock it, and bring it to this format. Raises DataDirError."""
        super().__enter__()
        try:
            if self.restoring.exists():
                raise DataDirError(f"a restore into {self.path} never ended; run it again: tributary restore BACKUP --data-dir {self.path}")
            self._make_room()
            self._check_format()
            self.reserve.keep()
        except OSError as error:
            self._release()
            raise self._unwritable(error) from None
        except BaseException:
            self._release()
            raise
        return self

    def _make_room(self) -> None:
        """Give up the reserve where the disk is too full to open anything. Raises DataDirError where that is not enough."""
        if self.reserve.free_bytes() >= START_BYTES:
            return
        self.reserve.give_up()
        if (free_bytes := self.reserve.free_bytes()) < START_BYTES:
            raise DataDirError(
                f"the disk of the data directory {self.path} is full: {free_bytes:,} bytes are free, "
                f"the hub needs {START_BYTES:,} to start; free at least {START_BYTES - free_bytes:,} bytes"
            )

    def _check_format(self) -> None:
        found = self._format()
        if found > FORMAT:
            raise self._newer("", found, FORMAT)
        for name, known in FILE_FORMATS.items():
            if known < (version := _user_version(self.path / name)) < _MAX_FORMAT:
                raise self._newer(f" ({name})", version, known)
        for number in range(found, FORMAT):
            MIGRATIONS[number](self.path)
            self._write_format(number + 1)
        if not self.format.exists():
            self._write_format(FORMAT)

    def _format(self) -> int:
        try:
            return int(self.format.read_text())
        except FileNotFoundError:
            return FORMAT  # a new directory
        except ValueError:
            raise DataDirError(f"{self.format} holds no number; restore it from a backup, or use another directory") from None

    def _write_format(self, number: int) -> None:
        draft = self.path / "format.new"
        with draft.open("w") as file:
            file.write(f"{number}\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.format)
        sync(self.path)  # a directory that lost its number would count as one of this format

    def _newer(self, what: str, found: int, known: int) -> DataDirError:
        return DataDirError(
            f"the data directory {self.path} has format {found}{what}, this hub knows up to {known}; "
            "run the newer hub that wrote it, or choose another with --data-dir"
        )


def _user_version(path: Path) -> int:
    """Return a SQLite file's own number; 0 for a file that is missing or still empty."""
    try:
        with path.open("rb") as file:
            file.seek(_VERSION_AT)
            return int.from_bytes(file.read(4), "big")
    except FileNotFoundError:
        return 0
