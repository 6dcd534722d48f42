"""What SQLite does not say of a write-ahead log: that commits in it were lost because a bit of an earlier one has changed.

SQLite takes a log up to the first frame whose sum is wrong and drops the rest in silence: after a kill or a power cut that is right, as
what follows was never synced. But each commit is synced before the next is written: where whole commits of the same life of the log lie
behind the one that is wrong, the disk has changed what it had. Owns that look (sqlite.org/fileformat2.html section 4) and a copy for who
wants to see more. Blocking; called by the hub's stores and a device's spool as they open their files.
"""

import os
import shutil
import struct
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

LOG_HEADER: Final = struct.Struct(">8I")  # magic, version, page size, number of checkpoints, two salts, two sums
LOG_FRAME: Final = struct.Struct(">6I")  # page, pages of the file after a commit or 0, two salts, two sums
_PAGE_BYTES_AT: Final = 16  # in the database; 1 means 65,536
_MAX_FRAME_AT: Final = 16  # in the index beside the log, in the machine's own order of bytes


class LogBefore(NamedTuple):
    """The log as it was before SQLite opened it: which of its frames end a commit."""

    path: Path
    ends: tuple[int, ...] = ()  # counted from 1, as SQLite does
    size_bytes: int = 0


def is_of_life(of_frame: Sequence[int], salts: Sequence[int]) -> bool:
    """Tell by its salts whether a frame is of the log's present life.

    Each life has one salt that is counted on and one that is drawn: frames of the one before have neither. Either is enough, as the bit
    that has changed may be one of the header's.
    """
    return of_frame[0] == salts[0] or of_frame[1] == salts[1]


def look_at_log(database: Path) -> LogBefore:
    """Look at the log of a database that nobody has open. Raises OSError."""
    path = database.with_name(database.name + "-wal")
    try:
        with path.open("rb") as log, database.open("rb") as main:
            main.seek(_PAGE_BYTES_AT)
            page_bytes = int.from_bytes(main.read(2), "big")
            header = log.read(LOG_HEADER.size)
            if not page_bytes or len(header) < LOG_HEADER.size:
                return LogBefore(path)
            salts, ends, number = LOG_HEADER.unpack(header)[4:6], [], 0
            while len(frame := log.read(LOG_FRAME.size)) == LOG_FRAME.size:
                number += 1
                _, pages, *of_frame, _, _ = LOG_FRAME.unpack(frame)
                if pages and is_of_life(of_frame, salts):
                    ends.append(number)
                log.seek(page_bytes if page_bytes > 1 else 65_536, os.SEEK_CUR)
            return LogBefore(path, tuple(ends), log.tell())
    except FileNotFoundError:
        return LogBefore(path)


def lost_commits(before: LogBefore) -> int:
    """Return how many commits of the log were lost that had been synced; asked once SQLite has opened the database and read from it.

    What lies behind the first wrong frame: the commit it is in, and all but the last one after it, which may never have been synced.
    """
    if not before.ends:
        return 0
    with before.path.with_name(before.path.name.removesuffix("-wal") + "-shm").open("rb") as index:
        index.seek(_MAX_FRAME_AT)
        (taken,) = struct.unpack("=I", index.read(4))
    return max(0, sum(end > int(taken) for end in before.ends) - 1)


def keep_aside(before: LogBefore) -> None:
    """Keep a copy of the log as `...-wal.damaged`, for whoever wants to see what was in it; where there is no room, none."""
    copy = before.path.with_name(before.path.name + ".damaged")
    with suppress(OSError):
        copy.touch(mode=0o600)  # as private as what is copied may be
        shutil.copyfile(before.path, copy)
