"""The table of the asyncio peer has every reading of every frame, at its own time and of its own device."""

from pathlib import Path

import duckdb

from simulators.bench.peers.reading_table import ReadingTable


def test_frames_become_rows_and_move_the_cursor_with_them(tmp_path: Path) -> None:
    table = ReadingTable(tmp_path / "readings.duckdb")
    table.insert([("a", {"t": 1_000, "c": [0, 1], "d": [0, 5], "v": [1.5, 2]}), ("b", {"t": 2_000, "c": [0], "d": [0], "v": [3.0]})])
    table.insert([("a", {"t": 3_000, "c": [1], "d": [-1], "v": [4.0]})])
    del table
    with duckdb.connect(tmp_path / "readings.duckdb") as written:
        rows = written.execute("SELECT name, channel, t_us, num FROM readings JOIN devices ON number = device ORDER BY t_us").fetchall()
        (cursor,) = written.execute("SELECT position FROM cursors").fetchall()
    assert rows == [("a", 0, 1_000, 1.5), ("a", 1, 1_005, 2.0), ("b", 0, 2_000, 3.0), ("a", 1, 2_999, 4.0)]
    assert cursor == (3,)
