"""What every viewer sees whole: devices, shadows, dashboards, the newest commands and alerts, the hub itself; each with a version.

Owns the current items and their versions. Must not know viewers, sockets or clocks. The registry, the desks and main put;
viewer sessions read everything once and then watch.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

MAX_ALERTS: Final = 200  # shown: the newest of those that are over, beside all that are not
MAX_COMMANDS: Final = 200  # what a page lists; older ones are read over HTTP
MAX_GROUP_COMMANDS: Final = 50  # the same

Item = Mapping[str, Any]
Watcher = Callable[[str, Item], None]


class Entities:
    """The newest version of every entity.

    Versions are drawn from one rising count. Give the wall clock in µs as `first_version`, so that they also rise across a restart
    and a page that was open before does not take the new items for old ones; and as `clock`, so that they do from node to node as well.
    """

    def __init__(self, first_version: int = 1, clock: Callable[[], int] = lambda: 0) -> None:
        self._next_version = first_version
        self._clock = clock
        self._devices: dict[str, Item] = {}
        self._commands: dict[str, Item] = {}
        self._group_commands: dict[str, Item] = {}
        self._alerts: dict[str, Item] = {}
        self._shadows: dict[str, Item] = {}
        self._dashboards: dict[str, Item] = {}
        self._system: Item = {}
        self._watchers: dict[object, Watcher] = {}

    def put_device(self, item: Item) -> None:
        """Replace a device by its key `device` and tell the watchers; an item equal to the kept one changes nothing."""
        name = item["device"]
        if self._is_same(self._devices.get(name), item):
            return
        self._devices[name] = self._versioned(item)
        self._tell("device", self._devices[name])

    def remove_device(self, name: str) -> None:
        """Forget a device, its commands and its shadow; the watchers get an item with `removed`."""
        if self._devices.pop(name, None) is None:
            return
        self._commands = {key: item for key, item in self._commands.items() if item["device"] != name}
        self._shadows.pop(name, None)
        self._tell("device", self._versioned({"device": name, "removed": True}))

    def put_shadow(self, item: Item) -> None:
        """Replace the shadow of a device by its key `device`; one equal to the kept one changes nothing."""
        name = item["device"]
        if not self._is_same(self._shadows.get(name), item):
            self._shadows[name] = self._versioned(item)
            self._tell("shadow", self._shadows[name])

    def gone(self, name: str) -> Item:
        """Return what tells a viewer that a device is gone for it, whatever it is for others."""
        return self._versioned({"device": name, "removed": True})

    def put_command(self, item: Item) -> None:
        """Replace a command by its key `id` unless the kept version is higher; only the newest MAX_COMMANDS stay."""
        kept = self._commands.get(item["id"])
        if kept is not None and kept["version"] >= item["version"]:
            return
        self._commands[item["id"]] = dict(item)
        if len(self._commands) > MAX_COMMANDS:
            del self._commands[min(self._commands, key=lambda key: (self._commands[key]["created_us"], key))]
        self._tell("command", item)

    def put_group_command(self, item: Item) -> None:
        """Replace a group command by its key `id`; an equal one changes nothing; only the newest MAX_GROUP_COMMANDS stay."""
        kept = self._group_commands
        if self._is_same(kept.get(item["id"]), item):
            return
        kept[item["id"]] = self._versioned(item)
        self._tell("group_command", kept[item["id"]])
        if len(kept) > MAX_GROUP_COMMANDS:
            del kept[min(kept, key=lambda key: (kept[key]["created_us"], key))]

    def remove_group_command(self, group_id: str) -> None:
        """Forget a group command; who has seen it is not told: it is old."""
        self._group_commands.pop(group_id, None)

    def put_alert(self, item: Item) -> None:
        """Replace an alert by its key `id` unless the kept version is as high; of those that are over only the newest MAX_ALERTS stay."""
        kept = self._alerts.get(item["id"])
        if kept is not None and kept["version"] >= item["version"]:
            return
        self._alerts[item["id"]] = dict(item)
        over = [key for key, each in self._alerts.items() if "cleared_us" in each] if "cleared_us" in item else []
        if len(over) > MAX_ALERTS:
            del self._alerts[min(over, key=lambda key: (self._alerts[key]["cleared_us"], key))]
        self._tell("alert", item)

    def put_dashboard(self, item: Item) -> None:
        """Replace a dashboard by its key `name`; its version is its own. An equal one changes nothing."""
        if self._dashboards.get(item["name"]) != item:
            self._dashboards[item["name"]] = dict(item)
            self._tell("dashboard", item)

    def remove_dashboard(self, name: str) -> None:
        """Forget a dashboard; the watchers get an item with `removed`."""
        if (kept := self._dashboards.pop(name, None)) is not None:
            self._tell("dashboard", {"name": name, "version": kept["version"], "removed": True})

    def put_system(self, item: Item) -> None:
        """Replace the state of the hub; an equal one changes nothing."""
        if self._is_same(self._system, item):
            return
        self._system = self._versioned(item)
        self._tell("system", self._system)

    def devices(self) -> list[dict[str, Any]]:
        """Return every device by name."""
        return [dict(self._devices[name]) for name in sorted(self._devices)]

    def commands(self) -> list[dict[str, Any]]:
        """Return the commands, newest first."""
        return sorted((dict(item) for item in self._commands.values()), key=lambda item: (item["created_us"], item["id"]), reverse=True)

    def group_commands(self) -> list[dict[str, Any]]:
        """Return the group commands, newest first."""
        found = [dict(item) for item in self._group_commands.values()]
        return sorted(found, key=lambda item: (item["created_us"], item["id"]), reverse=True)

    def alerts(self) -> list[dict[str, Any]]:
        """Return the alerts, newest first."""
        return sorted((dict(item) for item in self._alerts.values()), key=lambda item: (item["raised_us"], item["id"]), reverse=True)

    def shadows(self) -> list[dict[str, Any]]:
        """Return every shadow by the name of its device."""
        return [dict(self._shadows[name]) for name in sorted(self._shadows)]

    def dashboards(self) -> list[dict[str, Any]]:
        """Return every dashboard by name, without what it holds."""
        return [dict(self._dashboards[name]) for name in sorted(self._dashboards)]

    def system(self) -> dict[str, Any]:
        """Return the state of the hub, empty before it is first put."""
        return dict(self._system)

    def watch(self, callback: Watcher) -> Callable[[], None]:
        """Call `callback(what, item)` at each change; return the call that ends it.

        `what` is device, command, group_command, alert, shadow, dashboard or system. The callback is plain, quick, and must not raise:
        it runs inside the put.
        """
        key = object()
        self._watchers[key] = callback
        return lambda: self._watchers.pop(key, None) and None

    def _versioned(self, item: Item) -> Item:
        version = max(self._next_version, self._clock())
        self._next_version = version + 1
        return {**item, "version": version}

    @staticmethod
    def _is_same(kept: Item | None, item: Item) -> bool:
        return kept is not None and kept == {**item, "version": kept.get("version")}

    def _tell(self, what: str, item: Item) -> None:
        for callback in list(self._watchers.values()):
            callback(what, item)
