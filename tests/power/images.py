"""What a disk may hold after the power went: what was synced, and of what was not any part of it, in pieces of 512 bytes.

Owns the model: a sync of a file keeps its bytes, a sync of a folder its names; a write, a cut, a new or another name that was not synced
may have reached the disk or not, and a write in part. Plain code; fed with tests/power/oplog.py's operations.
"""

import json
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final

from tests.power.oplog import Op, put

SECTOR_BYTES: Final = 512  # what a disk writes as a whole
KILLED: Final = ("all",)  # kinds of images: what a killed program leaves, as the system goes on,
KINDS: Final = (*KILLED, "none", "torn", "torn", "torn")  # nothing but what was synced, or of the rest any part


@dataclass(slots=True)
class _Content:
    """One file, whatever its name."""

    kept: bytearray = field(default_factory=bytearray)  # is on the disk
    pending: list[tuple[int, Op]] = field(default_factory=list)  # (number, write or cut) that may be

    def sync(self, covers: int) -> None:
        synced = [op for number, op in self.pending if number < covers]
        self.pending = [each for each in self.pending if each[0] >= covers]
        for op in synced:
            put(self.kept, op)

    def drawn(self, kind: str, dice: random.Random) -> bytes:
        """Return the bytes that are found after the power went."""
        found = bytearray(self.kept)
        likely = dice.choice((0.1, 0.5, 0.9, 1.0))
        for _, op in () if kind == "none" else self.pending:
            if kind == "all":
                put(found, op)
            elif op.kind == "cut":
                if dice.random() < likely:
                    put(found, op)
            else:
                _tear(found, op, likely, dice)
        return bytes(found)


class Disk:
    """The files below a folder, as they grow by operations."""

    def __init__(self) -> None:
        self._contents: dict[int, _Content] = {}
        self._live: dict[str, int] = {}  # name -> file, as the program sees it; -1: a folder
        self._kept: dict[str, int] = {}  # as it is on the disk
        self._pending: list[tuple[int, Op, int]] = []  # (number, create, link, rename, unlink or mkdir, file)
        self._number = 0
        self.told: list[str] = []  # notes, one a line
        self._note = b""

    def apply(self, op: Op) -> None:
        """Take the next operation."""
        if op.kind == "note":
            *lines, self._note = (self._note + op.data).split(b"\n")
            self.told += [line.decode() for line in lines]
        elif op.kind == "sync":
            self._sync(op)
        elif op.kind in ("write", "cut"):
            self._contents[self._live[op.path]].pending.append((self._number, op))
        else:
            self._rename(op)
        self._number += 1

    def _sync(self, op: Op) -> None:
        file = self._live.get(op.path, -1)
        if op.path != "." and file >= 0:
            self._contents[file].sync(op.covers)
            return
        done = [each for each in self._pending if each[0] < op.covers and _folder_of(each[1]) == op.path]
        for each in done:
            _name(self._kept, each[1], each[2])
            self._pending.remove(each)

    def _rename(self, op: Op) -> None:
        if op.kind == "create":
            file = len(self._contents)
            self._contents[file] = _Content()
        else:
            file = -1 if op.kind == "mkdir" else self._live.get(op.path, -1)
        _name(self._live, op, file)
        self._pending.append((self._number, op, file))

    def promises(self) -> list[Any]:
        """Return what the program has told."""
        return [json.loads(line) for line in self.told]

    def files(self, kind: str, dice: random.Random) -> Mapping[str, bytes]:
        """Return what an image has in its files. Names that were not synced come in the order of their changes, up to a drawn one."""
        names = dict(self._kept)
        reached = {"all": len(self._pending), "none": 0}.get(kind, dice.randint(0, len(self._pending)))
        for _, op, file in self._pending[:reached]:
            _name(names, op, file)
        return {name: self._contents[file].drawn(kind, dice) for name, file in names.items() if file >= 0}

    def folders(self) -> Iterable[str]:
        """Return every folder that was ever made and is there."""
        return [name for name, file in self._live.items() if file < 0]

    def write(self, kind: str, dice: random.Random, folder: Path) -> None:
        """Make an image in an empty folder."""
        for name in self.folders():
            (folder / name).mkdir(parents=True, exist_ok=True)
        for name, content in self.files(kind, dice).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)


def _folder_of(op: Op) -> str:
    return str(PurePosixPath(op.to or op.path).parent)


def _name(names: dict[str, int], op: Op, file: int) -> None:
    if op.kind == "rename":
        names.pop(op.path, None)
        names[op.to] = file
        if file < 0:  # a folder takes what is in it along
            for name in [name for name in names if name.startswith(f"{op.path}/")]:
                names[op.to + name.removeprefix(op.path)] = names.pop(name)
    elif op.kind == "unlink":
        names.pop(op.path, None)
    elif op.kind == "link":
        names[op.to] = file
    else:
        names[op.path] = file


def _tear(found: bytearray, op: Op, likely: float, dice: random.Random) -> None:
    begin, end = op.at, op.at + len(op.data)
    if dice.random() < 0.2:
        found.extend(bytes(max(0, end - len(found))))  # the file has grown, and nothing is in it
    while begin < end:
        border = min(end, (begin // SECTOR_BYTES + 1) * SECTOR_BYTES)
        if dice.random() < likely:
            put(found, Op("write", op.path, begin, op.data[begin - op.at : border - op.at]))
        begin = border
