"""So many a second, and ten seconds' worth at once, for each key by itself."""

from hub.web.rates import BURST_S, Rates


def test_a_burst_may_be_and_what_follows_at_the_rate() -> None:
    rates, burst = Rates(per_s=4), int(4 * BURST_S)
    assert [rates.wait_s("a", 100.0) for _ in range(burst)] == [0.0] * burst
    assert rates.wait_s("a", 100.0) == 0.25
    assert rates.wait_s("a", 100.125) == 0.125
    assert rates.wait_s("a", 100.25) == 0.0
    assert rates.wait_s("a", 100.25) == 0.25


def test_one_key_costs_another_nothing_and_a_rest_brings_the_burst_back() -> None:
    rates = Rates(per_s=1)
    assert all(rates.wait_s("a", 0.0) == 0 for _ in range(10))
    assert rates.wait_s("a", 0.0) == 1.0
    assert rates.wait_s("b", 0.0) == 0.0
    assert [rates.wait_s("a", 1_000.0) for _ in range(11)] == [0.0] * 10 + [1.0]


def test_who_was_quiet_for_longest_is_forgotten_beyond_the_bound() -> None:
    rates = Rates(per_s=1)
    for _ in range(10):
        rates.wait_s("first", 0.0)
    for at in range(10_000):
        rates.wait_s(str(at), 0.0)
    assert rates.wait_s("first", 0.0) == 0.0
