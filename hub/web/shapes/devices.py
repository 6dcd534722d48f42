"""The shapes of answers about devices (docs/protocol.md section 11 has the same items on the live socket).

Owns descriptions and examples. Used by devices.py and fleet.py.
"""

from typing import Any, Final, Literal

from pydantic import Field

from hub.web.openapi.convention import Shape, example

CHANNEL: Final = {"name": "temperature", "unit": "Cel", "kind": "gauge", "min": -40, "max": 80}
COMMAND: Final = {"name": "open_window", "description": "Open the window", "args": {"percent": {"type": "number", "min": 0, "max": 100}}}
DEVICE: Final = {
    "device": "greenhouse",
    "presence": "online",
    "channels": [CHANNEL],
    "commands": [COMMAND],
    "last_seen_us": 1_795_248_000_000_000,
    "connected_us": 1_795_248_000_000_000,
    "firmware": "1.4.2",
    "interval_s": 10.0,
    "clock_offset_us": 1_200,
    "title": "North house",
    "kind": "greenhouse",
    "tags": ["floor=2", "outdoor"],
    "notes": "The door sticks.",
    "revision": 3,
}


class Channel(Shape, json_schema_extra=example(CHANNEL)):
    """What a device measures."""

    name: str
    unit: str = ""
    """UCUM code; empty for a bare number"""
    kind: str
    min: float | None = None
    max: float | None = None
    resolution: float | None = None
    values: list[str] | None = None
    """The texts that a state may take"""


class CommandSpec(Shape, json_schema_extra=example(COMMAND)):
    """A command that a device takes."""

    name: str
    description: str = ""
    args: dict[str, Any]
    """By name: type, and min, max, unit, default where the device says so"""


class ChannelChange(Shape):
    """A channel whose unit or kind became another one."""

    channel: str
    version: int
    at_us: int
    was: dict[str, str] = Field(alias="from")
    to: dict[str, str]


class Device(Shape, json_schema_extra=example(DEVICE)):
    """A device: what it says of itself, and what people say of it. What was never said is left out."""

    device: str
    presence: str
    """online, offline, or unconfirmed: known from before a restart of the hub, and not back yet"""
    node: str | None = None
    """Which other node has it, or had it last"""
    node_gone_us: int | None = None
    """Since when nothing was heard of that node"""
    channels: list[Channel]
    commands: list[CommandSpec]
    last_seen_us: int | None = None
    """µs since 1970"""
    connected_us: int | None = None
    firmware: str | None = None
    interval_s: float | None = None
    """How often it reports"""
    clock_offset_us: int | None = None
    max_message_bytes: int | None = None
    channel_versions: dict[str, int] | None = None
    """By channel, from 2 on"""
    channel_changes: list[ChannelChange] | None = None
    """The newest 20"""
    title: str | None = None
    kind: str | None = None
    tags: list[str] | None = None
    notes: str | None = None
    revision: int | None = None
    """How often people have edited it"""
    disabled: Literal[True] | None = None
    """It is kept out"""
    own: Literal[True] | None = None
    """The built-in device of the hub's own figures"""
    has_token: Literal[False] | None = None
    """Its tokens were withdrawn"""
    old_token_until_us: int | None = None
    """Until when a token that was replaced is still good"""


class Devices(Shape, json_schema_extra=example({"devices": [DEVICE], "next": "greenhouse"}, {"devices": [DEVICE], "next": None})):
    """Devices by name."""

    devices: list[Device]
    next: str | None
    """The `after` of the next page; null at the end"""


class DeviceToken(Shape, json_schema_extra=example({"device": "greenhouse", "token": "kq3Jd0x7yY1v"})):
    """A device's new token, which is shown this once."""

    device: str
    token: str
    old_token_until_us: int | None = None
    """Until when the token before is still good"""


class DeviceTokens(Shape, json_schema_extra=example({"devices": [{"device": "greenhouse", "token": "kq3Jd0x7yY1v"}]})):
    """The tokens of devices that were added together."""

    devices: list[DeviceToken]


_GAP: Final = {
    **{"position": 4_711, "epoch": 90_071_992, "first": 17, "last": 20, "readings": 400, "from_us": 1_795_248_000_000_000},
    **{"to_us": 1_795_248_004_000_000, "reason": "spool_full", "of": None, "of_last": None},
}
_REJECT: Final = {
    **{"position": 4_712, "epoch": 90_071_992, "first": 21, "code": "readings"},
    "readings": [{"index": 3, "code": "future", "channel": "temperature", "time_us": 1_795_420_800_000_000}],
}


class Gap(Shape, json_schema_extra=example(_GAP)):
    """What a device declared lost."""

    position: int
    epoch: int
    first: int
    last: int
    readings: int
    from_us: int | None
    to_us: int | None
    reason: str
    of: int | None
    """The epoch it gave up by this, where that is another one"""
    of_last: int | None


class RejectedReading(Shape):
    """A reading that the hub refused."""

    index: int
    code: str
    channel: Any
    """Its name, or what the frame said where that is no channel"""
    time_us: int | None


class Reject(Shape, json_schema_extra=example(_REJECT)):
    """What the hub refused of a device: a whole frame, with a reason, or single readings; of a whole pack its channel and times."""

    position: int
    epoch: int
    first: int
    code: str
    reason: str | None = None
    channel: str | int | None = None
    from_us: int | None = None
    to_us: int | None = None
    readings: list[RejectedReading] | None = None


class Losses(
    Shape, json_schema_extra=example({"gaps": [_GAP], "rejects": [_REJECT], "next": 4_712}, {"gaps": [], "rejects": [], "next": None})
):
    """Gaps and rejects, in the order of the journal."""

    gaps: list[Gap]
    rejects: list[Reject]
    next: int | None
    """The `after` of the next page, a journal position; null at the end"""
