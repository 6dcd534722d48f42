"""How a fleet is shared out among worker processes, and whether this machine has the file descriptors for it.

Owns the layout: device `at` of the whole fleet lives in worker at % workers, in place at // workers. Raises the soft limit of descriptors
where that is enough. course.py asks it before anything is made at the hub.
"""

import os
import resource
from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import Final

from simulators.fleet.clocks import Changes
from simulators.fleet.errors import FleetError
from simulators.fleet.plans import Make, Place, Unit
from simulators.fleet.scenario import Scenario

_SPARE: Final = 128  # of a process: pipes, listeners, the API, what Python opens
_SPOOL: Final = 5  # database, its log and index, the lock, and a moment's more
VIEWERS_OF_ONE: Final = 200  # a process with more would be busy with comparing alone
MAX_SPAN_POINTS: Final = 8_000  # of one viewer's span: the hub shows up to 10,000 one by one
SPAN_S: Final = (60.0, 86_400.0)


def worker_count(scenario: Scenario, asked: int | None) -> int:
    """Return how many processes of devices there are: one for each core where nothing else is asked for."""
    return min(asked or os.cpu_count() or 1, scenario.devices)


def makes_of(scenario: Scenario) -> list[Make]:
    """Return the makes of the groups."""
    return [Make(group.tables, scenario.stretches(group), group.rate) for group in scenario.groups]


def units_of(scenario: Scenario, names: Sequence[Sequence[str]], clocks: Sequence[Changes]) -> list[Unit]:
    """Return all devices, the groups mixed as a fleet is; the frames of a group are spread over its period."""
    units = [
        Unit(name, make, at / len(group)) for make, group in enumerate(names) for at, name in enumerate(group)
    ]  # fmt: skip
    Random(scenario.seed).shuffle(units)
    return [replace(unit, clock=clock) for unit, clock in zip(units, clocks, strict=True)]


def watched_of(scenario: Scenario) -> list[list[int]]:
    """Return for each viewer the places of the devices that it watches."""
    rng, devices = Random(f"{scenario.seed} viewers"), range(scenario.devices)
    return [sorted(rng.sample(devices, min(scenario.viewers.devices, len(devices)))) for _ in range(scenario.viewers.count)]


def span_s(scenario: Scenario) -> float:
    """Return how far back a viewer asks for: the whole run and its draining where the hub can show that reading by reading."""
    rate = max(group.rate * len(group.plan.channels) * phase.rate for group in scenario.groups for phase in scenario.phases)
    longest_s = MAX_SPAN_POINTS / max(1e-9, rate * scenario.viewers.devices)
    return min(max(SPAN_S[0], longest_s), scenario.run_s + scenario.drain_s + 600, SPAN_S[1])


def check_certificate(scenario: Scenario, place: Place) -> None:
    """See that connections which a scenario breaks can be made: they go to a proxy on this machine. Raises FleetError."""
    if place.url.startswith("https") and not place.certificate and (scenario.breaks("devices") or scenario.breaks("viewers")):
        said = f"faults of networks go through a proxy on this machine, and the certificate of {place.url} is not made for it"
        raise FleetError(said, "leave them out, or run this on the machine of the hub, without --hub", is_usage=True)


def check_descriptors(scenario: Scenario, workers: int, told: Callable[[str], None]) -> None:
    """See that each process may open what it needs; raise the soft limit where that helps, and say so. Raises FleetError."""
    each = 1 + 2 * scenario.breaks("devices") + _SPOOL * scenario.has_disk_spools
    devices = -(-scenario.devices // workers) * each + _SPARE
    viewers = min(scenario.viewers.count, VIEWERS_OF_ONE) * (1 + 2 * scenario.breaks("viewers")) + _SPARE
    needed = max(devices, viewers)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= needed or soft == resource.RLIM_INFINITY:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        said = f"{scenario.devices:,} devices in {workers} processes need {needed:,} file descriptors each, and the limit is {hard:,}"
        fitting = max(0, (hard - _SPARE) // each) * workers
        raise FleetError(said, f"raise it (ulimit -Hn {needed}), give more --workers, or at most {fitting:,} devices", is_usage=True)
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    told(f"raised the limit of file descriptors from {soft:,} to {needed:,}")
