"""Many rows in one step are the same rows: every byte, every number, in order, whatever the sizes."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.records import Row
from hub.journal.sqlite_bulk import (
    columns_of,
    delete_rows,
    insert,
    last_position,
    move_marks,
    moves_of,
    oldest_rows,
    open_marks,
    packed,
    read_moves,
    read_rows,
)
from hub.journal.sqlite_state import make_tables
from hub.journal.sqlite_values import damaged_in

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


def commit(connection: sqlite3.Connection, first: int, rows: list[Row]) -> None:
    insert(connection, packed(first, columns_of(rows), {}))


@given(st.lists(st.lists(ROWS, max_size=9), max_size=9), st.integers(0, 40), st.integers(1, 40), st.integers(0, 500))
def test_rows_come_back_as_they_were(commits: list[list[Row]], after: int, max_rows: int, max_bytes: int) -> None:
    rows: list[Row] = []
    with closing(fresh()) as connection:
        for each in commits:
            commit(connection, len(rows) + 1, each)
            rows += each
        found = read_rows(connection, after, max_rows, max_bytes)
    numbered = [row._replace(position=at) for at, row in enumerate(rows, 1)]
    expected = numbered[after : after + max_rows]
    assert found == expected[: len(found)]
    assert bool(found) == bool(expected)
    assert len(found) <= 1 or sum(len(row.body) for row in found) <= max_bytes


@pytest.mark.parametrize("count", [0, 1, 999, 1_000, 1_001, 3_000])
@pytest.mark.parametrize("size_bytes", [4, 5_000, 200_000])
def test_any_number_of_rows_keeps_its_order(tables: sqlite3.Connection, count: int, size_bytes: int) -> None:
    count = min(count, 40_000_000 // size_bytes)
    commit(tables, 1, [Row(0, "pump", 7, seq, 1, 0, bytes(size_bytes), None) for seq in range(count)])
    found: list[Row] = []
    while more := read_rows(tables, len(found), 10_000, 1 << 30):
        found += more
    assert [(row.position, row.seq) for row in found] == [(seq + 1, seq) for seq in range(count)]
    assert count < 2 or len(read_rows(tables, 1, 1, 1)) == 1


def test_what_rows_say_of_marks_is_found_again(tables: sqlite3.Connection) -> None:
    first = [Row(0, device, 7, seq, 1, 0, b"body", None) for seq in range(1, 1_200) for device in ("a", "b")]
    assert moves_of(columns_of(first)) == {("a", 7): 1_199, ("b", 7): 1_199}
    insert(tables, packed(1, columns_of(first), {("a", 7): 1_300, ("a", 5): 40}))
    assert sorted(read_moves(tables, 0)) == [("a", 5, 40, 2_398), ("a", 7, 1_300, 2_398), ("b", 7, 1_199, 2_398)]
    insert(tables, packed(2_399, columns_of([Row(0, "b", 7, 1_200, 1, 0, b"body", None)]), {}))
    assert read_moves(tables, 2_398) == [("b", 7, 1_200, 2_399)]
    assert read_moves(tables, 2_399) == []


def test_oldest_rows_go_with_their_commit(tables: sqlite3.Connection) -> None:
    for first in range(1, 100, 10):
        commit(tables, first, [Row(0, "pump", 7, seq, 1, 0, b"body", None) for seq in range(first, first + 10)])
    assert oldest_rows(tables, 10, 1_000) == (0, 0)
    assert oldest_rows(tables, 11, 1_000) == (10, 10)
    assert oldest_rows(tables, 45, 1_000) == (40, 40)
    assert oldest_rows(tables, 101, 25) == (20, 20)
    assert oldest_rows(tables, 101, 1) == (10, 10)
    delete_rows(tables, 40)
    assert [row.position for row in read_rows(tables, 0, 1_000, 1 << 20)] == list(range(41, 101))
    assert oldest_rows(tables, 51, 1_000) == (50, 10)


def test_damaged_value_is_told_and_those_beside_it_are_read(tables: sqlite3.Connection) -> None:
    for first in (1, 3, 5):
        commit(tables, first, [Row(0, "pump", 7, seq, 1, 0, b"body", None) for seq in (first, first + 1)])
    tables.execute("UPDATE batches SET frames = x'93c1' WHERE first = 3")
    found = read_rows(tables, 0, 10, 1 << 20)
    assert [(row.position, row.seq, row.kind) for row in found] == [(1, 1, 1), (2, 2, 1), (4, 0, 7), (5, 5, 1), (6, 6, 1)]
    assert damaged_in(found) == [4]
    assert read_moves(tables, 0) == [("pump", 7, 6, 6)]


def test_last_position_is_what_the_frames_say(tables: sqlite3.Connection) -> None:
    assert last_position(tables) is None
    commit(tables, 1, [Row(0, "pump", 7, seq, 1, 0, b"body", None) for seq in range(1, 10)])
    tables.execute("UPDATE batches SET count = 2")  # a flipped bit
    assert last_position(tables) == 9


@pytest.mark.parametrize("count", [1, 2, 700])
def test_marks_are_opened_once_and_never_go_back(tables: sqlite3.Connection, count: int) -> None:
    open_marks(tables, [("pump", epoch, 1, b"first") for epoch in range(count)], 50)
    open_marks(tables, [("pump", epoch, 2, b"second") for epoch in range(count)], 60)
    move_marks(tables, [("pump", epoch, 10 + epoch, 100) for epoch in range(count)])
    move_marks(tables, [("pump", epoch, 5, 101) for epoch in range(count)])
    move_marks(tables, [("unknown", 1, 5, 101)])
    found = tables.execute(
        "SELECT epoch, seq, position, opened_us, channels FROM marks JOIN epochs USING (epoch) ORDER BY epoch"
    ).fetchall()
    assert found == [(epoch, 10 + epoch, 101, 1, b"first") for epoch in range(count)]
