"""`tributary bench rules`: what 500 rules cost the whole hub per acked frame, beside the same hub without a rule.

Owns the course of the measurement: one real hub, the same paced sender against it with and without the rules in turn. The rules are of
every kind but text; none of them is broken, but for some that raise alerts which stay open.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from hub.client import rules
from simulators.bench.course import BenchHub, Devices, Say, running_hub
from simulators.bench.errors import check
from simulators.bench.ingest import IngestPlan, Runs, measure_hub
from simulators.bench.report import BenchRow, Target, row_of

TARGET: Final = Target(2.0, 1.5)
_CHANNELS: Final = 10  # the senders' c0 to c9


@dataclass(frozen=True, slots=True)
class RulesPlan:
    """The load, and how many rules. 3 pairs of 12 s take about 2 minutes. Raises BenchError."""

    ingest: IngestPlan
    rules: int = 500

    def __post_init__(self) -> None:
        check("--rules", self.rules, 1, 500)


def rule_bodies(count: int, devices: Devices) -> Mapping[str, Mapping[str, Any]]:
    """Return so many rules: of ten, six thresholds of all devices, one rate of a device, one silence, one absence, one that is broken."""
    bodies: dict[str, Mapping[str, Any]] = {}
    for number in range(count):
        channel, device = [f"c{number // 10 % _CHANNELS}"], [devices[number % len(devices)][0]]
        kinds: list[Mapping[str, Any]] = [
            *[{"kind": kind, "channels": channel, "limit": limit} for kind, limit in (("above", 1e9), ("below", -1e9)) for _ in range(3)],
            {"kind": "rising", "channels": channel, "devices": device, "limit": 1e12},
            {"kind": "no_data", "for_s": 300},
            {"kind": "offline", "for_s": 3_600},
            {"kind": "above", "channels": channel, "devices": device, "limit": -1e9},
        ]
        bodies[f"bench-{number:03}"] = kinds[number % 10]
    return bodies


async def run(plan: RulesPlan, say: Say) -> list[BenchRow]:
    """Measure all pairs, alternating, and return the rows."""
    without, with_rules = Runs(), Runs()
    async with running_hub(plan.ingest.devices) as hub:
        devices = await hub.provision(plan.ingest.devices)
        for pair in range(plan.ingest.pairs):
            await measure_hub(plan.ingest, hub, devices, without)
            await make(hub, rule_bodies(plan.rules, devices))
            await measure_hub(plan.ingest, hub, devices, with_rules)
            await remove(hub)
            say(f"rules {pair + 1}/{plan.ingest.pairs}: {with_rules.hub_us[-1]:.1f} µs a frame, without {without.hub_us[-1]:.1f} µs")
    return [
        row_of(f"{plan.rules} rules: CPU per acked frame : without", "µs", with_rules.hub_us, without.hub_us, target=TARGET),
        row_of(f"{plan.rules} rules: send to ack p99", "ms", with_rules.ack_p99_ms),
    ]


async def make(hub: BenchHub, bodies: Mapping[str, Mapping[str, Any]]) -> None:
    """Make the rules."""
    for name, body in bodies.items():
        await rules.put_rule(hub.client, name, body)


async def remove(hub: BenchHub) -> None:
    """Delete all rules."""
    for each in await rules.rules(hub.client):
        await rules.delete_rule(hub.client, each["rule"])
