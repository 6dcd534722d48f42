"""Readings that the store can never hold: one JSON line each in `parked.jsonl`, with the reason, so that none is lost in silence.

Owns that file and the full ones beside it (`parked.1.jsonl` ...), and that a batch tried again parks nothing twice. Its calls block: the
history writer makes them in its thread, and moves its cursor only after. An operator may move the files away at any time.
"""

import errno
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from devices.durable import sync
from hub.ports import StoreFull

MAX_FILE_BYTES: Final = 64 << 20  # 300,000 readings
MAX_FILES: Final = 16  # then the history waits: what cannot be stored is not thrown away either
_NAME: Final = "parked.jsonl"


class ParkedReading(NamedTuple):
    """A reading as it stands in the file."""

    device: str
    channel: str
    unit: str
    kind: str
    time_us: int
    n: int  # ns within the µs, as the point key has it
    value: Any
    reason: str
    journal: str
    position: int  # of its frame in that journal

    def line(self) -> bytes:
        """Return it as JSON, with the end of the line."""
        return json.dumps(self._asdict(), ensure_ascii=False).encode(errors="backslashreplace") + b"\n"


class Parked:
    """The parked readings of one data directory; `folder` None keeps a count and no file, for stores that refuse nothing."""

    def __init__(self, folder: Path | None) -> None:
        self.count = 0  # lines in the files
        self.last_reason = ""
        self._folder = folder
        self._newest = ("", 0)  # journal and position of the last frame in the files,
        self._lines: set[bytes] = set()  # and its lines
        self._is_open = False

    @property
    def note(self) -> str | None:
        """What the operator should know; None: nothing is parked, or somebody has moved it away."""
        if self.count and self._folder is not None and not self._files():
            self.count = 0
        if not self.count:
            return None
        said = "reading" if self.count == 1 else "readings"
        where = "the log" if self._folder is None else str(self._folder / _NAME)
        return f"{self.count} {said} could not be stored; see {where}, the last because: {self.last_reason[:200]}"

    def open(self) -> None:
        """Read what is there, once: how much, and up to which position. A line that a crash cut short is taken away."""
        if self._is_open or self._folder is None:
            return
        for path in self._files():
            self._take(path)
        self._is_open = True

    def _take(self, path: Path) -> None:
        data = path.read_bytes()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            os.truncate(path, whole)
        lines = data[:whole].splitlines(keepends=True)
        self.count += len(lines)
        for line in reversed(lines):
            frame, reason = _read(line)
            if not self._lines:
                self._newest, self.last_reason = frame, reason
            if frame != self._newest:
                break
            self._lines.add(line)

    def add(self, readings: Iterable[ParkedReading]) -> list[ParkedReading]:
        """Write readings and sync them; return those that were not there yet. Raises StoreFull where there is no room.

        Frames are brought in order of their position; of a frame that was parked before, only what is new is written.
        """
        try:
            self.open()
            fresh = [each for each in sorted(readings, key=lambda each: each.position) if self._is_new(each)]
            if fresh and self._folder is not None:
                self._write(self._folder / _NAME, b"".join([each.line() for each in fresh]))
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise StoreFull(f"no room for {_NAME}: {error.strerror}; free some space") from error
        self._note(fresh)
        return fresh

    def _is_new(self, reading: ParkedReading) -> bool:
        journal, position = self._newest
        if reading.journal != journal or reading.position > position:
            return True
        return reading.position == position and reading.line() not in self._lines

    def _note(self, fresh: Sequence[ParkedReading]) -> None:
        for reading in fresh:
            if (frame := (reading.journal, reading.position)) != self._newest:
                self._newest, self._lines = frame, set()
            self._lines.add(reading.line())
            self.last_reason = reading.reason
        self.count += len(fresh)

    def _write(self, path: Path, lines: bytes) -> None:
        """Append, all or nothing, and sync."""
        self._rotate(path)
        is_made = not path.exists()
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            begin = os.lseek(descriptor, 0, os.SEEK_END)
            try:
                with open(descriptor, "wb", closefd=False, buffering=0) as file:
                    at = 0
                    while at < len(lines):
                        at += file.write(lines[at : at + (1 << 20)]) or 0
                os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, begin)
                raise
        finally:
            os.close(descriptor)
        if is_made:
            sync(path.parent)

    def _rotate(self, path: Path) -> None:
        """Set a full file aside under the next free number. Raises StoreFull where there are too many."""
        if not path.exists() or path.stat().st_size < MAX_FILE_BYTES:
            return
        numbered = [each for each in self._files() if each != path]
        if len(numbered) >= MAX_FILES - 1:
            said = f"{MAX_FILES} files of readings that cannot be stored are full ({path} and those beside it)"
            raise StoreFull(f"{said}; see why, and move them away")
        number = 1 + max([_number(each) for each in numbered], default=0)
        path.rename(path.with_name(f"parked.{number}.jsonl"))
        sync(path.parent)

    def _files(self) -> list[Path]:
        """Return the files, newest first."""
        assert self._folder is not None
        numbered = sorted(self._folder.glob("parked.*.jsonl"), key=_number, reverse=True)
        newest = self._folder / _NAME
        return [*([newest] if newest.exists() else []), *numbered]


def _number(path: Path) -> int:
    middle = path.name.split(".")[1]
    return int(middle) if middle.isdecimal() else 0


def _read(line: bytes) -> tuple[tuple[str, int], str]:
    """Return frame and reason of a line; what somebody else wrote is of no frame."""
    try:
        said = json.loads(line)
        return (str(said["journal"]), int(said["position"])), str(said["reason"])
    except (ValueError, KeyError, TypeError):
        return ("", 0), "unknown"
