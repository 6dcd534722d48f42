"""Parquet of readings and buckets, as DuckDB reads it."""

from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from hub.core.exchange.parquet_output import ParquetOutput
from hub.core.records import Buckets
from tests.support.exchanged import IS_OPEN, MODE, PLACE, T_NS, TEMP, columns_of


def read(path: Path, content: bytes, columns: str) -> list[tuple[Any, ...]]:
    path.write_bytes(content)
    return duckdb.execute(f"SELECT {columns} FROM read_parquet(?)", [str(path)]).fetchall()


def test_each_kind_is_in_its_columns(tmp_path: Path) -> None:
    output = ParquetOutput()
    readings = [(TEMP, T_NS + 7, 1.5), (TEMP, T_NS, 3), (MODE, T_NS, "=x"), (PLACE, T_NS, (48.1, 11.5)), (IS_OPEN, T_NS, True)]
    content = output.begin(is_raw=True) + output.readings(columns_of(readings)) + output.readings(columns_of([])) + output.finish()
    assert read(tmp_path / "f", content, "n, device, channel, unit, kind, num, exact, text, lat, lon") == [
        (7, "pump", "temp", "Cel", "gauge", 1.5, None, None, None, None),
        (0, "pump", "temp", "Cel", "gauge", 3.0, 3, None, None, None),
        (0, "pump", "mode", "", "text", None, None, "=x", None, None),
        (0, "pump", "place", "", "position", None, None, None, 48.1, 11.5),
        (0, "valve", "is_open", "", "state", 1.0, 1, None, None, None),
    ]
    assert read(tmp_path / "f", content, "DISTINCT epoch_us(time)") == [(T_NS // 1_000,)]


def test_buckets_have_their_numbers_and_their_last_value(tmp_path: Path) -> None:
    output = ParquetOutput()
    start, count, one, nothing = np.array([T_NS // 1_000]), np.array([2]), np.array([1.0]), np.array([np.nan])
    found = [
        (TEMP, Buckets(1, start, one, one * 3, one * 4, count, [3], start)),
        (MODE, Buckets(1, start, nothing, nothing, nothing, count, ["x"], start)),
        (PLACE, Buckets(1, start, one, one, one * 2, count, [[48.1, 11.5]], start)),
    ]
    content = output.begin(is_raw=False) + output.buckets(found) + output.buckets([]) + output.finish()
    columns = "channel, count, min, mean, max, sum, last_num, last_exact, last_text, last_lat, last_lon"
    assert read(tmp_path / "f", content, columns) == [
        ("temp", 2, 1.0, 2.0, 3.0, 4.0, 3.0, 3, None, None, None),
        ("mode", 2, None, None, None, None, None, None, "x", None, None),
        ("place", 2, 1.0, 1.0, 1.0, 2.0, None, None, None, 48.1, 11.5),
    ]
