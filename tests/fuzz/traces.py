"""What a hub leaves that another process can look at: frames in its journal, readings in its exports, lines of its log, figures.

Owns the reading; the hub is asked for nothing that it does not tell everybody. Used by stage.py.
"""

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb

from hub.core.records import Row
from hub.journal.sqlite_bulk import read_rows

Point = tuple[str, str, int]  # device, channel, key in ns
_MOST: Final = 1 << 30
_PAGE_ROWS: Final = 1_000
_COLUMNS: Final = "device, channel, epoch_us(time) * 1000 + n, kind, num, exact, text, lat, lon"


@dataclass(frozen=True, slots=True)
class Figures:
    """How much a hub has of what may leak."""

    tasks: int
    sockets: int
    descriptors: int  # with the sockets; of files some come and go
    memory_bytes: int  # resident

    def __str__(self) -> str:
        return f"{self.memory_bytes / 1e6:.1f} MB, {self.tasks} tasks, {self.sockets} sockets, {self.descriptors} descriptors"


def figures_of(pid: int, tasks: int) -> Figures:
    """Return the figures of a process, with the number of tasks that it says."""
    links = []
    for number in os.listdir(f"/proc/{pid}/fd"):
        with suppress(OSError):  # it was closed meanwhile
            links.append(os.readlink(f"/proc/{pid}/fd/{number}"))
    resident = Path(f"/proc/{pid}/statm").read_text().split()[1]
    sockets = sum(link.startswith("socket:") for link in links)
    return Figures(tasks, sockets, len(links), int(resident) * os.sysconf("SC_PAGE_SIZE"))


def read_metrics(text: str) -> dict[str, float]:
    """Return the figures without labels of /metrics."""
    pairs = (line.split() for line in text.splitlines() if line and line[0] != "#" and "{" not in line)
    return {name: float(value) for name, value in pairs}


def rows_above(journal: Path, position: int) -> Iterator[Row]:
    """Yield what a journal has above a position, beside the hub that writes it."""
    with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as connection:
        while rows := read_rows(connection, position, _PAGE_ROWS, _MOST):
            yield from rows
            position = rows[-1].position


def points_in(parquet: Path) -> dict[Point, Any]:
    """Return the readings of an export."""
    with duckdb.connect() as connection:
        found = connection.execute(f"SELECT {_COLUMNS} FROM read_parquet(?)", [str(parquet)]).fetchall()
    return {(device, channel, key): _value(*value) for device, channel, key, *value in found}


def _value(kind: str, num: float | None, exact: int | None, text: str | None, lat: float | None, lon: float | None) -> Any:
    if text is not None:
        return text
    if kind == "position":
        return [lat, lon]
    if exact is not None:
        return bool(exact) if kind == "state" else exact
    return num


class Log:
    """The lines that a hub writes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._begin = path.stat().st_size

    def take(self) -> list[Mapping[str, Any]]:
        """Return whole lines that were written since the last call; one that is no JSON is an error by itself."""
        with self._path.open("rb") as file:
            file.seek(self._begin)
            said = file.read()
        whole = said[: said.rfind(b"\n") + 1]
        self._begin += len(whole)
        return [_read(line) for line in whole.decode(errors="replace").splitlines()]


def _read(line: str) -> Mapping[str, Any]:
    try:
        found: Any = json.loads(line)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"event": line, "level": "error"}
