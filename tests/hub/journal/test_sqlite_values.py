"""Whatever bit of a value changes, nothing is read as something else: each frame is as it was, or told as damaged."""

import msgpack
import pytest

from hub.core.records import Row, RowKind
from hub.journal.sqlite_values import DAMAGED, Value, damaged_in, opened, sealed

ROWS = [
    Row(11, "pump", 7, 3, 1, 1_000, b"one", None),
    Row(12, "fan", 2**40, 1, 2, 1_001, bytes(300), b"\x93"),
    Row(13, "pump", 7, 4, 6, 1_002, b"", None),
]


def value_of(rows: list[Row], told: list[tuple[str, int, int]]) -> bytes:
    return sealed(rows[0].position, told, list(zip(*rows, strict=True))[1:])


VALUES = [value_of([row._replace(position=row.position + more) for row in ROWS], [("pump", 5, 9)]) for more in (0, 3, 6)]
EXTENTS = [(11 + at * 3, 3, len(value)) for at, value in enumerate(VALUES)]


def read(joined: bytes) -> list[Value]:
    return list(opened(joined, EXTENTS))


def test_values_come_back_as_they_were() -> None:
    found = read(b"".join(VALUES))
    assert [value.first for value in found] == [11, 14, 17]
    assert found[0].rows() == ROWS
    assert found[0].told == (("pump", 5, 9),)
    assert found[0].last == 13


@pytest.mark.parametrize("ones", [1, 0xFF])
def test_no_changed_bit_is_read_as_another_value(ones: int) -> None:
    whole = read(b"".join(VALUES))
    begin = len(VALUES[0])
    for at in range(len(VALUES[1])):
        for shift in range(8 if ones == 1 else 1):
            joined = bytearray(b"".join(VALUES))
            joined[begin + at] ^= ones << shift
            first, damaged, last = read(bytes(joined))
            assert (first, last) == (whole[0], whole[2])
            told = check(damaged.rows(), whole[1].rows())
            assert told or damaged.rows() == whole[1].rows(), at  # a length that the sums do without


def check(found: list[Row], made: list[Row]) -> int:
    """Hold that rows are as they were made, or told as damaged; return how many are."""
    told = damaged_in(found)
    for row in found:
        if row.position not in told:
            assert row in made
        elif row.device:
            was = next(each for each in made if each.position == row.position)
            assert row == was._replace(kind=RowKind.BAD, body=b"", rejects=DAMAGED)
        else:
            assert row.position == made[-1].position
            return len(made)
    assert len(found) == len(made)
    return len(told)


@pytest.mark.parametrize("length", [0, 1, 40, 300])
def test_cut_value_is_told(length: int) -> None:
    (value,) = opened(VALUES[0][:length], [(11, 3, length)])
    assert check(value.rows(), ROWS) >= 1


def test_value_without_sums_is_read_as_it_is() -> None:
    columns = list(zip(*ROWS, strict=True))[1:]
    older = msgpack.packb((11, [("pump", 5, 9)], *columns))
    found = list(opened(older + VALUES[1], [(11, 3, len(older)), EXTENTS[1]]))
    assert found[0].rows() == ROWS
    assert damaged_in(found[1].rows()) == []


def test_only_what_the_disk_has_changed_is_damaged_and_not_what_a_device_sent_wrong() -> None:
    rows = [
        Row(1, "pump", 7, 1, RowKind.BAD, 0, b"", b"\x92\xa9bad_frame\xa0"),
        Row(2, "pump", 7, 2, RowKind.BAD, 0, b"", DAMAGED),
        Row(3, "pump", 7, 3, RowKind.DATA, 0, b"", DAMAGED),
        Row(4, "pump", 7, 4, RowKind.DATA, 0, b"", None),
    ]
    assert damaged_in(rows) == [2]
