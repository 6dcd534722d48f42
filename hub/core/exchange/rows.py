"""Rows of a file as readings, every one checked: times, names, values, against the limits that devices have too.

Owns the series of the file and the walk over its cells; times.py and values.py read single ones, layout.py says which is what. Refuses
the first wrong cell by row and column. Plain code.
"""

import math
from collections.abc import Sequence
from typing import Any, Final

from devices.wire.fields import BadMessage, is_device_name
from devices.wire.fields import name as checked_name
from devices.wire.messages import Kind
from hub.core.exchange.layout import PARTS, Layout
from hub.core.exchange.options import ImportOptions
from hub.core.exchange.table import Block, Found, Table, bad_cell
from hub.core.exchange.times import NO_N, NoTime, TimeReader, zone_named
from hub.core.exchange.values import BadValue, ValueReader
from hub.core.records import Series

MAX_SERIES: Final = 100_000
_DEVICE_RULE: Final = "is no device name: 1 to 64 of A-Z a-z 0-9 . _ : -, beginning with a letter or digit"
_NUMERIC: Final = (Kind.GAUGE, Kind.COUNTER)
_MAX_N: Final = 999
Names = tuple[Any, Any, Any, Any]  # device, channel, unit, kind as the cells say


class RowReader:
    """Makes readings of tables. `series` lists what was met, in the order it came."""

    def __init__(self, layout: Layout, options: ImportOptions, now_us: int, instants: frozenset[str] = frozenset()) -> None:
        self._layout = layout
        self._options = options
        zone = None if options.zone is None else zone_named(options.zone)
        self._times = TimeReader("us" if layout.time in instants else options.time_format, zone, now_us)
        self._values = ValueReader(options.decimal, is_own=layout.is_own, is_typed=layout.is_split)
        self._numbers: dict[Names, int] = {}
        self._by_series: dict[Series, int] = {}
        self._guessed: dict[tuple[str, str, str], Series] = {}  # what a channel's first value says holds for the others
        self.series: list[Found] = []
        self.without_value = 0  # cells that were empty, or stood for no value

    def block(self, table: Table) -> Block:
        """Return the readings of some rows. Raises Refusal."""
        times, below = self._read_times(table)
        block = Block([], [], [], [], [])
        layout, options = self._layout, self._options
        count = len(table.rows)

        def column(name: str | None, otherwise: Any) -> Sequence[Any]:
            return [otherwise] * count if name is None else table.columns[name]

        devices = column(layout.device, options.device)
        units = column(layout.unit, "")
        kinds = column(layout.kind, None)
        if layout.is_wide:
            self._read_wide(block, table, (times, below), devices)
            return block
        channels = column(layout.channel, options.channel)
        cells = _joined_parts(table, kinds) if layout.is_split else table.columns[layout.values[0]]
        names = zip(devices, channels, units, kinds, strict=True)
        self._read(block, list(table.rows), times, below, list(names), list(cells), layout.values[0])
        return block

    def _read_wide(self, block: Block, table: Table, times: tuple[list[int], list[int]], devices: Sequence[Any]) -> None:
        """Read a file with a column for each channel, column by column."""
        for column in self._layout.values:
            names: list[Names] = [(device, column.strip(), "", None) for device in devices]
            self._read(block, list(table.rows), *times, names, list(table.columns[column]), column)

    def _read(
        self, block: Block, rows: list[int], t_us: list[int], n: list[int], names: list[Names], cells: list[Any], column: str
    ) -> None:
        if any([self._is_nothing(cell, each[3]) for cell, each in zip(cells, names, strict=True)]):
            keep = [not self._is_nothing(cell, each[3]) for cell, each in zip(cells, names, strict=True)]
            self.without_value += keep.count(False)
            rows, t_us, n, names, cells = ([item for item, is_kept in zip(each, keep, strict=True) if is_kept]
                                           for each in (rows, t_us, n, names, cells))  # fmt: skip
        numbers = self._numbers
        series = [
            number if (number := numbers.get(each)) is not None else self._new_series(each, row, cell, column)
            for each, row, cell in zip(names, rows, cells, strict=True)
        ]
        block.series += series
        block.rows += rows
        block.t_us += t_us
        block.n += n
        block.values += self._read_values(series, rows, cells, column)

    def _is_nothing(self, cell: Any, kind: Any) -> bool:
        if cell is None or (isinstance(cell, float) and math.isnan(cell)):
            return True
        if cell == "":
            return kind not in ("text", "state") and self._options.kind not in ("text", "state")
        return isinstance(cell, str) and cell in self._layout.skip

    def _read_values(self, series: list[int], rows: list[int], cells: list[Any], column: str) -> list[Any]:
        known = [found.series.kind for found in self.series]
        if all([known[number] in _NUMERIC for number in set(series)]) and set(map(type, cells)) == {str}:
            numbers = self._values.numbers(cells)
            if numbers is not None:
                return numbers
        values = []
        for number, row, cell in zip(series, rows, cells, strict=True):
            try:
                values.append(self._values.read(known[number], cell))
            except BadValue as error:
                raise bad_cell(row, column, cell, str(error), error.hint) from None
        return values

    def _read_times(self, table: Table) -> tuple[list[int], list[int]]:
        cells = table.columns[self._layout.time]
        texts = [cell if isinstance(cell, str) else "" if cell is None else str(cell) for cell in cells]
        found = self._times.read_all(texts)
        times, below = found if found is not None else self._read_each_time(table, texts)
        if self._layout.n is not None:
            return times, self._read_n(table)
        return times, [NO_N] * len(times) if below is None else below

    def _read_each_time(self, table: Table, texts: list[str]) -> tuple[list[int], list[int]]:
        times, below = [], []
        for row, text in zip(table.rows, texts, strict=True):
            try:
                t_us, n = self._times.read(text)
            except NoTime as error:
                raise bad_cell(row, self._layout.time, text, str(error), error.hint) from None
            times.append(t_us)
            below.append(n)
        return times, below

    def _read_n(self, table: Table) -> list[int]:
        found = []
        for row, cell in zip(table.rows, table.columns[self._layout.n or ""], strict=True):
            text = "" if cell is None else str(cell)
            if not (text.isascii() and text.isdecimal() and int(text) <= _MAX_N):
                raise bad_cell(row, "n", cell, f"is no integer from 0 to {_MAX_N}", "leave the column as the export wrote it")
            found.append(int(text))
        return found

    def _new_series(self, names: Names, row: int, cell: Any, column: str) -> int:
        """Check the names of a series that these cells name for the first time, and return its number."""
        layout = self._layout
        device, channel, unit, kind = (self._text(each) for each in names)
        unit = unit or self._options.unit or ""
        if not is_device_name(device):
            raise bad_cell(row, layout.device or "--device", device, _DEVICE_RULE, "correct the name, or say --device")
        for where, name in ((layout.channel or column, channel), (layout.unit or "--unit", unit)):
            try:
                checked_name({"name": name}, "name", may_be_empty=name is unit)
            except BadMessage:
                rule = "is no name: 1 to 64 bytes without control characters or outer blanks"
                raise bad_cell(row, where, name, rule, "correct the name") from None
        kind = kind or self._options.kind
        if kind is not None and kind not in set(Kind):
            raise bad_cell(row, layout.kind or "kind", kind, f"is none of {', '.join(Kind)}", "correct the kind")
        series = Series(device, channel, unit, self._values.kind_of(cell) if kind is None else Kind(kind))
        if kind is None:
            series = self._guessed.setdefault(series[:3], series)
        number = self._by_series.setdefault(series, len(self.series))
        if number == len(self.series):
            if number >= MAX_SERIES:
                raise bad_cell(row, layout.channel or column, channel, f"is beyond the limit of {MAX_SERIES:,} series", "split the file")
            self.series.append(Found(series, row))
        self._numbers[names] = number
        return number

    def _text(self, cell: Any) -> Any:
        if isinstance(cell, str):
            return cell[1:] if self._layout.is_own and cell.startswith("'") else cell
        return cell if cell is None else str(cell)


def _joined_parts(table: Table, kinds: Sequence[Any]) -> list[Any]:
    """Return one value a row of our Parquet files; nothing where its kind has none."""
    return [_of_parts(kind, *parts) for kind, *parts in zip(kinds, *(table.columns[name] for name in PARTS), strict=True)]


def _of_parts(kind: Any, num: Any, exact: Any, text: Any, lat: Any, lon: Any) -> Any:
    if kind == Kind.POSITION:
        return None if lat is None or lon is None else (lat, lon)
    if kind in (Kind.TEXT, Kind.STATE) and text is not None:
        return text
    if kind == Kind.STATE:
        return None if exact is None else bool(exact)
    return num if exact is None else exact
