"""The verdict of the crash test finds each way in which a reading can be in the wrong place."""

from collections.abc import Sequence

from simulators.crash.ledger import Made
from simulators.crash.verdict import DeclaredGap, Found, Verdict, judge

MADE = Made({1: 100, 2: 200, 3: 300, 4: 400}, {1, 2, 3})  # the send of 4 never returned


def verdict_of(*points: tuple[int, int], gaps: Sequence[DeclaredGap] = (), rejected: Sequence[tuple[str, int]] = ()) -> Verdict:
    return judge("d", {"c": MADE}, Found({"c": points}, gaps, frozenset(rejected)))


def test_all_stored_once_is_no_difference() -> None:
    verdict = verdict_of((100, 1), (200, 2), (300, 3), (400, 4))
    assert verdict.differences == []
    assert (verdict.made, verdict.stored) == (4, 4)


def test_reading_that_was_never_promised_may_be_missing() -> None:
    verdict = verdict_of((100, 1), (200, 2), (300, 3))
    assert verdict.differences == []
    assert verdict.uncertain == 1


def test_lost_reading_is_named() -> None:
    assert verdict_of((100, 1), (300, 3)).differences == ["d/c: reading 2 made at 200 is nowhere"]


def test_doubled_reading_is_named() -> None:
    assert verdict_of((100, 1), (200, 2), (200, 2), (300, 3)).differences == ["d/c: reading 2 is stored 2 times"]


def test_doubled_reading_that_was_never_promised_is_named() -> None:
    assert verdict_of((100, 1), (200, 2), (300, 3), (400, 4), (400, 4)).differences == ["d/c: reading 4 is stored 2 times"]


def test_invented_reading_is_named() -> None:
    assert verdict_of((100, 1), (200, 2), (300, 3), (500, 9)).differences == ["d/c: reading 9 at 500 is stored and was never made"]


def test_reading_at_another_time_is_named() -> None:
    assert verdict_of((100, 1), (201, 2), (300, 3)).differences == ["d/c: reading 2 made at 200 is stored at 201"]


def test_declared_gap_accounts_for_as_many_as_it_says() -> None:
    assert verdict_of((300, 3), gaps=[DeclaredGap(2, 100, 200, "spool_full")]).in_gaps == 2
    (difference,) = verdict_of((300, 3), gaps=[DeclaredGap(1, 100, 200, "spool_full")]).differences
    assert "declares 1 readings, but 2 are missing" in difference


def test_overlapping_gaps_share_what_is_missing() -> None:
    gaps = [DeclaredGap(1, 100, 200, "spool_full"), DeclaredGap(1, 100, 200, "spool_full")]
    assert verdict_of((300, 3), gaps=gaps).differences == []


def test_rejected_reading_is_accounted_for_by_channel_and_time() -> None:
    verdict = verdict_of((100, 1), (300, 3), rejected=[("c", 200)])
    assert verdict.differences == []
    assert verdict.rejected == 1


def test_verdicts_add_up() -> None:
    total = Verdict()
    total.add(verdict_of((100, 1)))
    total.add(verdict_of((100, 1)))
    assert total.made == 8
    assert len(total.differences) == 4
