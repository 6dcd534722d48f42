"""What goes wrong, from the seed: cuts, silence, kills, clocks, crashes, stores that are away, full disks, storms; and commands meanwhile.

Owns when what happens and that all of it is over at the end; how each thing fails is the part's own.
"""

from collections.abc import Awaitable, Callable
from random import Random
from typing import TYPE_CHECKING, Final

import trio

from hub.core.errors import Refusal
from hub.ports import StoreUnavailable
from tests.sim.fleet import SimDevice
from tests.sim.machine import Killed, here

if TYPE_CHECKING:
    from tests.sim.world import World

_PAUSE_S: Final = 30.0  # between two faults in a bad spell, on average, where the seed is neither calm nor wild
# Faults come close together, as one meets what another left behind; between spells all of it must come to rest.
_SPELL_S: Final = (120.0, 480.0)
_FAIR_S: Final = (240.0, 1_200.0)


class Faults:
    """The bad luck of one world."""

    def __init__(self, world: "World", nursery: trio.Nursery) -> None:
        self._world, self._nursery = world, nursery
        self._draw = Random(f"faults {world.scene.seed}")
        self._pace_s = _PAUSE_S * self._draw.choice((0.3, 1.0, 3.0))
        self._keys = 0
        of_devices = [
            self._cut,
            self._silence,
            self._kill,
            self._kill,
            self._switch,
            self._cut_off,
            self._clock,
            self._takeover,
            self._storm,
        ]
        of_the_hub = [self._hub_crash, self._hub_crash, self._hub_stop, self._store_away, self._disk_full, self._disk_breaks, self._slow]
        every: list[Callable[[], Awaitable[None]]] = [*of_devices, *of_the_hub, self._viewer, self._viewer]
        self._kinds = [each for each in every if self._draw.random() < 0.7] or every

    async def run(self, seconds: float) -> None:
        """Let things go wrong for so long, then mend all of it."""
        with trio.move_on_after(seconds):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._command)
                while not self._world.scene.is_calm:
                    await self._spell(trio.current_time() + self._draw.uniform(*_SPELL_S), nursery)
                    await trio.sleep(self._draw.uniform(*_FAIR_S))
                await trio.sleep_forever()
        await self._mend()

    async def _spell(self, end_s: float, nursery: trio.Nursery) -> None:
        """Let one thing after another go wrong until a time."""
        while True:
            await trio.sleep(self._draw.expovariate(1 / self._pace_s))
            if trio.current_time() >= end_s:
                return
            kind = self._draw.choice(self._kinds)
            self._world.truth.note(kind.__name__)
            self._world.faults += 1
            nursery.start_soon(kind)

    async def _mend(self) -> None:
        world = self._world
        world.truth.note("faults are over")
        while not world.hub.is_up:
            await world.hub.start(self._nursery)
            if not world.hub.is_up:
                await world.hub.ended()
        assert world.hub.node is not None
        world.hub.node.history.down, world.hub.node.file.is_full, world.hub.node.file.breaks = None, False, False
        for device in world.devices:
            device.is_cut_off = False
            device.clock_off_us = 0
            if device.is_off and self._draw.random() < 0.7:
                device.switch(is_on=True)
        for viewer in world.viewers:
            viewer.read_on()
            viewer.come_back()

    def _some(self) -> list[SimDevice]:
        devices = self._world.devices
        return self._draw.sample(devices, self._draw.choice((1, 1, 2, max(1, len(devices) // 3))) if len(devices) > 1 else 1)

    async def _cut(self) -> None:
        for device in self._some():
            for wire in device.wires:
                wire.cut()

    async def _silence(self) -> None:
        for device in self._some():
            for wire in device.wires:
                wire.fall_silent()

    async def _kill(self) -> None:
        for device in self._some():
            if not device.is_off:
                device.kill(is_power=self._draw.random() < 0.4)

    async def _switch(self) -> None:
        device = self._draw.choice(self._world.devices)
        if device.is_off:
            device.switch(is_on=True)
        else:
            device.switch(is_on=False, is_power=self._draw.random() < 0.5)

    async def _cut_off(self) -> None:
        devices = self._some()
        for device in devices:
            device.is_cut_off = True
            for wire in device.wires:
                wire.cut()
        await trio.sleep(self._draw.choice((5, 60, 600)))
        for device in devices:
            device.is_cut_off = False

    async def _clock(self) -> None:
        for device in self._some():
            # Odd parts of a second, so that two readings of two epochs hardly ever share a microsecond.
            seconds = self._draw.choice((0.0, 0.5, -0.5, 30, -30, 3_600, -3_600, 108_000))
            device.clock_off_us = round(seconds * 1_000_000) + self._draw.randrange(1_000_000)

    async def _hub_crash(self) -> None:
        hub = self._world.hub
        self._world.cut_all()
        await hub.crash()
        await self._start_again()

    async def _hub_stop(self) -> None:
        hub = self._world.hub
        if hub.is_up:
            await hub.stop()
            self._world.cut_all()
            await self._start_again()

    async def _start_again(self) -> None:
        await trio.sleep(self._draw.choice((0.5, 5, 90)))
        await self._world.hub.start(self._nursery)

    async def _store_away(self) -> None:
        node = self._world.hub.node
        if node is not None:
            node.history.down = "the store is away"
            await trio.sleep(self._draw.choice((1, 20, 200)))
            node.history.down = None

    async def _disk_full(self) -> None:
        node = self._world.hub.node
        if node is not None:
            node.file.is_full = True
            await trio.sleep(self._draw.choice((1, 20, 120)))
            node.file.is_full = False

    async def _disk_breaks(self) -> None:
        node = self._world.hub.node
        if node is not None and self._draw.random() < 0.3:
            node.file.breaks = True
            await self._world.hub.ended()
            self._world.cut_all()
            await self._start_again()

    async def _slow(self) -> None:
        node = self._world.hub.node
        if node is not None:
            node.machine.slow, node.machine.max_delay_s = 0.5, self._draw.choice((0.05, 1.0))
            await trio.sleep(self._draw.uniform(1, 60))
            node.machine.slow, node.machine.max_delay_s = self._world.hub.slow, 0.02

    async def _takeover(self) -> None:
        """Let devices come a second time while the hub still holds their first connection."""
        for device in self._some():
            for wire in device.wires:
                wire.break_at_the_far_end()

    async def _storm(self) -> None:
        for _ in range(self._draw.randrange(1, 4)):
            for device in self._world.devices:
                for wire in device.wires:
                    wire.cut()
            await trio.sleep(self._draw.uniform(0, 3))

    async def _viewer(self) -> None:
        if not self._world.viewers:
            return
        viewer = self._draw.choice(self._world.viewers)
        match self._draw.choice(("cut", "leave", "stall")):
            case "cut":
                viewer.cut()
            case "leave":
                viewer.leave()
                await trio.sleep(self._draw.uniform(1, 300))
                viewer.come_back()
            case "stall":
                viewer.stall()
                await trio.sleep(self._draw.uniform(1, 90))
                viewer.read_on()

    async def _command(self) -> None:
        while True:
            await trio.sleep(self._draw.expovariate(1 / self._pace_s))
            device = self._draw.choice(self._world.devices)
            self._keys += 1
            self._nursery.start_soon(self._send_command, device, self._keys, self._draw.uniform(2, 40), self._draw.random() < 0.2)

    async def _send_command(self, device: SimDevice, key: int, ttl_s: float, is_cancelled: bool) -> None:
        node = self._world.hub.node
        if node is None:
            return
        here.set(node.machine)  # a request is worked on by the hub, and dies with it
        try:
            if key % 4 == 0:
                await node.control.shadows.desire(device.name, {"key": key}, None, "sim")
                return
            record = await node.control.desk.create(device.name, "blink", {"times": key}, ttl_s, "sim")
            self._world.commands[record.id] = (device, str(key))
            if is_cancelled:
                await trio.sleep(self._draw.uniform(0, 3))
                await node.control.desk.cancel(record.id, "sim")
        except (Refusal, StoreUnavailable, Killed, RuntimeError) as error:
            self._world.truth.note("command", type(error).__name__)
