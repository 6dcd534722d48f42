"""Parquet files of others, whole and not."""

import random
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from hub.core.errors import Refusal
from hub.core.exchange.parquet_input import ParquetInput


def made(path: Path, query: str, options: str = "") -> Path:
    duckdb.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet{options})")
    return path


@pytest.mark.parametrize("codec", ["snappy", "zstd", "gzip", "uncompressed", "lz4_raw", "brotli"])
def test_every_compression_is_read_in_pieces(tmp_path: Path, codec: str) -> None:
    path = made(tmp_path / "f", "SELECT range AS at, 'x' || range AS name FROM range(12_000)", f", COMPRESSION {codec}")
    with closing(ParquetInput(path)) as file:
        tables = list(file.tables())
    assert [row for table in tables for row in table.rows] == list(range(1, 12_001))
    assert [at for table in tables for at in table.columns["at"]] == list(range(12_000))
    assert len(tables) > 2


def test_a_folder_may_be_named_like_a_pattern(tmp_path: Path) -> None:
    folder = tmp_path / "a[1]*?"
    folder.mkdir()
    path = made(tmp_path / "f", "SELECT 1 AS at").rename(folder / "f")
    with closing(ParquetInput(path)) as file:
        assert [list(table.columns["at"]) for table in file.tables()] == [[1]]


def test_flipped_bytes_are_refused_or_read_and_never_end_the_process(tmp_path: Path) -> None:
    whole = made(tmp_path / "f", "SELECT range AS at, 'x' || range AS name, range / 7 AS num FROM range(500)").read_bytes()
    chance = random.Random(7)
    for _ in range(80):
        content = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            content[chance.randrange(4, len(content))] = chance.randrange(256)
        (tmp_path / "g").write_bytes(content)
        assert str(tmp_path) not in outcome(tmp_path / "g")


def outcome(path: Path) -> str:
    try:
        with closing(ParquetInput(path)) as file:
            return str(sum(len(table.rows) for table in file.tables()))
    except Refusal as refusal:
        return refusal.message
