"""What a device declared in its hello, as the registry keeps it, and how its channels changed since the hello before.

Owns the description and its bounds: a channel whose unit or kind changes is a new version of it, and the newest changes are kept to be
shown. The registry calls it at each hello.
"""

from collections.abc import Mapping
from typing import Any, Final

from devices.wire.hello import list_of_channels
from devices.wire.messages import Hello
from hub.core.registry_series import FORMER, SeriesBound

MAX_CHANGES: Final = 20  # they are in each item of the device: the newest
MAX_GONE: Final = 64  # channels that are declared no more, and remembered in case they come back with another unit
SHOWN: Final = ("channels", "commands", "firmware", "interval_s", "sleep_s", "channel_versions", "channel_changes")


def described(hello: Hello, before: Mapping[str, Any], now_us: int, bound: SeriesBound) -> dict[str, Any]:
    """Return the description after a hello, `before` being the one so far (empty: none)."""
    channels = list_of_channels(hello.channels)
    description: dict[str, Any] = {
        "channels": channels,
        "commands": [{"name": c.name, "description": c.description, "args": dict(c.args)} for c in hello.commands],
        "firmware": hello.firmware,
        "interval_s": hello.interval_s,
        "sleep_s": hello.sleep_s,
        "max_message_bytes": hello.max_message_bytes,
        "shadow": hello.shadow is not None,
    }
    known = {**before.get("gone_channels", {}), **{each["name"]: _form(each) for each in before.get("channels", ())}}
    versions, changes = dict(before.get("channel_versions", {})), list(before.get("channel_changes", ()))
    for channel in channels:
        name, now = channel["name"], _form(channel)
        was = known.pop(name, now)
        if was != now:
            versions[name] = versions.get(name, 1) + 1
            changes.append({"channel": name, "version": versions[name], "at_us": now_us, "from": was, "to": now})
    gone = dict(list(known.items())[-MAX_GONE:])
    declared = {channel["name"] for channel in channels}
    kept = {
        "channel_versions": {name: version for name, version in versions.items() if name in declared or name in gone},
        "channel_changes": changes[-MAX_CHANGES:],
        "gone_channels": gone,
        FORMER: bound.after_hello(hello, before, now_us),
    }
    return description | {key: value for key, value in kept.items() if value}


def _form(channel: Mapping[str, Any]) -> dict[str, str]:
    """Return what a series is told apart by: readings of another unit or kind do not belong on the same line."""
    return {"unit": channel["unit"], "kind": channel["kind"]}
