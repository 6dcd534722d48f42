"""The pages of a SQLite file that SQLite itself will not open: read one by one, with the commits of its log laid over them.

Owns the form of the file and what its log adds (sqlite.org/fileformat2.html sections 1.3 and 4), and changes neither. Knows no table.
Blocking; used by raw_records.py and salvage.py.
"""

import os
import sys
from array import array
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

from devices.sqlite_log import LOG_FRAME, LOG_HEADER, is_of_life

_MAGIC: Final = b"SQLite format 3\0"
_USUAL_BYTES: Final = 4_096  # of a page, where nothing that is left says so
_LOG_MAGIC: Final = 0x377F0682  # its last bit: sums are made of big-endian words
_SUMMED_OF_FRAME: Final = 8
_MASK: Final = 0xFFFF_FFFF
Sums = tuple[int, int]


class RawPages:
    """The pages of a database as the last commit left them; with `is_beyond`, as the log says behind a place that is wrong."""

    def __init__(self, path: Path) -> None:
        self._files: list[BinaryIO] = []
        self._path = path
        self.page_bytes = _USUAL_BYTES
        self._commits_behind = 0  # of the log, behind the first sum that is wrong
        self._taken: Mapping[int, int] = {}  # page -> where it is in the log
        self._beyond: Mapping[int, int] = {}
        self.is_beyond = False

    def __enter__(self) -> Self:
        """Open the file and read its log. Raises OSError."""
        main = self._path.open("rb")
        self._files.append(main)
        head = main.read(100)
        if head[:16] == _MAGIC and _is_page_size(size := int.from_bytes(head[16:18], "big")):
            self.page_bytes = size
        log = self._path.with_name(self._path.name + "-wal")
        if log.exists():
            self._files.append(log.open("rb"))
            self._read_log(self._files[1])
        self._main_pages = -(-os.fstat(main.fileno()).st_size // self.page_bytes)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        for file in self._files:
            file.close()

    @property
    def has_lost(self) -> bool:
        """Tell whether commits of the log that were synced lie behind a place that is wrong; the last may never have been."""
        return self._commits_behind > 1

    def __len__(self) -> int:
        """How many pages there are, those behind a wrong place of the log included."""
        return max(self._main_pages, max(self._taken, default=0), max(self._beyond, default=0))

    def page(self, number: int) -> bytes:
        """Return a page, numbered from 1; as zeros what is missing of it. Raises OSError."""
        at = self._beyond.get(number) if self.is_beyond else None
        if at is None:
            at = self._taken.get(number)
        file = self._files[0] if at is None else self._files[1]
        file.seek((number - 1) * self.page_bytes if at is None else at)
        return file.read(self.page_bytes).ljust(self.page_bytes, b"\0")

    def _read_log(self, log: BinaryIO) -> None:
        header = log.read(LOG_HEADER.size)
        if len(header) < LOG_HEADER.size:
            return
        magic, _, page_bytes, _, *salts_and_sums = LOG_HEADER.unpack(header)
        salts, sums = salts_and_sums[:2], (salts_and_sums[2], salts_and_sums[3])
        if _is_page_size(page_bytes):
            self.page_bytes = page_bytes
        is_big = bool(magic & 1)
        is_right = magic & ~1 == _LOG_MAGIC and _summed(header[:24], (0, 0), is_big=is_big) == sums
        taken: dict[int, int] = {}
        pending: dict[int, int] = {}  # of a commit whose end is not read yet
        beyond: dict[int, int] = {}
        at = LOG_HEADER.size
        while len(frame := log.read(LOG_FRAME.size + self.page_bytes)) == LOG_FRAME.size + self.page_bytes:
            page, pages, *of_frame, first_sum, second_sum = LOG_FRAME.unpack(frame[: LOG_FRAME.size])
            if is_right:
                sums = _summed(frame[LOG_FRAME.size :], _summed(frame[:_SUMMED_OF_FRAME], sums, is_big=is_big), is_big=is_big)
                is_right = of_frame == salts and sums == (first_sum, second_sum)
            if is_right:
                pending[page] = at + LOG_FRAME.size
                if pages:
                    taken.update(pending)
                    pending = {}
            elif is_of_life(of_frame, salts):
                beyond[page] = at + LOG_FRAME.size
                self._commits_behind += pages > 0
            at += len(frame)
        self._taken, self._beyond = taken, {page: where for page, where in (pending | beyond).items() if 0 < page <= _MASK}


def _is_page_size(size: int) -> bool:
    return 512 <= size <= 65_536 and size & (size - 1) == 0


def _summed(content: bytes, sums: Sums, *, is_big: bool) -> Sums:
    """Return the sums of a log after some more of it: words of 32 bits, two at a time."""
    words = array("I", content)
    if is_big != (sys.byteorder == "big"):
        words.byteswap()
    first, second = sums
    for at in range(0, len(words), 2):
        first = (first + words[at] + second) & _MASK
        second = (second + words[at + 1] + first) & _MASK
    return first, second
