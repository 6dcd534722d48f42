"""Devices described in words, as a scenario file has them: which channels, which kind of signal with which parameters, which faults.

Owns the names of kinds, faults and models and the checks of what is written; errors are one line that says where, what and what to do. A
plan makes the Sensor of any device from seed and name, without memory.
"""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields
from difflib import get_close_matches
from typing import Any, Final

from devices.wire.limits import MAX_CHANNELS, MAX_NAME_BYTES
from simulators.sensors.climate import Humidity, Temperature
from simulators.sensors.machine import Vibration
from simulators.sensors.power import Battery, Energy, Power, Voltage
from simulators.sensors.sensor import Sensor
from simulators.sensors.signal import Signal
from simulators.sensors.states import Door, Lock, Status
from simulators.sensors.track import Speed, Track
from simulators.sensors.wrong import Drift, Dropout, NotANumber, SensorFault, Spike, Stuck

KINDS: Final[Mapping[str, type[Signal]]] = {
    "temperature": Temperature, "humidity": Humidity, "battery": Battery, "voltage": Voltage, "energy": Energy, "power": Power,
    "vibration": Vibration, "track": Track, "speed": Speed, "door": Door, "lock": Lock, "status": Status,
}  # fmt: skip
SENSOR_FAULTS: Final[Mapping[str, type[SensorFault]]] = {
    "stuck": Stuck, "drift": Drift, "spike": Spike, "dropout": Dropout, "nan": NotANumber,
}  # fmt: skip
_GIVEN: Final = {"seed", "device", "channel", "source", "inner"}  # fields that are no parameters


class BadPlan(ValueError):
    """What is written does not describe a device; the text is one line for whoever wrote it."""


@dataclass(frozen=True)
class Layer:
    """A kind of signal or fault by name, with its parameters."""

    kind: str
    parameters: Mapping[str, float]


@dataclass(frozen=True)
class ChannelPlan:
    """One channel: its signal, the channel it is derived from, and the faults over it, the first one nearest to the signal."""

    name: str
    signal: Layer
    of: str | None
    faults: tuple[Layer, ...] = ()


@dataclass(frozen=True)
class Plan:
    """The channels of a kind of device."""

    channels: tuple[ChannelPlan, ...]

    def sensor(self, seed: int, device: str) -> Sensor:
        """Return the sensor of one device; the same seed and name make the same one in every process."""
        bare: dict[str, Signal] = {}
        whole: dict[str, Signal] = {}
        for plan in self.channels:
            kind, given = KINDS[plan.signal.kind], dict(plan.signal.parameters)
            source = {"source": bare[plan.of]} if plan.of is not None else {}  # air is as humid as it is, whatever a thermometer says
            bare[plan.name] = whole[plan.name] = kind(seed, device, plan.name, **source, **given)
            for n, layer in enumerate(plan.faults):
                fault = SENSOR_FAULTS[layer.kind]
                over = whole[plan.name]
                whole[plan.name] = fault(seed, device, f"{plan.name}\0{n}", over, **layer.parameters)
        return Sensor(device, whole)


def plan_of(tables: object, where: str = "channels") -> Plan:
    """Return the plan that a list of tables describes: {name, kind, of?, faults?, and the kind's parameters}; `where` begins errors.

    `of` names an earlier channel and is needed only where that is not the only one of the kind that this one is derived from. A fault is a
    table {kind, and its parameters} too. Raises BadPlan.
    """
    if not isinstance(tables, Sequence) or isinstance(tables, str) or not 1 <= len(tables) <= MAX_CHANNELS:
        raise BadPlan(f"{where}: give a list of 1 to {MAX_CHANNELS} channels, each a table with name and kind")
    plans: dict[str, ChannelPlan] = {}
    for n, table in enumerate(tables):
        plan = _channel(table, f"{where}[{n}]", plans)
        plans[plan.name] = plan
    return Plan(tuple(plans.values()))


def model(name: str, where: str = "model") -> Plan:
    """Return the plan of a device that comes with us. Raises BadPlan."""
    if name not in MODELS:
        raise BadPlan(f"{where}: {name!r} is no model; take one of {_listed(MODELS, name)}")
    return plan_of(MODELS[name], name)


def parameters_of(kind: type[Signal]) -> dict[str, "Field[Any]"]:
    """Return the parameters of a kind of signal or fault by name; `default` and metadata's `low` and `high` say what they may be."""
    return {each.name: each for each in fields(kind) if each.name not in _GIVEN and each.default is not MISSING}


