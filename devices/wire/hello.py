"""hello as a map and back: the one message with structure in it.

Owns the fields of hello (protocol section 4) and their limits; codec.py calls it.
"""

from collections.abc import Mapping
from typing import Any

from devices.wire import fields
from devices.wire.channel_lists import remembered
from devices.wire.fields import BadMessage
from devices.wire.limits import (
    MAX_CHANNELS,
    MAX_FENCE,
    MAX_MESSAGE_BYTES,
    MAX_NAME_BYTES,
    MAX_REASON_BYTES,
    MAX_TEXT_BYTES,
    MAX_TIME_US,
    MAX_UNFINISHED,
    MIN_MESSAGE_BYTES_OF_DEVICE,
)
from devices.wire.messages import Channel, CommandSpec, CommandState, Hello, Kind, Outcome, Unfinished
from devices.wire.shadow import state_from_map, state_to_map

_ARG_TYPES = frozenset({"number", "integer", "bool", "text"})
_FROM_DEVICE = frozenset(CommandState) - {CommandState.QUEUED, CommandState.SENT}
_MAX_COMMANDS = 256
_MAX_RESULTS = 1_024
_MAX_FIRMWARE_BYTES = 128
_YEAR_S = 366 * 86_400


def hello_to_map(hello: Hello) -> dict[str, Any]:
    """Write a hello as the map that goes on the wire."""
    message: dict[str, Any] = {
        "op": "hello",
        "device": hello.device,
        "epoch": hello.epoch,
        "unfinished": [_unfinished_to_map(entry) for entry in hello.unfinished],
        "channels": [channel_to_map(channel) for channel in hello.channels],
    }
    if hello.commands:
        message["commands"] = [{"name": c.name, "description": c.description, "args": dict(c.args)} for c in hello.commands]
    if hello.results:
        message["results"] = [outcome_to_map(outcome) for outcome in hello.results]
    optional = {key: getattr(hello, key) for key in ("firmware", "clock_us", "uptime_us", "interval_s", "sleep_s", "fence")}
    message.update({key: value for key, value in optional.items() if value not in (None, "")})
    message["max_message_bytes"] = hello.max_message_bytes
    if hello.shadow is not None:
        message["shadow"] = state_to_map(hello.shadow)
    return message


def hello_from_map(message: Mapping[str, Any]) -> Hello:
    """Read a hello. Raises BadMessage naming the field."""
    return Hello(
        device=fields.device(message),
        epoch=fields.epoch(message, "epoch"),
        channels=channels_from_list(fields.array(message, "channels", MAX_CHANNELS)),
        unfinished=_unfinished(message),
        commands=tuple(_command(item) for item in fields.array(message, "commands", _MAX_COMMANDS)),
        results=tuple(outcome_from_map(fields.mapping(item, "results")) for item in fields.array(message, "results", _MAX_RESULTS)),
        firmware=fields.text(message, "firmware", _MAX_FIRMWARE_BYTES, ""),
        clock_us=fields.time_us(message, "clock_us"),
        uptime_us=fields.optional_integer(message, "uptime_us", 0, MAX_TIME_US),
        interval_s=fields.number(message, "interval_s", 0.0, _YEAR_S),
        sleep_s=fields.number(message, "sleep_s", 0.0, _YEAR_S),
        max_message_bytes=fields.optional_integer(message, "max_message_bytes", MIN_MESSAGE_BYTES_OF_DEVICE, 2**31) or MAX_MESSAGE_BYTES,
        shadow=None if message.get("shadow") is None else state_from_map(message["shadow"]),
        fence=fields.optional_integer(message, "fence", 0, MAX_FENCE),
    )


def channel_to_map(channel: Channel) -> dict[str, Any]:
    """Write a channel with the fields it has."""
    message: dict[str, Any] = {"name": channel.name, "unit": channel.unit, "kind": channel.kind.value}
    for key in ("min", "max", "resolution"):
        if getattr(channel, key) is not None:
            message[key] = getattr(channel, key)
    if channel.values is not None:
        message["values"] = list(channel.values)
    return message


@remembered
def list_of_channels(channels: tuple[Channel, ...]) -> list[dict[str, Any]]:
    """Write a channel list; equal ones get the same list, which nobody may change."""
    return [channel_to_map(channel) for channel in channels]


