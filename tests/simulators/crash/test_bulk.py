"""Packs are compared by the second: a reading that is missing, double or elsewhere changes what a second holds."""

import pytest

from simulators.crash.bulk import buckets_of, bulk_verdict
from simulators.crash.ledger import Made, MadePack

MADE = Made(packs={1: MadePack(1, 4, 1_500_000, 250_000), 5: MadePack(5, 2, 4_000_000, 250_000)}, certain_packs={1, 5})


def test_seconds_hold_what_their_packs_say() -> None:
    assert buckets_of(MADE) == {1_000_000: (2, 1, 2, 3, 2), 2_000_000: (2, 3, 4, 7, 4), 4_000_000: (2, 5, 6, 11, 6)}
    assert buckets_of(Made()) == {}


def test_complete_store_is_no_difference() -> None:
    verdict = bulk_verdict("d", MADE, buckets_of(MADE))
    assert (verdict.made, verdict.stored, verdict.differences) == (6, 6, [])


@pytest.mark.parametrize("wrong", [(1, 3, 3, 3, 3), (3, 3, 4, 11, 4), (2, 3, 5, 8, 5)])
def test_missing_double_or_wrong_reading_is_told_by_its_second(wrong: tuple[int, float, float, float, float]) -> None:
    verdict = bulk_verdict("d", MADE, {**buckets_of(MADE), 2_000_000: wrong})
    (difference,) = verdict.differences
    assert difference.startswith("d/burst: the second from 2000000 differs")


def test_second_that_was_never_made_is_told() -> None:
    assert len(bulk_verdict("d", MADE, {**buckets_of(MADE), 9_000_000: (1, 1, 1, 1, 1)}).differences) == 1
