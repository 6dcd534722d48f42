"""The folder of sorted files beside the database: names, drafts, syncs, what lies there, and how much memory who works there has.

Owns the directory's contents and the life of a file up to its name (draft, synced, checksummed, renamed); what a file means is the
manifest's. A name says tier, day, run, part of how many, and the checksum of the bytes, so that a file can be judged without the
manifest. Blocking; called in the threads of the store.
"""

import os
import re
import zlib
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from devices.durable import sync

_NAME: Final = re.compile(r"(raw|1min|1h)-[-\d]+-(\d{8,})-(\d+)of(\d+)-([0-9a-f]{8})\.parquet")
_DRAFT: Final = "draft-"
_ASIDE: Final = ".aside"
_PART_BYTES: Final = 4 << 20


class Named(NamedTuple):
    """What a file's name says."""

    tier: str
    run: int
    part: int
    parts: int
    crc: int


class Folder:
    """The folder `history/` beside `history.duckdb`."""

    def __init__(self, database: Path, memory_bytes: int = 0) -> None:
        self.memory_bytes = (
            memory_bytes  # of the database, what needs more spills; a merge beside it has half as much; 0: neither works here
        )
        self.path = database.with_suffix("") if database.suffix else database.with_name(database.name + ".files")
        self.temporary = self.path / "tmp"  # what a query or a merge beyond its memory spills

    def prepare(self) -> None:
        """Make the folder and empty the temporary one. Raises OSError."""
        self.temporary.mkdir(parents=True, exist_ok=True)
        for left in self.temporary.iterdir():
            left.unlink()

    def draft(self, run: int, part: int) -> Path:
        """Return where a file is written before it is whole."""
        return self.path / f"{_DRAFT}{run:08d}-{part}.parquet"

    def finish(self, draft: Path, tier: str, oldest_ns: int, named: tuple[int, int, int]) -> tuple[str, int, int]:
        """Sync a draft and give it its name, of (run, part, parts); return name, bytes and checksum. Raises OSError."""
        with draft.open("rb+") as file:
            os.fsync(file.fileno())
        size_bytes, crc = checksum(draft)
        run, part, parts = named
        name = f"{tier}-{_day(oldest_ns)}-{run:08d}-{part}of{parts}-{crc:08x}.parquet"
        draft.rename(self.path / name)
        return name, size_bytes, crc

    def sync(self) -> None:
        """Make the names durable. Raises OSError."""
        sync(self.path)

    def names(self) -> list[str]:
        """Return the names of all data files that lie here."""
        return sorted(each.name for each in os.scandir(self.path) if _NAME.fullmatch(each.name))

    def names_ever(self) -> list[str]:
        """Return the names of all data files, those set aside among them."""
        return sorted({each.name.removesuffix(_ASIDE) for each in os.scandir(self.path) if _NAME.fullmatch(each.name.removesuffix(_ASIDE))})

    def sweep(self, named: Iterable[str]) -> list[str]:
        """Remove drafts and every data file that the manifest does not name; return the names of those."""
        kept = set(named)
        self.remove_drafts()
        left = [name for name in self.names() if name not in kept]
        self.remove(left)
        return left

    def remove_drafts(self, run: int | None = None) -> None:
        """Remove what one run, or any, was writing when nobody is writing it any more."""
        begin = _DRAFT if run is None else f"{_DRAFT}{run:08d}-"
        self.remove([each.name for each in os.scandir(self.path) if each.name.startswith(begin)])

    def remove_run(self, run: int) -> None:
        """Remove drafts and files of a run that came to nothing."""
        self.remove_drafts(run)
        self.remove([name for name in self.names() if (said := named(name)) is not None and said.run == run])

    def remove(self, names: Iterable[str]) -> None:
        """Unlink files; one that is gone already is no fault."""
        for name in names:
            (self.path / name).unlink(missing_ok=True)

    def set_aside(self, name: str) -> None:
        """Rename a file so that it is kept, and never read again."""
        with suppress(FileNotFoundError):
            (self.path / name).rename(self.path / (name + _ASIDE))

    def used_bytes(self) -> int:
        """Return the bytes of everything in the folder."""
        used = 0
        for place in (self.path, self.temporary):
            for each in os.scandir(place) if place.exists() else ():
                with suppress(FileNotFoundError):
                    used += each.stat().st_size if each.is_file() else 0
        return used

    def damage(self, name: str, size_bytes: int, crc: int) -> str | None:
        """Return what is wrong with a file by its checksum; None: it is sound. Raises OSError where it cannot be read at all."""
        try:
            found = checksum(self.path / name)
        except FileNotFoundError:
            return "it is missing"
        if found != (size_bytes, crc):
            return f"its checksum is wrong, {found[0]:,} of {size_bytes:,} bytes"
        return None


def named(name: str) -> Named | None:
    """Return what a name says; None: it is not one of a data file."""
    found = _NAME.fullmatch(name)
    return Named(found[1], int(found[2]), int(found[3]), int(found[4]), int(found[5], 16)) if found else None


def checksum(path: Path) -> tuple[int, int]:
    """Return size and CRC-32 of a file: 1 ms for each 2 MB. Raises OSError."""
    crc = size_bytes = 0
    with path.open("rb") as file:
        while part := file.read(_PART_BYTES):
            crc = zlib.crc32(part, crc)
            size_bytes += len(part)
    return size_bytes, crc


def quoted(text: str) -> str:
    """Return a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def utc(t_ns: int) -> str:
    """Return a time for people, to the minute."""
    return _when(t_ns).strftime("%Y-%m-%d %H:%M")


def _day(t_ns: int) -> str:
    return _when(t_ns).strftime("%Y%m%d")


def _when(t_ns: int) -> datetime:
    # Any int64 of ns lies between the years 1677 and 2262.
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=t_ns // 1_000)
