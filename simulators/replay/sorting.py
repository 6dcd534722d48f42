"""Readings in order of time in bounded memory, however many: sorted runs in a temporary file, then merged.

Owns the file and its format. An export comes series by series, a replay needs all series at once. Blocks; called in worker threads.
"""

import heapq
from collections.abc import Iterable, Iterator
from operator import itemgetter
from tempfile import TemporaryFile
from typing import IO, Any, Final, NamedTuple

import msgpack

RUN_READINGS: Final = 100_000  # sorted in memory at once
CHUNK_READINGS: Final = 1_000  # of each run in memory while they are merged


class Recorded(NamedTuple):
    """One reading of a file: time, number of its channel in Recording.channels, value."""

    t_us: int
    channel: int
    value: Any


class Sorter:
    """Takes readings in any order and gives them by time; those of one time in the order of their channels, then as they came."""

    def __init__(self) -> None:
        self._file: IO[bytes] = TemporaryFile()  # noqa: SIM115  # lives as long as the recording: close()
        self._runs: list[list[tuple[int, int]]] = []  # of each run: where its chunks are, and how long
        self._run: list[Recorded] = []

    def add(self, readings: Iterable[Recorded]) -> None:
        """Take some, by no more than a few thousand at once."""
        self._run += readings
        if len(self._run) >= RUN_READINGS:
            self._write()

    def sorted(self) -> Iterator[Recorded]:
        """Yield all that were taken; may be begun again, one pass at a time."""
        self._write()
        return heapq.merge(*map(self._read, self._runs), key=itemgetter(0, 1))

    def close(self) -> None:
        """Let the file go; idempotent."""
        self._file.close()

    def _write(self) -> None:
        if not self._run:
            return
        self._run.sort(key=itemgetter(0, 1))
        self._file.seek(0, 2)
        places = []
        for at in range(0, len(self._run), CHUNK_READINGS):
            packed = msgpack.packb(self._run[at : at + CHUNK_READINGS])
            places.append((self._file.tell(), len(packed)))
            self._file.write(packed)
        self._runs.append(places)
        self._run = []

    def _read(self, places: list[tuple[int, int]]) -> Iterator[Recorded]:
        for place, size in places:
            self._file.seek(place)
            for reading in msgpack.unpackb(self._file.read(size), strict_map_key=False):
                yield Recorded(*reading)
