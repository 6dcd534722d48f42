"""The rules of the benchmark are rules that a hub takes, and of many kinds."""

from collections import Counter

from hub.core.rules import rule_in
from simulators.bench.rules import rule_bodies


def test_five_hundred_rules_of_many_kinds_are_taken() -> None:
    bodies = rule_bodies(500, [(f"bench-{number:05}", "token") for number in range(7)])
    kinds = Counter(rule_in(name, body).kind.value for name, body in bodies.items())
    assert kinds == {"above": 200, "below": 150, "rising": 50, "no_data": 50, "offline": 50}
