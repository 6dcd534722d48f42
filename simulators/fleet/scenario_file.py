"""Scenarios from TOML files, and what the command line changes of one.

Owns the shape of the file and the checks that concern several fields; tables.py checks single fields. Every refusal is one line that says
where, what and what is allowed. docs/simulators.md describes the file.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeVar

from simulators.fleet.errors import FleetError
from simulators.fleet.scenario import CLOCK_FAULTS, LINK_FAULTS, MAX_DEVICES, Commands, Fault, Group, Phase, Scenario, Viewers
from simulators.fleet.tables import check_keys, check_option, read_table
from simulators.sensors.plan import MODELS, BadPlan, model, plan_of

R = TypeVar("R")
_PARTS: Final = ("devices", "phases", "faults", "commands", "viewers")
_TOP: Final = ("name", "seed", "ramp", "drain", "spool")
MIN_EVERY_S: Final = 0.1  # oftener than that the fleet would do nothing else
USUAL_FAULTS: Final = (  # of --faults, times as parts of the run
    (0.05, Fault("reorder", for_s=20.0, share=0.3)),
    (0.10, Fault("cut", share=0.1)),
    (0.25, Fault("half-open", for_s=5.0, share=0.1)),
    (0.35, Fault("kill", for_s=2.0)),
    (0.50, Fault("storm", for_s=2.0)),
    (0.65, Fault("duplicate", for_s=5.0, share=0.3)),
    (0.70, Fault("delay", for_s=3.0, share=0.3, delay_s=0.3, jitter_s=0.3)),
    (0.75, Fault("cut", share=0.3, on="both")),
)


def read_scenario(path: Path) -> Scenario:
    """Read a scenario file. Raises FleetError; OSError where it cannot be read."""
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise FleetError(f"{path} is no text in UTF-8", "a scenario is a TOML file, see docs/simulators.md", is_usage=True) from None
    except tomllib.TOMLDecodeError as error:
        raise FleetError(f"{path} is no TOML: {error}", "correct it, see docs/simulators.md", is_usage=True) from None
    return scenario_of(said, path.name)


def scenario_of(said: Mapping[str, Any], place: str) -> Scenario:
    """Make a scenario of what a file says. Raises FleetError."""
    check_keys(said, (*_TOP, *_PARTS), place)
    top = read_table(Scenario, {key: value for key, value in said.items() if key in _TOP}, place)
    groups = tuple(_group(table, at) for table, at in _listed(said, "devices", place))
    phases = tuple(read_table(Phase, table, at) for table, at in _listed(said, "phases", place))
    faults = tuple(read_table(Fault, table, at) for table, at in _listed(said, "faults", place))
    commands = read_table(Commands, said.get("commands", {}), f"{place}: [commands]")
    viewers = read_table(Viewers, said.get("viewers", {}), f"{place}: [viewers]")
    scenario = replace(top, groups=groups or top.groups, phases=phases or top.phases, faults=faults, commands=commands, viewers=viewers)
    return checked(scenario, place)


def changed(
    scenario: Scenario,
    *,
    devices: int | None = None,
    for_s: float | None = None,
    rate: float | None = None,
    viewers: int | None = None,
    seed: int | None = None,
    commands: float | None = None,
    has_usual_faults: bool = False,
) -> Scenario:
    """Return a scenario with what the command line says: the mix keeps its parts, the phases are stretched. Raises FleetError."""
    _check_options(for_s=for_s, rate=rate, viewers=viewers, seed=seed, commands=commands)
    if devices is not None:
        scenario = replace(scenario, groups=_shared_out(scenario.groups, devices))
    if for_s is not None:
        factor = for_s / scenario.run_s
        phases = tuple(replace(phase, for_s=phase.for_s * factor) for phase in scenario.phases)
        moved = tuple(replace(fault, at_s=fault.at_s * factor, every_s=fault.every_s * factor) for fault in scenario.faults)
        scenario = replace(scenario, phases=phases, faults=moved)
    if rate is not None:
        scenario = replace(scenario, groups=tuple(replace(group, rate=rate) for group in scenario.groups))
    if viewers is not None:
        scenario = replace(scenario, viewers=replace(scenario.viewers, count=viewers))
    if seed is not None:
        scenario = replace(scenario, seed=seed)
    if commands is not None:
        scenario = replace(scenario, commands=replace(scenario.commands, rate=commands))
    if has_usual_faults:
        usual = tuple(replace(fault, at_s=part * scenario.run_s) for part, fault in USUAL_FAULTS)
        scenario = replace(scenario, faults=scenario.faults + usual)
    return checked(scenario, "the command line")


def _check_options(**said: float | None) -> None:
    declared: Mapping[str, tuple[type, str, str]] = {
        "for_s": (Phase, "for_s", "--for"),
        "rate": (Group, "rate", "--rate"),
        "viewers": (Viewers, "count", "--viewers"),
        "seed": (Scenario, "seed", "--seed"),
        "commands": (Commands, "rate", "--commands"),
    }
    for name, value in said.items():
        if value is not None:
            kind, field, option = declared[name]
            check_option(kind, field, value, option)


def checked(scenario: Scenario, place: str) -> Scenario:
    """Return a scenario that makes sense as a whole. Raises FleetError."""
    names = [group.name for group in scenario.groups]
    if len(set(names)) < len(names):
        raise FleetError(f"{place}: two groups of [[devices]] have the same name", "give each a name of its own", is_usage=True)
    if scenario.devices > MAX_DEVICES:
        raise FleetError(f"{place}: {scenario.devices:,} devices are over the limit of {MAX_DEVICES:,}", "ask for fewer", is_usage=True)
    for fault in scenario.faults:
        if fault.at_s >= scenario.run_s:
            said = f"{place}: a {fault.kind} begins at {fault.at_s:g} s, and the run is over after {scenario.run_s:g} s"
            raise FleetError(said, "let it begin earlier", is_usage=True)
        if fault.kind in (*LINK_FAULTS, *CLOCK_FAULTS) and fault.on != "devices":
            said = f"{place}: a {fault.kind} is at the devices' end, and cannot be on {fault.on}"
            raise FleetError(said, "leave `on` out", is_usage=True)
        if (fault.kind, fault.by_s) == ("clock-step", 0.0) or (fault.kind, fault.ppm) == ("clock-skew", 0.0):
            said = f"{place}: a {fault.kind} of nothing changes nothing"
            raise FleetError(said, "say `by`" if fault.kind == "clock-step" else "say `ppm`", is_usage=True)
        if 0 < fault.every_s < MIN_EVERY_S:
            said = f"{place}: a {fault.kind} cannot come every {fault.every_s:g} s"
            raise FleetError(said, f"let `every` be at least {MIN_EVERY_S:g} s", is_usage=True)
        if fault.every_s and fault.every_s <= fault.for_s:
            said = f"{place}: a {fault.kind} of {fault.for_s:g} s cannot come every {fault.every_s:g} s"
            raise FleetError(said, "let `every` be longer than `for`", is_usage=True)
    return scenario


def _group(table: object, place: str) -> Group:
    if not isinstance(table, Mapping):
        raise FleetError(f"{place} is no table", "write [[devices]]", is_usage=True)
    channels = table.get("channels")
    group = read_table(Group, table, place, ("channels",))
    if group.model and channels is not None:
        raise FleetError(f"{place} has a model and channels", "say one of them", is_usage=True)
    try:
        if channels is not None:
            plan_of(channels, f"{place}.channels")
            return replace(group, tables=tuple(channels))
        if group.model:
            model(group.model, f"{place}.model")
            return replace(group, tables=tuple(MODELS[group.model]))
    except BadPlan as error:
        said, _, hint = str(error).partition("; ")
        raise FleetError(said, hint or "see docs/simulators.md", is_usage=True) from None
    return group


def _listed(said: Mapping[str, Any], key: str, place: str) -> Sequence[tuple[object, str]]:
    tables = said.get(key, [])
    if not isinstance(tables, list):
        raise FleetError(f"{place}: {key} is no list of tables", f"write [[{key}]]", is_usage=True)
    return [(table, f"{place}: [[{key}]] {at}") for at, table in enumerate(tables, 1)]


def _shared_out(groups: tuple[Group, ...], devices: int) -> tuple[Group, ...]:
    """Return the groups with so many devices in all, each with its part, at least one."""
    if devices < len(groups):
        said = f"--devices {devices:,} is less than one for each of {len(groups)} groups"
        raise FleetError(said, f"give at least {len(groups)}", is_usage=True)
    total, counts, left = sum(group.count for group in groups), list[int](), devices
    for at, group in enumerate(groups):
        after = len(groups) - at - 1
        counts.append(left if not after else min(max(1, devices * group.count // total), left - after))
        left -= counts[-1]
    return tuple(replace(group, count=count) for group, count in zip(groups, counts, strict=True))
