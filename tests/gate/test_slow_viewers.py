"""The verdict on viewers that do not read: what idle pairs do by themselves is no change."""

from simulators.bench.crowd import CrowdRuns
from tests.gate.slow_viewers import judge


def runs(with_ms: list[float], without_ms: list[float], grown_mb: float = 1.0, spike: float = 1.0) -> CrowdRuns:
    return CrowdRuns(with_ms, without_ms, [grown_mb] * len(with_ms), [spike] * len(with_ms))


def test_a_change_of_a_tenth_is_one_where_idle_pairs_are_steadier() -> None:
    steady = [10.0, 10.1, 10.0, 10.1]
    assert judge(runs([10.5, 10.6, 10.5], steady), 11).holds
    assert not judge(runs([12.0, 12.1, 12.0], steady), 11).holds


def test_a_change_within_what_idle_pairs_differ_by_is_none() -> None:
    assert judge(runs([12.0, 12.0, 12.0], [10.0, 13.0, 10.0, 13.0]), 11).holds


def test_memory_and_the_spike_count_too() -> None:
    steady = [10.0, 10.0, 10.0]
    assert judge(runs([10.0, 10.0], steady, grown_mb=54.0), 11).holds
    assert not judge(runs([10.0, 10.0], steady, grown_mb=55.0), 11).holds
    assert not judge(runs([10.0, 10.0], steady, spike=0.0), 11).holds
