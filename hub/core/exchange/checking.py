"""A file checked from its first to its last cell, before anything of it is stored; its frames wait in a second file meanwhile.

Owns that pass and what is told of it: counts, devices, the first wrong cell. Blocks; called in a worker thread by hub/web.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from typing import IO, Final

from hub.core.errors import Refusal
from hub.core.exchange.csv_input import CsvInput
from hub.core.exchange.framing import DeviceImport, Framer, ImportFrame
from hub.core.exchange.layout import layout_of
from hub.core.exchange.options import ImportOptions
from hub.core.exchange.parquet_input import MAGIC, ParquetInput
from hub.core.exchange.rows import RowReader
from hub.core.exchange.table import Table, bad_file

_HEAD: Final = Struct(">IQIhI")  # device, seq, readings, n, bytes of the body
Told = Callable[[int], None]  # readings so far; may raise to end the pass


@dataclass(frozen=True, slots=True)
class Checked:
    """A sound file."""

    format: str
    devices: list[DeviceImport]
    readings: int
    without_value: int
    ignored_columns: tuple[str, ...]


def check(path: Path, frames: Path, content: bytes, options: ImportOptions, now_us: int, min_free_bytes: int, told: Told) -> Checked:
    """Check a file and write its frames beside it. `content` is its hash, with all that is said about it.

    Raises Refusal, which names row and column, or that the disk has no room for the frames.
    """
    is_parquet = options.format == "parquet" if options.format else _begins_with(path, MAGIC)
    with frames.open("wb") as out:
        if is_parquet:
            with closing(ParquetInput(path)) as parquet:
                reader = RowReader(layout := layout_of(parquet.header, options), options, now_us, parquet.instants)
                framer = Framer(content, reader.series)
                _pass(parquet.tables(), reader, framer, _Writer(out, framer, min_free_bytes, told))
        else:
            with closing(CsvInput(path, options)) as csv:
                reader = RowReader(layout := layout_of(csv.header, options), options, now_us)
                framer = Framer(content, reader.series)
                _pass(csv.tables(), reader, framer, _Writer(out, framer, min_free_bytes, told))
    devices = list(framer.devices.values())
    readings = sum(device.readings for device in devices)
    if not readings:
        raise bad_file("the file holds no readings", "are there rows below its header, with values in them?")
    return Checked("parquet" if is_parquet else "csv", devices, readings, reader.without_value, layout.ignored)


def stored_frames(path: Path, devices: list[DeviceImport]) -> Iterator[ImportFrame]:
    """Yield the frames that `check` wrote, in order."""
    with path.open("rb") as file:
        while head := file.read(_HEAD.size):
            number, seq, readings, n, size = _HEAD.unpack(head)
            yield ImportFrame(devices[number].device, seq, readings, n, file.read(size))


def _begins_with(path: Path, magic: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(magic)) == magic


def _pass(tables: Iterator[Table], reader: RowReader, framer: Framer, writer: "_Writer") -> None:
    for table in tables:
        writer.write(framer.add(reader.block(table)))
    writer.write(framer.rest())


class _Writer:
    """Writes frames to the waiting file, as far as the disk has room."""

    def __init__(self, out: IO[bytes], framer: Framer, min_free_bytes: int, told: Told) -> None:
        self._out = out
        self._framer = framer
        self._min_free_bytes = min_free_bytes
        self._told = told
        self._numbers: dict[str, int] = {}
        self._readings = 0

    def write(self, frames: Iterator[ImportFrame]) -> None:
        """Write frames and tell how many readings there are so far."""
        for frame in frames:
            if frame.device not in self._numbers:
                self._numbers = {name: number for number, name in enumerate(self._framer.devices)}
            self._out.write(_HEAD.pack(self._numbers[frame.device], frame.seq, frame.readings, frame.n, len(frame.body)))
            self._out.write(frame.body)
            self._readings += frame.readings
        free = shutil.disk_usage(os.path.dirname(self._out.name)).free
        if free < self._min_free_bytes:
            said = f"the disk of the data directory has {free:,} bytes left, an import leaves {self._min_free_bytes:,} free"
            raise Refusal("no_room", said, "free some space, or import a part of the file at a time", 507)
        self._told(self._readings)
