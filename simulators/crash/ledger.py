"""What a device was asked to make, written down beside it: one append-only file per device.

Owns the file and its marks: `b` before a send, `a` after it returned; `p` and `q` of packs. A line is one write(2), so a kill -9 leaves
whole lines, and the last torn one is ignored. Written by worker.py, read by verdict.py.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Self


class MadePack(NamedTuple):
    """Readings that went out as one pack: running numbers from `first` on, `step_us` apart."""

    first: int
    readings: int
    time_us: int
    step_us: int

    @property
    def end_us(self) -> int:
        """The time after its last reading."""
        return self.time_us + self.readings * self.step_us


@dataclass(slots=True)
class Made:
    """The readings of one device: running number -> time. `certain` are those whose send() returned. Packs have numbers of their own."""

    time_us: dict[int, int] = field(default_factory=dict)
    certain: set[int] = field(default_factory=set)
    packs: dict[int, MadePack] = field(default_factory=dict)  # by first number
    certain_packs: set[int] = field(default_factory=set)

    @property
    def last(self) -> int:
        """The highest running number begun, 0 where none was."""
        return max(self.time_us, default=0)

    @property
    def last_packed(self) -> int:
        """The highest running number that a pack holds, 0 where none was."""
        return max((pack.first + pack.readings - 1 for pack in self.packs.values()), default=0)

    @property
    def last_us(self) -> int:
        """The time of the newest reading that went out alone, 0 where there is none."""
        return max(self.time_us.values(), default=0)

    @property
    def end_us(self) -> int:
        """The time after the newest reading of all."""
        return max([self.last_us + 1, *(pack.end_us for pack in self.packs.values())])

    def unpacked(self) -> "Made":
        """Return the readings of the packs as if each had been sent alone."""
        unpacked = Made()
        for pack in self.packs.values():
            numbers = range(pack.first, pack.first + pack.readings)
            unpacked.time_us |= {number: pack.time_us + at * pack.step_us for at, number in enumerate(numbers)}
            if pack.first in self.certain_packs:
                unpacked.certain |= set(numbers)
        return unpacked


class Ledger:
    """Appends to one device's file; a context manager."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)

    def begin(self, number: int, time_us: int) -> None:
        """Write down that this reading is about to be sent."""
        self._write(f"b {number} {time_us}")

    def returned(self, number: int) -> None:
        """Write down that its send() came back: from here on it must not be lost."""
        self._write(f"a {number}")

    def begin_pack(self, pack: MadePack) -> None:
        """Write down that this pack is about to be sent."""
        self._write("p " + " ".join(map(str, pack)))

    def pack_returned(self, first: int) -> None:
        """Write down that its send_pack() came back."""
        self._write(f"q {first}")

    def _write(self, line: str) -> None:
        os.write(self._descriptor, line.encode() + b"\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)


def read_ledger(path: Path) -> Made:
    """Return what a file says; an empty record where there is none."""
    made = Made()
    text = path.read_text() if path.exists() else ""
    for line in text[: text.rfind("\n") + 1].splitlines():
        mark, number, *rest = line.split()
        match mark:
            case "b":
                made.time_us[int(number)] = int(rest[0])
            case "a":
                made.certain.add(int(number))
            case "p":
                made.packs[int(number)] = MadePack(int(number), *map(int, rest))
            case "q":
                made.certain_packs.add(int(number))
    return made
