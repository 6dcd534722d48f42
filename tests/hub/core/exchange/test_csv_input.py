"""CSV files row by row."""

from contextlib import closing
from pathlib import Path

import pytest

from hub.core.errors import Refusal
from hub.core.exchange import csv_input
from hub.core.exchange.csv_input import CsvInput
from hub.core.exchange.options import ImportOptions


def rows_of(folder: Path, content: bytes) -> list[tuple[int, tuple[str, ...]]]:
    (folder / "file").write_bytes(content)
    with closing(CsvInput(folder / "file", ImportOptions())) as file:
        return [
            (number, row)
            for table in file.tables()
            for number, row in zip(table.rows, zip(*table.columns.values(), strict=True), strict=True)
        ]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_rows_have_the_number_that_a_spreadsheet_shows(tmp_path: Path, end: bytes) -> None:
    content = end.join([b"\xef\xbb\xbftime,temp", b"1,2", b"", b'3,"4', b'5"', b"6,7"])
    assert [number for number, _ in rows_of(tmp_path, content)] == [2, 4, 5]
    assert rows_of(tmp_path, content)[1][1] == ("3", "4" + end.decode() + "5")


def test_rows_come_in_pieces_and_none_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_input, "_PIECE_ROWS", 3)
    content = b"time,temp\n" + b"".join(b"%d,x\n" % at for at in range(10))
    assert [row[0] for _, row in rows_of(tmp_path, content)] == [str(at) for at in range(10)]


def test_a_line_without_end_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="does not end; the limit is 1,000,000"):
        rows_of(tmp_path, b"time,temp\n1,2\n" + b"x" * 3_000_000)


def test_a_cell_that_is_too_large_and_too_many_columns_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="field larger than field limit"):
        rows_of(tmp_path, b'time,temp\n1,"' + b"x\n" * 100_000 + b'"\n')
    with pytest.raises(Refusal, match="1,101 columns, the limit is 1,100"):
        rows_of(tmp_path, b",".join(b"c%d" % at for at in range(1_101)) + b"\n")
