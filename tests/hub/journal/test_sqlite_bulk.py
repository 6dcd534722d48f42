"""Many rows in one step are the same rows: every byte, every number, in order, whatever the sizes."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.records import Row
from hub.journal.sqlite_bulk import insert_rows, move_marks, open_marks, read_rows
from hub.journal.sqlite_state import make_tables

INT64 = st.integers(-(2**63), 2**63 - 1)
ROWS = st.builds(
    Row,
    st.just(0),
    st.text(st.characters(codec="utf-8"), max_size=8),
    INT64,
    INT64,
    st.integers(1, 8),
    INT64,
    st.binary(max_size=50),
    st.none() | st.binary(max_size=6),
)


@pytest.fixture
def tables() -> Iterator[sqlite3.Connection]:
    with closing(fresh()) as connection:
        yield connection


def fresh() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    make_tables(connection, "journal")
    return connection


@given(st.lists(ROWS, max_size=40), st.integers(0, 40), st.integers(1, 40), st.integers(0, 500))
def test_rows_come_back_as_they_were(rows: list[Row], after: int, max_rows: int, max_bytes: int) -> None:
    with closing(fresh()) as connection:
        insert_rows(connection, rows)
        found = read_rows(connection, after, max_rows, max_bytes)
    numbered = [row._replace(position=at) for at, row in enumerate(rows, 1)]
    expected = numbered[after : after + max_rows]
    assert found == expected[: len(found)]
    assert bool(found) == bool(expected)
    assert len(found) <= 1 or sum(len(row.body) for row in found) <= max_bytes
    if 0 < len(found) < len(expected):
        assert sum(len(row.body) for row in expected[: len(found) + 1]) > max_bytes


@pytest.mark.parametrize("count", [0, 1, 1_023, 1_024, 1_025, 3_000])
def test_any_number_of_rows_keeps_its_order(tables: sqlite3.Connection, count: int) -> None:
    insert_rows(tables, [Row(0, "pump", 7, seq, 1, 0, b"body", None) for seq in range(count)])
    assert [(row.position, row.seq) for row in read_rows(tables, 0, 10_000, 1 << 30)] == [(seq + 1, seq) for seq in range(count)]


@pytest.mark.parametrize("count", [1, 2, 700])
def test_marks_are_opened_once_and_never_go_back(tables: sqlite3.Connection, count: int) -> None:
    open_marks(tables, [("pump", epoch, 1, b"first") for epoch in range(count)])
    open_marks(tables, [("pump", epoch, 2, b"second") for epoch in range(count)])
    move_marks(tables, [("pump", epoch, 10 + epoch, 100) for epoch in range(count)])
    move_marks(tables, [("pump", epoch, 5, 101) for epoch in range(count)])
    move_marks(tables, [("unknown", 1, 5, 101)])
    found = tables.execute("SELECT epoch, seq, position, opened_us, channels FROM marks ORDER BY epoch").fetchall()
    assert found == [(epoch, 10 + epoch, 101, 1, b"first") for epoch in range(count)]
