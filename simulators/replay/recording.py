"""A file of readings as something that devices can send: its devices and channels, and its readings in order of time.

Owns the pass over the file and what of it can be sent; hub.core.exchange owns the formats, so that a file means here what it means to an
import, but a wrong cell is counted and left out and does not refuse the file. Blocks; called in worker threads.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

from devices.wire.limits import MAX_CHANNELS, MAX_TIME_US
from devices.wire.messages import Channel, Kind
from hub.core.errors import Refusal
from hub.core.exchange.csv_input import CsvInput
from hub.core.exchange.layout import layout_of
from hub.core.exchange.options import ImportOptions
from hub.core.exchange.parquet_input import MAGIC, ParquetInput
from hub.core.exchange.rows import RowReader
from hub.core.exchange.table import Block, Table
from hub.core.records import Series
from simulators.replay.sorting import Recorded, Sorter
from simulators.replay.unsent import Unsent

MAX_DEVICES: Final = 1_000  # each is a connection
_MAX_STATES: Final = 256
_ANY_TIME_US: Final = MAX_TIME_US - 10**12  # what is in the future is sent now, and is no mistake


@dataclass(slots=True)
class RecordedChannel:
    """One channel of a device, as its first reading says what it is."""

    series: Series
    states: dict[str, None] | None = None  # the texts of a state in the order they came; None: true and false, or no state
    readings: int = 0

    @property
    def declared(self) -> Channel:
        """The channel as hello declares it."""
        values = tuple(self.states) if self.states is not None else None
        return Channel(self.series.channel, self.series.unit, self.series.kind, values=values)


@dataclass(slots=True)
class Recording:
    """What a file holds. Close it."""

    channels: list[RecordedChannel] = field(default_factory=list)
    unsent: Unsent = field(default_factory=Unsent)
    readings: int = 0
    first_us: int = MAX_TIME_US
    last_us: int = -MAX_TIME_US
    sorter: Sorter = field(default_factory=Sorter)
    _numbers: dict[Series, int | str] = field(default_factory=dict)  # number of its channel, or why it has none

    @classmethod
    def read(cls, path: Path, options: ImportOptions, told: Callable[[int], None] = lambda readings: None) -> "Recording":
        """Read a file to its end; `told` hears how many readings there are so far.

        Raises Refusal where it is no such file, or holds nothing that can be sent; OSError.
        """
        recording = cls()
        try:
            recording._read(path, options.checked(), told)
        except BaseException:
            recording.close()
            raise
        return recording

    @property
    def devices(self) -> dict[str, list[int]]:
        """The devices by name, each with the numbers of its channels."""
        found: dict[str, list[int]] = {}
        for number, channel in enumerate(self.channels):
            found.setdefault(channel.series.device, []).append(number)
        return found

    @property
    def span_us(self) -> int:
        """From the first reading to the last."""
        return self.last_us - self.first_us

    def in_order(self) -> Iterator[Recorded]:
        """Yield the readings by time; one pass at a time."""
        return self.sorter.sorted()

    def close(self) -> None:
        """Let the file go that the readings wait in; idempotent."""
        self.sorter.close()

    def _read(self, path: Path, options: ImportOptions, told: Callable[[int], None]) -> None:
        with path.open("rb") as file:
            is_parquet = options.format == "parquet" if options.format else file.read(len(MAGIC)) == MAGIC
        opened: ParquetInput | CsvInput = ParquetInput(path) if is_parquet else CsvInput(path, options)
        with closing(opened) as source:
            instants = source.instants if isinstance(source, ParquetInput) else frozenset[str]()
            layout = layout_of(source.header, options)
            reader = RowReader(layout, options, _ANY_TIME_US, instants)
            for table in source.tables():
                for block in self._blocks(reader, table, layout.values if layout.is_wide else ()):
                    self._take(reader, block)
                told(self.readings)
        if not self.readings:
            why = f" ({self.unsent.lines()[0]})" if self.unsent.reasons else ""
            raise Refusal("bad_file", f"the file holds no readings that can be sent{why}", "correct it, or say what its columns are")

    def _blocks(self, reader: RowReader, table: Table, wide: Sequence[str]) -> Iterator[Block]:
        """Yield the readings of some rows but for wrong ones, which are found by halves; `wide`: the columns, where each is a channel."""
        try:
            yield reader.block(table)
        except Refusal as wrong:
            rows = len(table.rows)
            if rows > 1:
                for part in (slice(0, rows // 2), slice(rows // 2, rows)):
                    columns = {name: cells[part] for name, cells in table.columns.items()}
                    yield from self._blocks(reader, Table(table.rows[part], columns), wide)
            elif len(wide) > 1:
                for column in wide:
                    emptied = {name: (None,) for name in wide if name != column}
                    yield from self._blocks(reader, Table(table.rows, {**table.columns, **emptied}), (column,))
            else:
                self.unsent.add_cell(wrong.message)

    def _take(self, reader: RowReader, block: Block) -> None:
        """Take the readings of a block: all at once where each is of a channel that takes everything of its kind."""
        known = {number: self._numbers.get(reader.series[number].series) for number in set(block.series)}
        if not all(isinstance(channel, int) and self.channels[channel].series.kind is not Kind.STATE for channel in known.values()):
            return self._take_each(reader, block)
        channels = [known[number] for number in block.series]
        for channel, readings in Counter(channels).items():
            self.channels[cast(int, channel)].readings += readings
        self._note(block.t_us)
        self.sorter.add(map(Recorded, block.t_us, cast(list[int], channels), block.values))

    def _take_each(self, reader: RowReader, block: Block) -> None:
        taken = []
        for number, t_us, value, row in zip(block.series, block.t_us, block.values, block.rows, strict=True):
            series = reader.series[number].series
            known = self._numbers.get(series)
            if known is None:
                known = self._numbers[series] = self._new(series, value)
            why = known if isinstance(known, str) else self._why_not(self.channels[known], value)
            if why or isinstance(known, str):
                self.unsent.add(f"{series.channel} of {series.device}: {why}", f"row {row:,}")
                continue
            self.channels[known].readings += 1
            taken.append(Recorded(t_us, known, value))
        self._note([reading.t_us for reading in taken])
        self.sorter.add(taken)

    def _note(self, times_us: Sequence[int]) -> None:
        self.readings += len(times_us)
        self.first_us = min(self.first_us, min(times_us, default=MAX_TIME_US))
        self.last_us = max(self.last_us, max(times_us, default=-MAX_TIME_US))

    def _new(self, series: Series, value: Any) -> int | str:
        """Give a series its channel; or return why it has none."""
        of_device = [self.channels[number] for number in self.devices.get(series.device, ())]
        if not of_device and len(self.devices) >= MAX_DEVICES:
            return f"the limit is {MAX_DEVICES:,} devices"
        if len(of_device) >= MAX_CHANNELS:
            return f"the limit is {MAX_CHANNELS:,} channels of a device"
        for other in of_device:
            if other.series.channel == series.channel:
                return f"it is {_said(other.series)} at first and {_said(series)} here; a device declares one"
        self.channels.append(RecordedChannel(series, {} if series.kind is Kind.STATE and isinstance(value, str) else None))
        return len(self.channels) - 1

    def _why_not(self, channel: RecordedChannel, value: Any) -> str:
        """Return why a value cannot be one of its channel, "" where it can."""
        if channel.series.kind is not Kind.STATE:
            return ""
        if isinstance(value, bool) != (channel.states is None):
            return "true and false among texts" if isinstance(value, bool) else "a text among true and false"
        if channel.states is not None and value not in channel.states:
            if len(channel.states) >= _MAX_STATES:
                return f"more than {_MAX_STATES} states"
            channel.states[value] = None
        return ""


def _said(series: Series) -> str:
    return f"a {series.kind} in {series.unit}" if series.unit else f"a {series.kind}"
