"""A small plant that is good to look at: boilers, a greenhouse, a van and a meter, with a past of six hours, rules and a dashboard.

Owns what the pictures show. Values are functions of time, so that pictures of two days differ in their times alone.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import trio

from devices.client import Device
from devices.wire.messages import Channel, Kind
from hub.client import HubClient
from hub.client.rules import asked

PAST_S: Final = 6 * 3_600
_STEP_S: Final = 10  # of the past
_HOLE_S: Final = (5_400, 4_500)  # before now: the greenhouse was away
_HOT: Final[dict[str, Any]] = {
    "rule": "boiler-too-hot",
    "kind": "above",
    "channels": ["temperature"],
    "where": "kind=boiler",
    "limit": 88.0,
    "severity": "critical",
}
_DRY: Final[dict[str, Any]] = {
    "rule": "soil-dry",
    "kind": "below",
    "channels": ["soil"],
    "limit": 30.0,
    "hysteresis": 2.0,
    "severity": "warning",
}
_MUCH: Final[dict[str, Any]] = {"rule": "much-power", "kind": "above", "channels": ["power"], "limit": 4_000.0, "severity": "info"}
RULES: Final[tuple[dict[str, Any], ...]] = (_HOT, _DRY, _MUCH)


@dataclass(frozen=True)
class Member:
    """One device of the plant: `at` gives its readings at a time in s, before (less than 0) or after the pictures are begun."""

    name: str
    title: str
    kind: str
    tags: tuple[str, ...]
    channels: tuple[Channel, ...]
    at: Callable[[float], Mapping[str, Any]]


def wave(time_s: float, period_s: float, phase: float = 0.0) -> float:
    """Return something between -1 and 1 that is no plain sine."""
    turn = 2 * math.pi * (time_s / period_s + phase)
    return 0.72 * math.sin(turn) + 0.2 * math.sin(2.7 * turn + 1) + 0.08 * math.sin(61.3 * turn)


def _boiler(phase: float, base: float) -> Callable[[float], dict[str, Any]]:
    def at(time_s: float) -> dict[str, Any]:
        heat = wave(time_s, 2_600, phase)
        return {
            "temperature": round(base + 9 * heat, 1),
            "pressure": round(1.8 + 0.3 * heat, 2),
            "flow": round(12 + 3 * wave(time_s, 900, phase), 1),
            "burner": heat < 0.4,
        }

    return at


def _greenhouse(time_s: float) -> dict[str, Any]:
    soil = 44 - 16 * ((time_s / 9_000 + 0.93) % 1)
    air = {"temperature": round(23 + 3 * wave(time_s, 7_000), 1), "humidity": round(61 - 9 * wave(time_s, 7_000, 0.1), 1)}
    return air | {
        "soil": round(soil + 0.4 * wave(time_s, 300), 1),
        "co2": round(640 + 130 * wave(time_s, 4_000, 0.4)),
        "vent": wave(time_s, 7_000) > 0.3,
    }


def _van(time_s: float) -> dict[str, Any]:
    turn = 2 * math.pi * time_s / 5_400
    place = (52.52 + 0.03 * math.sin(turn), 13.405 + 0.06 * math.sin(2 * turn + 0.6))
    return {
        "position": place,
        "speed": round(max(0.0, 38 + 24 * wave(time_s, 700)), 1),
        "charge": round(78 - 30 * ((time_s / 20_000 + 0.4) % 1), 1),
    }


def _meter(time_s: float) -> dict[str, Any]:
    return {"power": round(4_200 + 1_900 * wave(time_s, 5_000, 0.2) + 350 * wave(time_s, 130)), "energy": round((time_s + 1e6) * 1.17, 1)}


_BOILER: Final = (Channel("temperature", "Cel"), Channel("pressure", "bar"), Channel("flow", "L/min"), Channel("burner", kind=Kind.STATE))
MEMBERS: Final = (
    Member("boiler-1", "Boiler 1", "boiler", ("site=north",), _BOILER, _boiler(0.0, 71)),
    Member("boiler-2", "Boiler 2", "boiler", ("site=south",), _BOILER, _boiler(0.22, 85)),
    Member(
        "greenhouse",
        "Greenhouse",
        "climate",
        ("site=north", "floor=0"),
        (
            Channel("temperature", "Cel"),
            Channel("humidity", "%"),
            Channel("soil", "%", min=0, max=60),
            Channel("co2", "[ppm]"),
            Channel("vent", kind=Kind.STATE),
        ),
        _greenhouse,
    ),
    Member(
        "van-3",
        "Van 3",
        "vehicle",
        ("fleet",),
        (Channel("position", kind=Kind.POSITION), Channel("speed", "km/h"), Channel("charge", "%", min=0, max=100)),
        _van,
    ),
    Member("meter", "Main meter", "meter", ("site=north",), (Channel("power", "W"), Channel("energy", "W.h", kind=Kind.COUNTER)), _meter),
)


def _tile(
    id_: str, kind: str, place: tuple[int, int, int, int], title: str, devices: list[str], channels: list[str], **more: Any
) -> dict[str, Any]:
    x, y, w, h = place
    config = {"source": {"devices": devices}, "channels": channels, **more}
    return {"id": id_, "type": kind, "x": x, "y": y, "w": w, "h": h, "title": title, "config": config}


_HEATED: Final = ["boiler-1", "boiler-2", "greenhouse"]
BOARD: Final[dict[str, Any]] = {
    "title": "Plant north",
    "variables": [],
    "range": "1h",
    "tiles": [
        _tile("t1", "chart", (0, 0, 6, 4), "Boilers", ["boiler-1", "boiler-2"], ["temperature"]),
        _tile("t2", "number", (6, 0, 3, 4), "Power", ["meter"], ["power"], good="down"),
        _tile("t3", "gauge", (9, 0, 3, 4), "Soil", ["greenhouse"], ["soil"], warn_below=35, bad_below=30),
        _tile("t4", "map", (0, 4, 4, 5), "Van 3", ["van-3"], ["position"]),
        _tile("t5", "state", (4, 4, 3, 5), "Burners and vent", _HEATED, ["burner", "vent"]),
        _tile("t6", "table", (7, 4, 5, 3), "Newest values", _HEATED, ["temperature", "pressure", "humidity"]),
        _tile("t7", "command", (7, 7, 5, 2), "", ["boiler-1"], [], command="set_target", args={"temperature": 72}, label="To 72 °C"),
    ],
}  # fmt: skip


async def build(client: HubClient) -> dict[str, str]:
    """Make devices, rules and the dashboard at a hub; return the devices' tokens by name."""
    tokens = {member.name: await client.add_device(member.name) for member in MEMBERS}
    for member in MEMBERS:
        facts = {"title": member.title, "kind": member.kind, "tags": list(member.tags)}
        await asked(client, "PATCH", f"/api/v1/devices/{member.name}", facts)
    for rule in RULES:
        await asked(client, "POST", "/api/v1/rules", rule)
    await asked(client, "PUT", "/api/v1/dashboards/plant-north", {"version": 0, "dashboard": BOARD})
    return tokens


async def live(
    member: Member, url: str, token: str, now_s: float, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Be one device: its past first, then a reading a second until cancelled. Started once the past is acked."""
    device = Device(url, member.name, token, channels=member.channels, firmware="3.2.1")

    @device.command(
        "set_target", description="Heat to this temperature", args={"temperature": {"type": "number", "min": 40, "max": 90, "unit": "Cel"}}
    )
    async def _set_target(temperature: float) -> float:
        return temperature

    async with device:
        past = (-back for back in range(PAST_S, 0, -_STEP_S) if member.name != "greenhouse" or not _HOLE_S[1] < back < _HOLE_S[0])
        await device.send_many((int((now_s + at) * 1e6), member.at(at)) for at in past)
        await device.drained(30)
        task_status.started()
        started_s = trio.current_time()
        while True:
            await device.send(member.at(trio.current_time() - started_s))
            await trio.sleep(1)