def channels_from_list(items: list[Any]) -> tuple[Channel, ...]:
    """Read a channel list; names in it are unique. Equal lists are one object: a fleet mostly has one."""
    channels = tuple(_channel(fields.mapping(item, "channels")) for item in items)
    seen: set[str] = set()
    for channel in channels:
        if channel.name in seen:
            raise BadMessage(f"channels holds the name {fields.shown(channel.name)} twice")
        seen.add(channel.name)
    return _one_of_equals(channels)


@remembered
def _one_of_equals(channels: tuple[Channel, ...]) -> tuple[Channel, ...]:
    return channels


def _channel(item: dict[str, Any]) -> Channel:
    try:
        kind = Kind(item.get("kind", "gauge"))
    except ValueError:
        raise BadMessage(f"kind must be one of {', '.join(Kind)}, not {fields.shown(item.get('kind'))}") from None
    values = None
    if item.get("values") is not None:
        values = tuple(fields.text({"values": v}, "values", MAX_TEXT_BYTES) for v in fields.array(item, "values", 256))
    return Channel(
        name=fields.name(item, "name"),
        unit=fields.name(item, "unit", may_be_empty=True),
        kind=kind,
        min=fields.number(item, "min", -1e308, 1e308),
        max=fields.number(item, "max", -1e308, 1e308),
        resolution=fields.number(item, "resolution", 0.0, 1e308),
        values=values,
    )


def _unfinished_to_map(entry: Unfinished) -> dict[str, Any]:
    message: dict[str, Any] = {"epoch": entry.epoch, "first": entry.first, "last": entry.last}
    if entry.channels is not None:
        message["channels"] = [channel_to_map(channel) for channel in entry.channels]
    return message


def _unfinished(message: Mapping[str, Any]) -> tuple[Unfinished, ...]:
    entries = []
    for item in fields.array(message, "unfinished", MAX_UNFINISHED):
        entry = fields.mapping(item, "unfinished")
        first, last = fields.seq(entry, "first"), fields.seq(entry, "last")
        if last < first - 1:
            raise BadMessage(f"unfinished has last {last} below first {first}")
        channels = channels_from_list(fields.array(entry, "channels", MAX_CHANNELS)) if entry.get("channels") is not None else None
        entries.append(Unfinished(fields.epoch(entry, "epoch"), first, last, channels))
    if len({entry.epoch for entry in entries}) != len(entries):
        raise BadMessage("unfinished lists an epoch twice")
    return tuple(entries)


def _command(item: object) -> CommandSpec:
    entry = fields.mapping(item, "commands")
    args = fields.mapping(entry.get("args") or {}, "args")
    for arg_name, spec in args.items():
        fields.name({"args": arg_name}, "args")
        kind = fields.mapping(spec, "args").get("type")
        if type(kind) is not str or kind not in _ARG_TYPES:
            raise BadMessage(f"args.{fields.shown(arg_name)}.type must be one of {', '.join(sorted(_ARG_TYPES))}")
        fields.plain(spec, "args", 4)
        for key in ("min", "max"):
            fields.number(spec, key, -1e308, 1e308)
    return CommandSpec(fields.name(entry, "name"), fields.text(entry, "description", MAX_TEXT_BYTES, ""), args)


def outcome_to_map(outcome: Outcome) -> dict[str, Any]:
    """Write what a device says of a command, with the fields it has."""
    message: dict[str, Any] = {"id": outcome.id, "state": outcome.state.value}
    optional = {"progress": outcome.progress, "value": outcome.value, "reason": outcome.reason}
    return message | {key: value for key, value in optional.items() if value is not None}


def outcome_from_map(message: Mapping[str, Any]) -> Outcome:
    """Read what a device says of a command."""
    state = message.get("state")
    if type(state) is not str or state not in _FROM_DEVICE:
        raise BadMessage(f"state must be one of {', '.join(sorted(_FROM_DEVICE))}, not {fields.shown(state)}")
    return Outcome(
        id=fields.text(message, "id", MAX_NAME_BYTES),
        state=CommandState(state),
        progress=fields.number(message, "progress", 0.0, 1.0),
        value=fields.plain(message.get("value"), "value", 2),
        reason=fields.text(message, "reason", MAX_REASON_BYTES) if message.get("reason") is not None else None,
    )