def _channel(table: object, where: str, before: Mapping[str, ChannelPlan]) -> ChannelPlan:
    if not isinstance(table, Mapping):
        raise BadPlan(f"{where}: give a table with name and kind, not {table!r}")
    name = table.get("name")
    if not isinstance(name, str) or not 1 <= len(name.encode()) <= MAX_NAME_BYTES or not name.isprintable():
        raise BadPlan(f"{where}.name must be a text of 1 to {MAX_NAME_BYTES} bytes, not {name!r}")
    if name in before:
        raise BadPlan(f"{where}: there is a channel {name!r} already; names must differ")
    where = f"{where} {name!r}"
    signal = _layer(table, where, KINDS, "kind", {"name", "of", "faults"})
    of = _source(KINDS[signal.kind], table.get("of"), where, before)
    listed = table.get("faults", ())
    if not isinstance(listed, Sequence) or isinstance(listed, str):
        raise BadPlan(f"{where}.faults must be a list of tables, each with a kind, not {listed!r}")
    faults = tuple(_layer(each, f"{where}.faults[{n}]", SENSOR_FAULTS, "fault", set()) for n, each in enumerate(listed))
    for fault in faults:
        if KINDS[signal.kind].KIND not in SENSOR_FAULTS[fault.kind].TAKES:
            raise BadPlan(f"{where}: {fault.kind} is no fault of a {KINDS[signal.kind].KIND}; stuck and dropout are")
    return ChannelPlan(name, signal, of, faults)


def _source(kind: type[Signal], of: object, where: str, before: Mapping[str, ChannelPlan]) -> str | None:
    """Return the channel that one of this kind is derived from, None where it stands alone."""
    if not kind.SOURCE:
        if of is not None:
            raise BadPlan(f"{where}: this kind is derived from no other channel; leave `of` out")
        return None
    fitting = [plan.name for plan in before.values() if plan.signal.kind == kind.SOURCE]
    if of is None and len(fitting) == 1:
        return fitting[0]
    if isinstance(of, str) and of in fitting:
        return of
    wanted = f"it has {', '.join(fitting)}: say which in `of`" if fitting else f"put a channel of kind {kind.SOURCE} before it"
    raise BadPlan(f"{where} is derived from a channel of kind {kind.SOURCE}; {wanted}")


def _layer(table: object, where: str, kinds: Mapping[str, type[Signal]], word: str, others: set[str]) -> Layer:
    if not isinstance(table, Mapping):
        raise BadPlan(f"{where}: give a table with a kind, not {table!r}")
    kind = table.get("kind")
    if not isinstance(kind, str) or kind not in kinds:
        raise BadPlan(f"{where}: {kind!r} is no {word}; take one of {_listed(kinds, str(kind))}")
    declared = parameters_of(kinds[kind])
    given = {key: value for key, value in table.items() if key not in {"kind", *others}}
    for key, value in given.items():
        if key not in declared:
            raise BadPlan(f"{where}: {key!r} is no parameter of {kind}; it takes {_listed(declared, str(key)) or 'none'}")
        _check(value, declared[key], f"{where}.{key}")
    return Layer(kind, given)


def _check(value: object, declared: "Field[Any]", where: str) -> None:
    low, high = declared.metadata["low"], declared.metadata["high"]
    is_whole = declared.type is int or declared.type == "int"
    wanted = (int,) if is_whole else (int, float)
    if type(value) not in wanted or not low <= value <= high:
        raise BadPlan(f"{where} must be {'a whole number' if is_whole else 'a number'} within {low:g}...{high:g}, not {value!r}")


def _listed(names: Mapping[str, object], wrong: str) -> str:
    near = get_close_matches(wrong, names, 1)
    return ", ".join(names) + (f"; did you mean {near[0]}?" if near else "")


MODELS: Final[Mapping[str, Sequence[Mapping[str, Any]]]] = {
    "greenhouse": [
        {"name": "temperature", "kind": "temperature", "mean": 19.0},
        {"name": "humidity", "kind": "humidity"},
        {"name": "soil", "kind": "temperature", "mean": 15.0, "swing": 1.5, "clouds": 0.1, "noise": 0.02, "peak_h": 18.0},
        {"name": "window", "kind": "door", "visits": 40},
        {"name": "status", "kind": "status"},
    ],
    "motor": [
        {"name": "vibration", "kind": "vibration"},
        {"name": "winding", "kind": "temperature", "mean": 68.0, "swing": 4.0, "fronts": 3.0, "clouds": 6.0},
        {"name": "energy", "kind": "energy", "mean_w": 5_500.0, "peak_h": 11.0},
        {"name": "power", "kind": "power", "noise": 15.0},
    ],
    "van": [
        {"name": "position", "kind": "track"},
        {"name": "speed", "kind": "speed"},
        {"name": "charge", "kind": "battery"},
        {"name": "voltage", "kind": "voltage"},
        {"name": "hold", "kind": "temperature", "mean": 4.0, "swing": 0.6, "fronts": 0.3, "clouds": 0.7},
        {"name": "door", "kind": "door", "visits": 200},
    ],
    "house": [
        {"name": "energy", "kind": "energy"},
        {"name": "power", "kind": "power"},
        {"name": "door", "kind": "door"},
        {"name": "lock", "kind": "lock"},
        {"name": "temperature", "kind": "temperature", "mean": 21.0, "swing": 1.2, "fronts": 0.8, "clouds": 0.3},
        {"name": "humidity", "kind": "humidity", "mean": 45.0},
    ],
}
