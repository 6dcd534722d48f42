"""When the clocks of a fleet go wrong: drawn from the seed alone, so that an audit of later knows what each of them showed.

Owns which devices a fault of clocks hits, and what several at once add up to; stamps.py has the arithmetic of one clock. Asked by
course.py before anything is made, and by faulting.py for the report.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from random import Random
from typing import Final

from simulators.fleet.errors import FleetError
from simulators.fleet.scenario import CLOCK_FAULTS, Fault, Scenario
from simulators.fleet.stamps import FUTURE_US, MAX_SETTINGS, Setting, Stamps

Changes = list[tuple[int, int, int]]  # (µs since the beginning, ms ahead, billionths more), as stamps.py takes them
SPREAD_S: Final = 0.5  # by which steps of two devices differ: no real clock is off by whole periods of its readings
MARGIN_S: Final = 60.0  # between this machine's clock and the hub's


@dataclass(frozen=True, slots=True)
class Wrong:
    """One clock that goes wrong for a while."""

    from_us: int  # since the beginning; whole ms
    to_us: int
    ms: int
    ppb: int

    def shift_ms(self, at_us: int) -> int:
        """Return how far it is ahead by it."""
        return Setting(self.from_us, self.ms, self.ppb).shift_us(at_us) // 1_000


def occurrences(fault: Fault, run_s: float) -> Iterator[float]:
    """Yield the seconds at which a fault occurs."""
    at_s = fault.at_s
    while at_s < run_s:
        yield at_s
        at_s += fault.every_s or float("inf")


def until_s(fault: Fault, at_s: float, run_s: float) -> float:
    """Return when an occurrence is over; a clock that nobody sets right stays as it is."""
    stays = fault.kind in CLOCK_FAULTS and not fault.for_s
    return run_s if stays else min(at_s + fault.for_s, run_s)


def hit(scenario: Scenario, fault: Fault, at_s: float) -> dict[int, int]:
    """Return the places of the devices whose clocks an occurrence puts wrong, each with the ms of its step."""
    rng = Random(f"{scenario.seed} {scenario.faults.index(fault)} {at_s} clocks")
    places = rng.sample(range(scenario.devices), min(scenario.devices, ceil(fault.share * scenario.devices)))
    if fault.kind != "clock-step":
        return dict.fromkeys(places, 0)
    spread_s = min(SPREAD_S, abs(fault.by_s) / 10)
    return {place: round((fault.by_s + rng.uniform(-spread_s, spread_s)) * 1e3) for place in places}


def clocks_of(scenario: Scenario) -> list[Changes]:
    """Return what the clock of each device does, by its place. Raises FleetError where a hub would take readings or not by chance."""
    wrong: list[list[Wrong]] = [[] for _ in range(scenario.devices)]
    for fault in scenario.faults:
        if fault.kind in CLOCK_FAULTS:
            for at_s in occurrences(fault, scenario.run_s):
                to_us = _whole_us(until_s(fault, at_s, scenario.run_s))
                ppb = round(fault.ppm * 1_000) if fault.kind == "clock-skew" else 0
                for place, ms in hit(scenario, fault, at_s).items():
                    wrong[place].append(Wrong(_whole_us(at_s), to_us, ms, ppb))
    clocks = [_changes(each) for each in wrong]
    _check(scenario, clocks)
    return clocks


def _changes(wrong: Sequence[Wrong]) -> Changes:
    """Add up what is wrong at each time; a clock that is set right shows the true time, which is a step too."""
    begins: dict[int, list[Wrong]] = {}
    for each in wrong:
        begins.setdefault(each.from_us, []).append(each)
    found, active = Changes(), list[Wrong]()
    for at_us in sorted(begins.keys() | {each.to_us for each in wrong}):
        active = [each for each in active + begins.get(at_us, []) if at_us < each.to_us]
        found.append((at_us, sum(each.shift_ms(at_us) for each in active), sum(each.ppb for each in active)))
    return found


def _check(scenario: Scenario, clocks: Sequence[Changes]) -> None:
    """See that every reading is either taken or rejected for its time, however late it comes. Raises FleetError."""
    end_us = _whole_us(scenario.run_s)
    near_us = FUTURE_US - int(MARGIN_S * 1e6), FUTURE_US + int((scenario.run_s + scenario.drain_s + MARGIN_S) * 1e6)
    for changes in clocks:
        if len(changes) >= MAX_SETTINGS:
            said = f"a device's clock would be set {len(changes):,} times, and {MAX_SETTINGS - 1} is the limit"
            raise FleetError(said, "let faults of clocks come less often", is_usage=True)
        stamps = Stamps(0, changes)
        for number, setting in enumerate(stamps.settings[1:], 1):
            ends = [setting.shift_us(at_us) for at_us in (setting.from_us, min(stamps.until_us(number), end_us))]
            if not (max(ends) < near_us[0] or min(ends) > near_us[1]):
                said = f"a clock would be {max(ends) / 3.6e9:.2f} h ahead: whether a hub takes what is up to 24 h ahead would be chance"
                hint = f"let it be less than {near_us[0] / 3.6e9:.2f} h ahead, or more than {near_us[1] / 3.6e9:.2f} h"
                raise FleetError(said, hint, is_usage=True)


def _whole_us(seconds: float) -> int:
    return round(seconds * 1e3) * 1_000
