"""The tail in memory reads as the whole list of rows would, as far back as it goes, and stays within its bound."""

from hypothesis import given
from hypothesis import strategies as st

from hub.core.records import Row, RowKind
from hub.journal.tail import Tail


def row(position: int, size_bytes: int) -> Row:
    return Row(position, "pump", 7, position, RowKind.DATA, 0, bytes(size_bytes), None)


@given(st.lists(st.lists(st.integers(0, 900), min_size=1, max_size=9), max_size=12), st.integers(0, 20_000), st.data())
def test_tail_reads_like_the_whole_journal(batches: list[list[int]], max_bytes: int, data: st.DataObject) -> None:
    began = data.draw(st.integers(0, 5))
    tail, rows = Tail(max_bytes, began), list[Row]()
    for sizes in batches:
        batch = [row(began + len(rows) + at + 1, size) for at, size in enumerate(sizes)]
        rows += batch
        tail.append(batch, sum(sizes))
        assert len(tail) * 300 <= max_bytes
    last = began + len(rows)
    after = data.draw(st.integers(0, last))
    max_rows = data.draw(st.integers(1, 20))
    if not tail.has_all_above(after):
        assert len(tail) < last - after
        return
    found = tail.read(after, max_rows, 1_000)
    expected = [each for each in rows if each.position > after][:max_rows]
    assert found == expected[: len(found)]
    assert bool(found) == bool(expected)
    assert len(found) == 1 or sum(len(each.body) for each in found) <= 1_000
    if len(found) < len(expected):
        assert sum(len(each.body) for each in expected[: len(found) + 1]) > 1_000


def test_tail_of_no_bytes_keeps_nothing() -> None:
    tail = Tail(0, 4)
    tail.append([row(5, 10)], 10)
    assert len(tail) == 0
    assert not tail.has_all_above(4)
    assert tail.has_all_above(5)
    assert tail.read(5, 10, 10) == []


def test_what_was_rejected_of_a_frame_counts_as_well() -> None:
    tail = Tail(100_000, 0)
    for position in range(1, 11):
        tail.append([row(position, 10)._replace(rejects=bytes(20_000))], 10)
    assert len(tail) == 4


def test_a_follower_gets_as_many_bytes_as_it_asks_for_and_one_row_however_large() -> None:
    tail = Tail(100_000, 0)
    tail.append([row(position, 400) for position in range(1, 4)], 1_200)
    tail.append([row(position, 400) for position in range(4, 7)], 1_200)
    for most, found in ((1, 1), (400, 1), (799, 1), (800, 2), (1_200, 3), (1_600, 4), (9_999, 6)):
        assert [each.position for each in tail.read(0, 100, most)] == list(range(1, found + 1))
    assert [each.position for each in tail.read(2, 3, 9_999)] == [3, 4, 5]
