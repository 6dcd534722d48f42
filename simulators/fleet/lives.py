"""How far each device of a worker has come, in a file that a kill -9 leaves whole: for each life of the worker one.

Owns the file: four numbers for each device, in shared memory, so that noting a frame costs no system call. `first` is the number of the
first frame of this life, `begun` and `returned` the ends of those whose send was begun and came back, `sent` how many had readings.
Written by device_worker.py, read by course.py once the worker has ended.
"""

import mmap
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

_FIELDS: Final = 4
_WORD_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class Life:
    """The frames of one device in one life of its worker: `first` to before `returned` are promised, up to before `begun` may be there."""

    first: int
    begun: int
    returned: int
    sent: int = 0  # of those promised, the ones with a reading


class Lives:
    """The file of one life; a context manager."""

    def __init__(self, folder: Path, worker: int, life: int, devices: int) -> None:
        descriptor = os.open(folder / f"lives-{worker}-{life}", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            size = max(1, devices) * _FIELDS * _WORD_BYTES
            os.ftruncate(descriptor, size)
            self._map = mmap.mmap(descriptor, size)
        finally:
            os.close(descriptor)
        self._words = memoryview(self._map).cast("q")

    def start(self, device: int, first: int) -> None:
        """Note with which frame this life begins."""
        for field in range(_FIELDS - 1):
            self._words[device * _FIELDS + field] = first

    def begin(self, device: int, number: int) -> None:
        """Note that a frame is about to be sent."""
        self._words[device * _FIELDS + 1] = number + 1

    def returned(self, device: int, number: int, *, is_sent: bool = True) -> None:
        """Note that its send came back: from here on it must not be lost; `is_sent`: there was a reading in it."""
        self._words[device * _FIELDS + 2] = number + 1
        self._words[device * _FIELDS + 3] += is_sent

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._words.release()
        self._map.close()


def read_lives(folder: Path, worker: int, devices: int) -> list[list[Life]]:
    """Return the lives of each device of a worker, oldest first; those that made nothing are left out."""
    found: list[list[Life]] = [[] for _ in range(devices)]
    life = 0
    while (path := folder / f"lives-{worker}-{life}").exists():
        words = memoryview(path.read_bytes()).cast("q")
        for device in range(devices):
            life_of = Life(*words[device * _FIELDS : device * _FIELDS + _FIELDS])
            if life_of.begun > life_of.first:
                found[device].append(life_of)
        life += 1
    return found


def frames_of(lives: Sequence[Life]) -> int:
    """Return how many frames with readings were promised in all lives."""
    return sum(life.sent for life in lives)
