"""CSV as others read it: RFC 4180, numbers bare, nothing that a spreadsheet would run."""

import csv
import io

import numpy as np
import pytest

from hub.core.exchange.csv_output import CsvOutput, text_cell, unguarded
from hub.core.records import Buckets
from tests.support.exchanged import MODE, PAYLOADS, PLACE, T_NS, TEMP, columns_of


def rows_of(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode(), newline=""), strict=True))


@pytest.mark.parametrize("text", PAYLOADS)
def test_a_text_is_one_cell_that_no_spreadsheet_runs(text: str) -> None:
    ((cell,),) = rows_of(text_cell(text).encode() + b"\r\n")
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert unguarded(cell) == text


def test_numbers_stay_numbers_and_lines_end_as_the_rfc_says() -> None:
    output = CsvOutput()
    content = output.begin(is_raw=True) + output.readings(columns_of([(TEMP, T_NS + 417, -1.5), (TEMP, T_NS + 1_000, -3)]))
    assert content == (
        b"time,device,channel,unit,kind,value,n\r\n2023-11-14T22:13:20.000000Z,pump,temp,Cel,gauge,-1.5,417\r\n"
        b"2023-11-14T22:13:20.000001Z,pump,temp,Cel,gauge,-3,0\r\n"
    )
    assert output.finish() == b""


def test_times_before_1970_and_far_away_are_written() -> None:
    content = CsvOutput().readings(columns_of([(TEMP, -1, 1.0), (TEMP, -(2**63) + 1_000, 1.0), (TEMP, 2**63 - 1_000, 1.0)]))
    times = [row[0] for row in rows_of(content)]
    assert times == ["1969-12-31T23:59:59.999999Z", "1677-09-21T00:12:43.145225Z", "2262-04-11T23:47:16.854774Z"]
    assert rows_of(content)[0][6] == "999"


def test_buckets_have_their_mean_and_texts_none() -> None:
    one = np.array([1.0])
    nothing = np.array([np.nan])
    start, count = np.array([T_NS // 1_000]), np.array([2])
    found = [
        (TEMP, Buckets(1_000_000, start, one, one * 3, one * 4, count, [3.0], start)),
        (MODE, Buckets(1_000_000, start, nothing, nothing, nothing, count, ["=x"], start)),
        (PLACE, Buckets(1_000_000, start, one, one, one * 2, count, [[48.1, 11.5]], start)),
    ]
    rows = rows_of(CsvOutput().buckets(found))
    assert [row[5:] for row in rows] == [
        ["2", "1.0", "2.0", "3.0", "4.0", "3.0"], ["2", "", "", "", "", "'=x"], ["2", "1.0", "1.0", "1.0", "2.0", "48.1 11.5"],
    ]  # fmt: skip
