"""The Parquet writer against DuckDB's reader."""

from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from hub.core.exchange.parquet_file import Field, ParquetFile, Repeated, Type

FIELDS = (
    Field("t", Type.TIME), Field("i", Type.INT), Field("l", Type.LONG, is_optional=True), Field("d", Type.DOUBLE, is_optional=True),
    Field("s", Type.TEXT, is_optional=True), Field("r", Type.TEXT),
)  # fmt: skip


def test_every_type_comes_back_over_many_row_groups(tmp_path: Path) -> None:
    file = ParquetFile(FIELDS, "test")
    pieces, expected = [file.begin()], []
    rng = np.random.default_rng(1)
    for number in range(40):
        rows = int(rng.integers(1, 400))
        is_null = rng.random(rows) < (number % 3) / 2
        texts = np.array([f"text {at} ü" * (at % 3) for at in range(rows)], np.object_)
        longs = rng.integers(-(2**63), 2**63 - 1, rows)
        names = [f"name {at % 5 if number % 2 else at}" for at in range(rows)]
        columns: dict[str, Any] = {
            "t": np.arange(rows) - 50_000_000, "i": np.arange(rows, dtype=np.int32), "l": np.ma.MaskedArray(longs, is_null),
            "d": np.ma.MaskedArray(longs / 7, ~is_null), "s": np.ma.MaskedArray(texts, is_null), "r": Repeated(names, [1] * rows),
        }  # fmt: skip
        pieces.append(file.row_group(columns, rows))
        for at in range(rows):
            nothing = bool(is_null[at])
            values = (None if nothing else int(longs[at]), longs[at] / 7 if nothing else None, None if nothing else texts[at])
            expected.append((at - 50_000_000, at, *values, names[at]))
    path = tmp_path / "made.parquet"
    path.write_bytes(b"".join([*pieces, file.finish()]))
    assert duckdb.execute("SELECT epoch_us(t), i, l, d, s, r FROM read_parquet(?)", [str(path)]).fetchall() == expected
    described = duckdb.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(path)]).fetchall()
    assert [row[1] for row in described] == ["TIMESTAMP WITH TIME ZONE", "INTEGER", "BIGINT", "DOUBLE", "VARCHAR", "VARCHAR"]


def test_a_file_without_rows_is_one_all_the_same(tmp_path: Path) -> None:
    file = ParquetFile(FIELDS, "test")
    path = tmp_path / "made.parquet"
    path.write_bytes(file.begin() + file.finish())
    assert duckdb.execute("SELECT * FROM read_parquet(?)", [str(path)]).fetchall() == []
