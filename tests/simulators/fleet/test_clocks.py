"""Whose clock goes wrong, when and by how much, comes from the seed; what would be chance at the hub is refused."""

import pytest

from simulators.fleet.clocks import clocks_of, hit
from simulators.fleet.errors import FleetError
from simulators.fleet.scenario import Fault, Group, Phase, Scenario


def scenario(*faults: Fault, seed: int = 1, run_s: float = 60.0) -> Scenario:
    return Scenario(seed=seed, groups=(Group("a", 20),), phases=(Phase("all", run_s),), faults=faults)


def test_a_share_of_the_devices_is_hit_and_the_same_seed_hits_the_same() -> None:
    fault = Fault("clock-step", at_s=10.0, for_s=5.0, share=0.25, by_s=-30.0)
    clocks = clocks_of(scenario(fault))
    assert clocks == clocks_of(scenario(fault))
    assert clocks != clocks_of(scenario(fault, seed=2))
    assert [at for at, changes in enumerate(clocks) if changes] == sorted(hit(scenario(fault), fault, 10.0))
    assert sum(map(bool, clocks)) == 5
    for (step_us, ms, ppb), healed in filter(None, clocks):
        assert (step_us, healed, ppb) == (10_000_000, (15_000_000, 0, 0), 0)
        assert -30_500 <= ms <= -29_500


def test_what_is_wrong_at_once_adds_up_and_stays_where_nobody_sets_it_right() -> None:
    step = Fault("clock-step", at_s=20.0, for_s=20.0, by_s=60.0)
    skew = Fault("clock-skew", at_s=10.0, ppm=-1_000.0)
    (changes, *_) = clocks_of(scenario(skew, step))
    moved = changes[1][1] + 10
    assert changes == [(10_000_000, 0, -1_000_000), (20_000_000, moved - 10, -1_000_000), (40_000_000, -30, -1_000_000), (60_000_000, 0, 0)]
    assert 59_500 <= moved <= 60_500


def test_the_devices_of_each_occurrence_are_drawn_anew() -> None:
    fault = Fault("clock-step", at_s=1.0, for_s=1.0, every_s=10.0, share=0.2)
    assert len({tuple(hit(scenario(fault), fault, at_s)) for at_s in (1.0, 11.0, 21.0)}) == 3
    assert {at_us for changes in clocks_of(scenario(fault)) for at_us, ms, _ in changes if ms} == {
        at * 1_000_000 for at in range(1, 60, 10)
    }


def test_a_clock_near_24_hours_ahead_is_refused_with_what_may_be() -> None:
    with pytest.raises(FleetError, match=r"24\.00 h ahead: whether") as refused:
        clocks_of(scenario(Fault("clock-step", by_s=86_400.0, share=0.05)))
    assert refused.value.hint == "let it be less than 23.98 h ahead, or more than 24.07 h"
    clocks_of(scenario(Fault("clock-step", by_s=90_000.0), Fault("clock-skew", ppm=100_000.0)))


def test_a_clock_that_is_set_too_often_is_refused() -> None:
    with pytest.raises(FleetError, match="set 1,001 times, and 999 is the limit"):
        clocks_of(scenario(Fault("clock-step", for_s=0.05, every_s=0.12)))
