"""Tests of hub/bus/covered.py."""

from hub.bus.covered import Covered
from hub.core.interest import ALL, NOTHING, Interest


def some(*devices: str) -> Interest:
    return Interest(frozenset(devices))


def test_what_is_here_of_devices_is_what_is_here_of_each_of_them() -> None:
    covered = Covered()
    covered.add(some("pump"), 5)
    covered.add(some("fan"), 9)
    assert covered.since(frozenset(["pump"])) == 5
    assert covered.since(frozenset(["pump", "fan"])) == 9
    assert covered.since(frozenset(["pump", "lamp"])) is None
    assert covered.since(None) is None
    assert covered.since(frozenset()) == 0
    assert covered.lacks(some("pump", "lamp")) == some("lamp")
    assert covered.lacks(some("fan")) is covered.lacks(NOTHING) is None
    assert covered.lacks(ALL) is ALL


def test_what_is_here_of_all_is_here_of_each_and_no_more_when_only_some_are_wanted() -> None:
    covered = Covered()
    covered.add(some("pump"), 5)
    covered.add(ALL, 20)
    assert [covered.since(devices) for devices in (None, frozenset(["pump"]), frozenset(["fan"]))] == [20, 5, 20]
    assert covered.lacks(ALL) is None
    covered.keep(ALL)
    assert covered.since(None) == 20
    covered.keep(some("pump", "fan"))
    assert [covered.since(devices) for devices in (None, frozenset(["pump"]), frozenset(["fan"]))] == [None, 5, 20]
    covered.keep(some("fan"))
    assert covered.lacks(some("pump", "fan")) == some("pump")
