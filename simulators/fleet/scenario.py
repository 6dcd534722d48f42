"""What a simulation does: which devices, how fast, in which phases, with which commands and faults, watched by whom.

Owns the records of a scenario and what each may be; scenario_file.py reads them from TOML, the command line changes them. A scenario is
plain data: the same one with the same seed makes the same readings.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from simulators.fleet.tables import option
from simulators.sensors.plan import Plan, plan_of

NETWORK_FAULTS: Final = ("cut", "storm", "refuse", "half-open", "delay", "throttle", "stall")  # by a proxy
LINK_FAULTS: Final = ("duplicate", "reorder")  # at the device's own end, where frames can be told apart
CLOCK_FAULTS: Final = ("clock-step", "clock-skew")  # of the device's own clock, which its readings are stamped by
FAULT_KINDS: Final = (*NETWORK_FAULTS, *LINK_FAULTS, *CLOCK_FAULTS, "kill")
DEFAULT_CHANNELS: Final = ({"name": "temperature", "kind": "temperature"}, {"name": "humidity", "kind": "humidity"})
MAX_DEVICES: Final = 100_000


@dataclass(frozen=True, slots=True)
class Group:
    """Devices of one make. Each sends `rate` frames a second, of one reading of each channel."""

    name: str = option("name", "sensor")
    count: int = option("count", 100, low=1, high=MAX_DEVICES)
    rate: float = option("rate", 1.0, low=0.001, high=100)
    model: str = option("model", "")  # of simulators.sensors.plan; in place of channels
    tables: tuple[Any, ...] = DEFAULT_CHANNELS  # the channels as simulators.sensors.plan reads them

    @property
    def plan(self) -> Plan:
        """The signals of its devices."""
        return plan_of(self.tables, f"the channels of {self.name!r}")


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of the run in which every device sends `rate` times its own rate; 0 is silence."""

    name: str = option("name", "steady")
    for_s: float = option("for", 60.0, low=0.1, high=30 * 86_400)
    rate: float = option("rate", 1.0, high=100)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is broken from `at_s` on for `for_s`, over again `every_s` where that is not 0, for a share of the fleet."""

    kind: str = option("kind", one_of=FAULT_KINDS)
    at_s: float = option("at", 0.0)
    for_s: float = option("for", 0.0, high=3_600)
    every_s: float = option("every", 0.0)
    share: float = option("share", 1.0, low=0.001, high=1)
    on: str = option("on", "devices", one_of=("devices", "viewers", "both"))
    delay_s: float = option("delay", 0.2, high=60)  # of `delay`, and
    jitter_s: float = option("jitter", 0.0, high=60)  # up to so much more
    frames: float = option("frames", 0.2, high=1)  # of `duplicate`: the share of frames that come twice
    bytes_per_s: float = option("bytes_per_s", 2_000, low=100)  # of `throttle`, in each direction of a connection
    by_s: float = option("by", -60.0, low=-30 * 86_400, high=30 * 86_400)  # of `clock-step`: ahead, or behind
    ppm: float = option("ppm", 200.0, low=-100_000, high=100_000)  # of `clock-skew`: so many millionths fast, or slow

    @property
    def amount(self) -> str:
        """By how much a clock goes wrong, in words; nothing for other faults."""
        if self.kind == "clock-step":
            return f" by {self.by_s / 3_600:+g} h" if abs(self.by_s) >= 3_600 else f" by {self.by_s:+g} s"
        return f" by {self.ppm:+g} ppm" if self.kind == "clock-skew" else ""


@dataclass(frozen=True, slots=True)
class Commands:
    """Commands to devices of the fleet, drawn at random: `rate` a second in all; each takes `takes_s` to carry out."""

    rate: float = option("rate", 0.0, high=1_000)
    ttl_s: float = option("ttl", 30.0, low=1, high=86_400)
    takes_s: float = option("takes", 0.0, high=60)


@dataclass(frozen=True, slots=True)
class Viewers:
    """Viewers with a live connection each; everyone watches all plain channels of some devices, reading by reading."""

    count: int = option("count", 0, high=20_000)
    devices: int = option("devices", 3, low=1, high=100)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A whole run. `drain_s` is how long the spools may take to empty once nothing is made any more and every fault is over."""

    name: str = option("name", "simulation")
    seed: int = option("seed", 1, high=2**53)
    ramp_s: float = option("ramp", 0.0, high=3_600)  # 0: as long as the number of devices asks for
    drain_s: float = option("drain", 120.0, low=1, high=86_400)
    spool: str = option("spool", "auto", one_of=("auto", "memory", "disk"))  # auto: on disk where devices are killed
    groups: tuple[Group, ...] = (Group(),)
    phases: tuple[Phase, ...] = (Phase(),)
    faults: tuple[Fault, ...] = ()
    commands: Commands = field(default_factory=Commands)
    viewers: Viewers = field(default_factory=Viewers)

    @property
    def devices(self) -> int:
        """How many devices there are in all."""
        return sum(group.count for group in self.groups)

    @property
    def run_s(self) -> float:
        """How long readings are made."""
        return sum(phase.for_s for phase in self.phases)

    @property
    def has_disk_spools(self) -> bool:
        """Tell whether the devices' spools are files."""
        return self.spool == "disk" or (self.spool == "auto" and any(fault.kind == "kill" for fault in self.faults))

    def breaks(self, who: str) -> bool:
        """Tell whether the connections of `devices` or `viewers` are broken in this run."""
        return any(fault.kind in NETWORK_FAULTS and fault.on in (who, "both") for fault in self.faults)

    @property
    def breaks_links(self) -> bool:
        """Tell whether frames of devices come twice or late in this run."""
        return any(fault.kind in LINK_FAULTS for fault in self.faults)

    def stretches(self, group: Group) -> list[tuple[float, float]]:
        """Return (seconds, frames a second of one device) of each phase."""
        return [(phase.for_s, phase.rate * group.rate) for phase in self.phases]
