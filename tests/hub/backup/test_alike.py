"""Two stores that hold the same have the same counts and checksums, and two that differ in one value or time do not."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.wire.messages import Kind
from hub.backup.alike import Tally, hashes_of, part_of
from hub.core.records import Series
from tests.support.readable_points import columns

TEMP = Series("pump", "temp", "Cel", Kind.GAUGE)
NOTE = Series("pump", "note", "", Kind.TEXT)
VALUES = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(2**63), 2**63 - 1),
    st.booleans(),
    st.text(max_size=20),
    st.tuples(st.floats(-90, 90), st.floats(-180, 180)).map(list),
)
READINGS = st.lists(st.tuples(st.integers(0, 1), st.integers(-(2**62), 2**62), VALUES), min_size=1, max_size=30)


def tally(found: Sequence[tuple[int, int, object]], resolution_ns: int = 1, *, is_rounded: bool = False) -> Tally:
    made = Tally()
    made.add(columns([TEMP, NOTE], found), resolution_ns, is_rounded=is_rounded)
    return made


@given(READINGS, st.randoms())
def test_neither_order_nor_pages_change_a_checksum(found: list[tuple[int, int, object]], random: object) -> None:
    whole, parts = tally(found), Tally()
    random.shuffle(found)  # type: ignore[attr-defined]
    for reading in found:
        parts.add(columns([TEMP, NOTE], [reading]), 1, is_rounded=False)
    assert parts.other_than(whole, [TEMP, NOTE]) == []


@given(READINGS, st.integers(1, 1 << 40))
def test_one_time_that_differs_is_noticed(found: list[tuple[int, int, object]], by_ns: int) -> None:
    at, t_ns, value = found[0]
    other = tally([(at, t_ns + by_ns, value), *found[1:]])
    assert other.other_than(tally(found), [TEMP, NOTE]) == [(TEMP, NOTE)[at]]


@pytest.mark.parametrize(
    ("one", "other"), [(1.0, 1.0000000000000002), (2**62, 2**62 + 1), ("a", "b"), ([1.0, 2.0], [1.0, 3.0]), ([1.0, 2.0], 1.0), ("", 0.0)]
)
def test_one_value_that_differs_is_noticed(one: object, other: object) -> None:
    assert tally([(0, 5, one)]).other_than(tally([(0, 5, other)]), [TEMP]) == [TEMP]


@pytest.mark.parametrize(("one", "other"), [(7, 7.0), (True, 1.0), (-0.0, 0.0), (2**53, float(2**53))])
def test_a_number_is_the_same_in_a_store_that_knows_floats_only(one: object, other: object) -> None:
    assert tally([(0, 5, one)]).other_than(tally([(0, 5, other)]), [TEMP]) == []


def test_a_coarser_store_is_compared_by_its_stretches_and_digits() -> None:
    ours, theirs = [(0, 1_234_567, 0.1234567890123456)], [(0, 1_000_000, 0.123456789012)]
    assert tally(ours).other_than(tally(theirs), [TEMP]) == [TEMP]
    assert tally(ours, 1_000_000, is_rounded=True).other_than(tally(theirs, 1_000_000, is_rounded=True), [TEMP]) == []


def test_hashes_are_spread_over_all_bits() -> None:
    hashes = hashes_of(columns([TEMP], [(0, n, 0.0) for n in range(4_096)]), 1, is_rounded=False)
    ones = [int(np.count_nonzero(hashes >> np.uint64(bit) & np.uint64(1))) for bit in range(64)]
    assert min(ones) > 1_800
    assert max(ones) < 2_300


def test_a_part_names_only_the_series_in_it() -> None:
    found = columns([TEMP, NOTE], [(0, 1, 1.5), (1, 2, "a"), (0, 3, 2)])
    part = part_of(found, np.array([False, True, False]))
    assert (part.series, part.index.tolist(), part.text.tolist() if part.text is not None else None) == ([NOTE], [0], ["a"])
