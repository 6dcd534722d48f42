"""A fleet shared out among processes, and the file descriptors that takes."""

import resource
from dataclasses import replace

import pytest

from simulators.fleet import sharing
from simulators.fleet.errors import FleetError
from simulators.fleet.plans import Place
from simulators.fleet.scenario import Fault, Group, Scenario, Viewers


def test_devices_of_all_groups_are_mixed_and_spread_over_the_period() -> None:
    scenario = Scenario(groups=(Group("a", 4), Group("b", 2)))
    units = sharing.units_of(scenario, [["a1", "a2", "a3", "a4"], ["b1", "b2"]], [[]] * 6)
    assert {unit.name: (unit.make, unit.offset) for unit in units} == {
        "a1": (0, 0.0), "a2": (0, 0.25), "a3": (0, 0.5), "a4": (0, 0.75), "b1": (1, 0.0), "b2": (1, 0.5),
    }  # fmt: skip
    assert units == sharing.units_of(scenario, [["a1", "a2", "a3", "a4"], ["b1", "b2"]], [[]] * 6)


def test_viewers_watch_some_devices_each() -> None:
    watched = sharing.watched_of(Scenario(groups=(Group(count=2),), viewers=Viewers(3, devices=5)))
    assert watched == [[0, 1]] * 3


@pytest.fixture
def descriptors(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Give a limit of 256 that may be raised to 4,096; what it is raised to stands in the list."""
    limits = [(256, 4_096)]
    monkeypatch.setattr(resource, "getrlimit", lambda which: limits[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda which, to: limits.append(to))
    return limits


def test_a_soft_limit_that_is_too_low_is_raised_and_told(descriptors: list[tuple[int, int]]) -> None:
    said: list[str] = []
    sharing.check_descriptors(Scenario(groups=(Group(count=1_000),)), 2, said.append)
    assert descriptors[-1] == (628, 4_096)
    assert said == ["raised the limit of file descriptors from 256 to 628"]


@pytest.mark.usefixtures("descriptors")
def test_more_devices_than_descriptors_are_refused_with_the_limit() -> None:
    scenario = Scenario(groups=(Group(count=4_000),), faults=(Fault("storm"),))
    with pytest.raises(FleetError) as caught:
        sharing.check_descriptors(scenario, 2, print)
    assert caught.value.message == "4,000 devices in 2 processes need 6,128 file descriptors each, and the limit is 4,096"
    assert caught.value.hint == "raise it (ulimit -Hn 6128), give more --workers, or at most 2,644 devices"
    sharing.check_descriptors(replace(scenario, faults=()), 2, print)


def test_broken_connections_to_a_hub_with_a_certificate_of_its_own_are_refused() -> None:
    scenario = Scenario(faults=(Fault("stall", for_s=1.0),))
    with pytest.raises(FleetError, match=r"https://hub\.example\.com is not made for it"):
        sharing.check_certificate(scenario, Place("https://hub.example.com", "t"))
    sharing.check_certificate(scenario, Place("https://127.0.0.1:8443", "t", "/data/certificate.pem"))
    sharing.check_certificate(scenario, Place("http://hub.example.com", "t"))
    sharing.check_certificate(Scenario(faults=(Fault("kill"),)), Place("https://hub.example.com", "t"))


def test_a_viewers_span_is_what_the_hub_shows_reading_by_reading() -> None:
    short = Scenario(viewers=Viewers(1))
    assert sharing.span_s(short) == 60 + 120 + 600
    fast = Scenario(groups=(Group(rate=50),), viewers=Viewers(1, devices=3))
    assert sharing.span_s(fast) == 60
