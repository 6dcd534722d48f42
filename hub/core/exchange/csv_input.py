"""CSV files read in pieces: text, rows, columns.

Owns encodings, separators, quotes and lines, and saying which of them is wrong; what the columns mean stands in layout.py. Plain code,
blocks on the file.
"""

import csv
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from hub.core.exchange.csv_output import RAW_HEADER
from hub.core.exchange.options import ImportOptions
from hub.core.exchange.table import Table, bad_file

_PIECE_ROWS: Final = 5_000
MAX_LINE_CHARACTERS: Final = 1_000_000
MAX_COLUMNS: Final = 1_100  # of a wide file: more than the channels that a device may have
_OTHER_FILES: Final = {
    b"PAR1": "a Parquet file; say --format parquet",
    b"PK\x03\x04": "a zip archive (or a spreadsheet); unpack it, or save it as CSV",
    b"\x1f\x8b": "compressed with gzip; unpack it first",
    b"\xff\xfe": "text in UTF-16; save it as UTF-8",
    b"\xfe\xff": "text in UTF-16; save it as UTF-8",
    b"SQLite format 3": "an SQLite database; export its tables as CSV",
    b"%PDF": "a PDF",
}


class CsvInput:
    """One CSV file. Its header is known from the start. Raises Refusal, which names row and column."""

    def __init__(self, path: Path, options: ImportOptions) -> None:
        self._options = options
        _check_kind(path)
        self._row = 0
        self._text = path.open(encoding="utf-8-sig", newline="")
        self._last_line = "\n"
        self._rows = csv.reader(self._lines(), delimiter=options.delimiter, strict=True)
        self._is_annotated = False
        self.header: list[str] = []
        try:
            self.header = self._header()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let the file go; idempotent."""
        self._text.close()

    def tables(self) -> Iterator[Table]:
        """Yield the rows."""
        width = len(self.header)
        while True:
            found = list(islice(self._data_rows(width), _PIECE_ROWS))
            if not found:
                break
            numbers, rows = zip(*found, strict=True)
            yield Table(numbers, dict(zip(self.header, zip(*rows, strict=True), strict=True)))
        if tuple(self.header) == RAW_HEADER and not self._last_line.endswith("\n"):
            raise bad_file(f"the file ends in the middle of row {self._row:,}", "it is not whole; export or copy it again")

    def _header(self) -> list[str]:
        header = next((row for row in self._all_rows() if any(row)), None)
        if header is None:
            raise bad_file("the file has no header", "name the columns in its first row")
        header = [name.strip() for name in header]
        if len(header) == 1 and self._options.delimiter == ",":
            for delimiter, word in ((";", "semicolon"), ("\t", "tab"), ("|", "pipe")):
                if delimiter in header[0]:
                    hint = f"say --delimiter {word}, and --decimal comma where numbers are written as 21,5"
                    raise bad_file(f"the header {header[0][:60]!r} has one column: its columns are separated by a {word}", hint)
        if len(header) > MAX_COLUMNS:
            raise bad_file(f"the header has {len(header):,} columns, the limit is {MAX_COLUMNS:,}", "split the file")
        # Empty names are those of an index or of InfluxDB's annotations.
        named = [name or f"column {at}" for at, name in enumerate(header, 1)]
        twice = sorted({name for name in named if named.count(name) > 1})
        if twice:
            raise bad_file(f"the header names {twice[0][:64]!r} twice", "give each column a name of its own")
        return named

    def _data_rows(self, width: int) -> Iterator[tuple[int, list[str]]]:
        for row in self._all_rows():
            if len(row) == width:
                yield self._row, row
            elif any(row):
                hint = "quote cells that hold a separator; see --delimiter and --decimal"
                raise bad_file(f"row {self._row:,} has {len(row):,} cells, the header has {width:,}", hint)

    def _all_rows(self) -> Iterator[list[str]]:
        """Yield rows without comments and without what InfluxDB repeats before each table."""
        try:
            for row in self._rows:
                self._row += 1
                if row and row[0].startswith("#"):
                    self._is_annotated = True
                elif not (self._is_annotated and row[1:] == self.header[1:]):
                    yield row
        except csv.Error as error:
            raise bad_file(f"row {self._row + 1:,} is no CSV: {error}", 'quote a cell with " and write a " in it twice') from None
        except UnicodeDecodeError as error:
            byte = error.object[error.start]
            raise bad_file(f"after row {self._row:,} the byte 0x{byte:02x} is no UTF-8", "save the file as UTF-8") from None

    def _lines(self) -> Iterator[str]:
        while line := self._text.readline(MAX_LINE_CHARACTERS):
            if len(line) == MAX_LINE_CHARACTERS and line[-1] != "\n":
                limit = f"the limit is {MAX_LINE_CHARACTERS:,} characters"
                raise bad_file(f"the line after row {self._row:,} does not end; {limit}", "is this a CSV file?")
            self._last_line = line
            yield line


def _check_kind(path: Path) -> None:
    """Refuse what begins like another kind of file."""
    with path.open("rb") as file:
        head = file.read(64)
    if not head:
        raise bad_file("the file is empty", "name another file")
    for magic, said in _OTHER_FILES.items():
        if head.startswith(magic):
            what, _, hint = said.partition("; ")
            raise bad_file(f"the file is no CSV but {what}", hint or "export it as CSV")
    if b"\0" in head:
        raise bad_file("the file is no text: its beginning holds a zero byte", "name a CSV or Parquet file")
