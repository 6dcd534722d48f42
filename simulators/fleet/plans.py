"""What a worker process is told at its start: its part of the fleet, where the hub is, what is written where.

Owns the records and their way through JSON; course.py makes them, device_worker.py and viewer_worker.py read them. Tokens go through a
pipe only, never onto a command line.
"""

import json
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from hub.client import HubClient
from hub.client.local import pinned
from simulators.fleet.schedule import Schedule
from simulators.sensors.plan import Plan, plan_of
from simulators.sensors.sensor import Sensor


@dataclass(frozen=True, slots=True)
class Place:
    """A hub, as its administrator reaches it. `certificate` is the file to trust, where that is the local hub's own."""

    url: str
    token: str
    certificate: str = ""

    def tls(self) -> ssl.SSLContext | None:
        """Return what is trusted; None: the system's certificates."""
        return pinned(Path(self.certificate)) if self.certificate else None

    def client(self, url: str = "") -> HubClient:
        """Return a client, of another address of the same hub where one is given."""
        return HubClient(url or self.url, self.token, tls=self.tls())


@dataclass(frozen=True, slots=True)
class Make:
    """What the devices of a group have in common."""

    tables: Sequence[Mapping[str, Any]]
    stretches: Sequence[tuple[float, float]]
    rate: float

    def plan(self) -> Plan:
        """Return their signals."""
        return plan_of(self.tables)


@dataclass(frozen=True, slots=True)
class Unit:
    """One device: its name, its make, where in a period its frames lie, and what its clock does (clocks.py)."""

    name: str
    make: int
    offset: float
    token: str = ""  # only in the plan of the worker that it lives in
    clock: Sequence[Sequence[int]] = ()


@dataclass(frozen=True, slots=True)
class WorkerPlan:
    """One worker process. `life` counts its starts; `begin_us` is when the first reading is due, 0 until it is said."""

    number: int
    life: int
    place: Place
    seed: int
    makes: Sequence[Make]
    units: Sequence[Unit]
    folder: str  # for its files: lives, runs of commands, numbers of frames, spools
    has_disk_spools: bool
    has_proxies: bool
    has_faulty_links: bool
    ramp_s: float
    clock_offset_ns: int
    begin_us: int = 0
    command_s: float = 0.0
    watched: Sequence[Sequence[int]] = field(default=())  # of a viewer worker: for each viewer places in `units`
    first_viewer: int = 0
    span_s: float = 0.0

    def line(self) -> bytes:
        """Return it as one line."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def of(cls, line: str) -> Self:
        """Read it from that line."""
        said = json.loads(line)
        makes = [Make(each["tables"], [(seconds, rate) for seconds, rate in each["stretches"]], each["rate"]) for each in said.pop("makes")]
        units = [Unit(**each) for each in said.pop("units")]
        return cls(place=Place(**said.pop("place")), makes=makes, units=units, **said)


class Truth:
    """What devices of a seed send when: sensors and schedules, made when they are first asked for."""

    def __init__(self, seed: int, makes: Sequence[Make], units: Sequence[Unit], begin_us: int) -> None:
        self._seed = seed
        self._units = units
        self._makes = makes
        self._plans = [make.plan() for make in makes]
        self._begin_us = begin_us

    def sensor(self, at: int) -> Sensor:
        """Return the sensor of a device by its place."""
        unit = self._units[at]
        return self._plans[unit.make].sensor(self._seed, unit.name)

    def schedule(self, at: int) -> Schedule:
        """Return the schedule of a device by its place."""
        unit = self._units[at]
        return Schedule(self._begin_us, self._makes[unit.make].stretches, unit.offset, unit.clock)
