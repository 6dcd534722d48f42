"""Whether a run was good: each reading in exactly one place, everybody caught up, commands ended once, presence and screens true.

Owns the comparison of what devices made with what the store, the journal and the screens have; changes nothing.
"""

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from devices.wire.limits import MAX_FUTURE_S
from hub.core.records import Series
from tests.sim.fleet import CHANNELS, SimDevice
from tests.sim.watching import SimViewer

if TYPE_CHECKING:
    from tests.sim.world import World

_FINAL: Final = frozenset({"done", "failed", "expired", "cancelled", "rejected"})
_CONNECTED: Final = frozenset({"online", "silent"})
_OF_A_FRAME: Final = 2  # readings
_APART_US: Final = 100  # our client moves equal stamps of an epoch apart


def _series(device: SimDevice, channel: str) -> Series:
    said = next(each for each in CHANNELS if each.name == channel)
    return Series(device.name, said.name, said.unit, said.kind)


class Verdict:
    """The judge of one world."""

    def __init__(self, world: "World") -> None:
        self._world = world

    def missing(self) -> list[str]:
        """Return what has yet to be caught up with; empty: nothing."""
        world, node = self._world, self._world.hub.node
        if node is None:
            return ["the hub is not there"]
        missing = [f"{device.name} is not connected, or has frames left" for device in world.devices if not device.is_caught_up]
        for follower in ("history", "ledger", "rules"):
            if node.journal.cursor(follower).applied < node.journal.position:
                missing.append(f"{follower} is behind")
        missing += [f"{device.name} is {self._presence(device)}" for device in world.devices if not self._is_presence_true(device)]
        if not missing:
            missing += [said for viewer in world.viewers for said in self._behind(viewer)]
        if not missing:
            missing += [f"command {item['id']} is {item['state']}" for item in node.control.entities.commands() if not self._may_stay(item)]
        return missing

    def _may_stay(self, command: Mapping[str, Any]) -> bool:
        """Tell whether a command may be as it is at the end: a device that accepted it and is away, or forgot it, says nothing for days."""
        device = next(each for each in self._world.devices if each.name == command["device"])
        return command["state"] in _FINAL or (command["state"] in ("accepted", "running") and (device.is_off or not device.keeps_spool))

    def _presence(self, device: SimDevice) -> str:
        node = self._world.hub.node
        item = None if node is None else node.control.registry.item(device.name)
        return "unknown" if item is None else str(item["presence"])

    def _is_presence_true(self, device: SimDevice) -> bool:
        presence = self._presence(device)
        return presence not in _CONNECTED and presence != "unconfirmed" if device.is_off else presence in _CONNECTED

    def _behind(self, viewer: SimViewer) -> list[str]:
        if not viewer.is_connected or self._world.hub.node is None:
            return [f"{viewer.name} is not connected"]
        said = []
        for device in self._world.devices if viewer.devices == ["*"] else [d for d in self._world.devices if d.name in viewer.devices]:
            if found := viewer.difference(device.name, self._stored(device, "n")):
                said.append(f"{viewer.name}, of {device.name}: {found}")
        for item in self._world.hub.node.control.entities.devices():
            seen = viewer.entities.get("devices", {}).get(item["device"])
            if seen is None or seen["presence"] != item["presence"]:
                said.append(f"{viewer.name} sees {item['device']} as {seen and seen['presence']}, and it is {item['presence']}")
        return said

    def _stored(self, device: SimDevice, channel: str) -> dict[int, Any]:
        return self._world.hub.shelf.points.get(_series(device, channel), {})

    async def judge(self) -> None:
        """Compare everything, and complain of what is wrong."""
        known = {_series(device, channel.name) for device in self._world.devices for channel in CHANNELS}
        if foreign := self._world.hub.shelf.points.keys() - known:
            self._world.truth.complain(f"stored, and no device has such a channel: {sorted(foreign)[:10]}")
        for device in self._world.devices:
            self._judge_readings(device)
        await self._judge_commands()

    def _judge_readings(self, device: SimDevice) -> None:
        truth, made = self._world.truth, device.made
        stored = Counter(self._stored(device, "n").values())
        complain = truth.complain
        if twice := [number for number, count in stored.items() if count > 1]:
            complain(f"{device.name}: stored more than once: {twice[:10]}")
        if foreign := stored.keys() - made.times_us.keys():
            complain(f"{device.name}: stored and never made: {sorted(foreign)[:10]}")
        if self._stored(device, "temp") != {t_ns: number * 0.5 for t_ns, number in self._stored(device, "n").items()}:
            complain(f"{device.name}: its two channels differ in the store")
        rejected = {number for name, number in truth.rejected if name == device.name}
        for number in sorted(rejected & made.times_us.keys()):
            if made.times_us[number] <= truth.rejected[device.name, number] + MAX_FUTURE_S * 1_000_000:
                complain(f"{device.name}: {number} was rejected, and nothing is wrong with it")
        if both := rejected & stored.keys():
            complain(f"{device.name}: stored and rejected: {sorted(both)[:10]}")
        for t_ns, number in self._stored(device, "n").items():
            if number in made.times_us and not 0 <= t_ns // 1_000 - made.times_us[number] <= _APART_US:
                complain(f"{device.name}: {number} is stored at another time than it was made")
        spooled = device.spooled() if device.is_off else set()
        lost = made.times_us.keys() - stored.keys() - rejected - spooled
        declared, unsure = truth.lost.get(device.name, 0), len(lost & made.unsure)
        sure = len(lost) - unsure
        if not _OF_A_FRAME * sure <= declared <= _OF_A_FRAME * (sure + unsure):
            said = f"{sorted(lost - made.unsure)[:10]} ({sure} frames) are nowhere, and {unsure} may be; gaps declare {declared} readings"
            complain(f"{device.name}: {said}")

    async def _judge_commands(self) -> None:
        world, node = self._world, self._world.hub.node
        for device in world.devices:
            for key, times in device.made.ran.items():
                if times > 1 and device.keeps_spool:
                    world.truth.complain(f"{device.name} ran command {key} {times} times")
        if node is None:
            return
        for command_id, (device, key) in world.commands.items():
            record = await node.state.command(command_id)
            if record is None:
                world.truth.complain(f"command {command_id} is forgotten")
            elif not self._may_stay({"device": record.device, "state": record.state}):
                world.truth.complain(f"command {command_id} is {record.state} at the end")
            elif record.state == "done" and device.keeps_spool and device.made.ran.get(key) != 1:
                world.truth.complain(f"command {command_id} is done, and ran {device.made.ran.get(key, 0)} times")
