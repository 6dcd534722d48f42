"""What a device was asked to make, written down beside it: one append-only file per device.

Owns the file and its two marks: `b` before a send, `a` after it returned. A line is one write(2), so a kill -9 leaves
whole lines, and the last torn one is ignored. Written by worker.py, read by verdict.py.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self


@dataclass(slots=True)
class Made:
    """The readings of one device: running number -> time. `certain` are those whose send() returned."""

    time_us: dict[int, int] = field(default_factory=dict)
    certain: set[int] = field(default_factory=set)

    @property
    def last(self) -> int:
        """The highest running number begun, 0 where none was."""
        return max(self.time_us, default=0)


class Ledger:
    """Appends to one device's file; a context manager."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)

    def begin(self, number: int, time_us: int) -> None:
        """Write down that this reading is about to be sent."""
        os.write(self._descriptor, f"b {number} {time_us}\n".encode())

    def returned(self, number: int) -> None:
        """Write down that its send() came back: from here on it must not be lost."""
        os.write(self._descriptor, f"a {number}\n".encode())

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
        if mark == "b":
            made.time_us[int(number)] = int(rest[0])
        else:
            made.certain.add(int(number))
    return made
