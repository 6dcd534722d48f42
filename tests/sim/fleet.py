"""Devices in the simulation: the product's client on wires that fail, killed and started again, with clocks that are wrong.

Owns what each device made, by a number that is its value, and which of it may have died with the device's memory.
"""

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final, Protocol

import msgpack
import trio

from devices.client import Device, Unreachable
from devices.client.websocket import open_websocket
from devices.link import Link
from devices.spool.folder import FILE
from devices.wire.messages import Channel, Kind
from tests.sim.machine import Killed, Machine, here
from tests.sim.node import Hub
from tests.sim.streams import ByteEnd, ByteWire, HeardLink, dialer
from tests.sim.truth import Truth
from tests.sim.wires import Wire

CHANNELS: Final = (Channel("n", "1", Kind.COUNTER), Channel("temp", "Cel"))


class Net(Protocol):
    """What joins devices and viewers with the hub."""

    hub: Hub
    truth: Truth
    is_over: bool  # nothing new is made

    def now(self) -> int:
        """Return the true time in µs."""

    is_by_socket: bool  # devices come by real WebSockets

    def wire(self, device: str | None, draw: Random) -> Wire:
        """Make a wire to the hub that serves."""

    def byte_wire(self) -> ByteWire:
        """Make a wire for bytes."""


@dataclass(slots=True)
class Made:
    """What one device made."""

    times_us: dict[int, int] = field(default_factory=dict)  # number -> time that it was stamped with
    unsure: set[int] = field(default_factory=set)  # it may have died with the device
    ran: dict[str, int] = field(default_factory=dict)  # command -> how often it was begun


class SimDevice:
    """One device. `folder` None keeps its spool in memory, which dies with it."""

    def __init__(self, net: Net, name: str, folder: Path | None, draw: Random, interval_s: float, offset_s: float) -> None:
        self.name = name
        self.made = Made()
        self.clock_off_us = 0
        self.is_off = False  # switched off for good, or until somebody switches it on
        self.is_cut_off = False  # there is no way to the hub
        self.spool_bytes = 64 << 20
        self.slow = 0.0
        self.wires: list[Wire | ByteWire] = []
        self.token = ""
        self.device: Device | None = None
        self._net, self._folder, self._draw = net, folder, draw
        self._interval_s, self._offset_s = interval_s, offset_s
        self._machine = Machine(name, draw)
        self._scope = trio.CancelScope()
        self._switched_on = trio.Event()
        self._number = 0
        self._reported: dict[str, Any] = {}

    @property
    def keeps_spool(self) -> bool:
        """Whether its spool outlives it."""
        return self._folder is not None

    @property
    def is_caught_up(self) -> bool:
        """Whether it is off, or is connected and has nothing on its spool."""
        if self.is_off:
            return True
        return self.device is not None and self.device.statistics().is_connected and not self.device.statistics().unacked_frames

    async def run(self) -> None:
        """Live, die and begin again until cancelled."""
        while True:
            while self.is_off:
                await self._switched_on.wait()
            self._machine = Machine(self.name, self._draw, self.slow)
            here.set(self._machine)
            dialer.set(self)
            with trio.CancelScope() as self._scope:
                try:
                    await self._live()
                except BaseExceptionGroup as group:
                    if not self._machine.is_dead:
                        raise
                    _, rest = group.split((Killed, trio.Cancelled))
                    if rest is not None:
                        self._net.truth.complain(f"{self.name} died of {rest!r}")
                except Killed:
                    pass
                finally:
                    self.device = None
            await trio.lowlevel.checkpoint()

    def spooled(self) -> set[int]:
        """Return the numbers that are on its spool's file, while it is off."""
        if self._folder is None or not (self._folder / FILE).exists():
            return set()
        with closing(sqlite3.connect(self._folder / FILE)) as file:
            frames = [msgpack.unpackb(body) for (body,) in file.execute("SELECT body FROM frames")]
        return {
            value for said in frames if said["op"] == "data" for channel, value in zip(said["c"], said["v"], strict=True) if channel == 0
        }

    def kill(self, *, is_power: bool) -> None:
        """End its process; with `is_power` nobody hears of it."""
        if self.device is not None and self._folder is None:
            self.made.unsure.update(n for n in self.made.times_us if not self._net.truth.has(self.name, n))
        self._machine.kill()
        for wire in self.wires:
            if is_power:
                wire.fall_silent()
            else:
                wire.cut()
        self._scope.cancel()

    def switch(self, *, is_on: bool, is_power: bool = False) -> None:
        """Switch it off, or on again."""
        self.is_off = not is_on
        if is_on:
            self._switched_on.set()
            self._switched_on = trio.Event()
        else:
            self.kill(is_power=is_power)

    def now(self) -> int:
        """Return its clock, which may be wrong."""
        return self._net.now() + self.clock_off_us

    async def _live(self) -> None:
        connect = self._connect_by_socket if self._net.is_by_socket else self._connect
        kept: dict[str, Any] = {"spool_dir": self._folder, "spool_max_bytes": self.spool_bytes}
        chosen: dict[str, Any] = {"connect": connect, "rng": self._draw, "now": self.now}
        device = Device("sim", self.name, self.token, channels=CHANNELS, interval_s=self._interval_s, **kept, **chosen)
        device.command("blink", args={"times": {"type": "integer"}})(self._blink(device))
        device.on_desired(self._apply)
        async with device:
            self.device = device
            await self._report()

    async def _report(self) -> None:
        turn = int((trio.current_time() - self._offset_s) // self._interval_s)
        while True:
            turn += 1
            await trio.sleep_until(turn * self._interval_s + self._offset_s)
            if not self._net.is_over and self.device is not None:
                await self.make(self.device)

    async def make(self, device: Device) -> None:
        """Make one reading of each channel."""
        self._number += 1
        number, t_us = self._number, self.now()
        self.made.times_us[number] = t_us
        self.made.unsure.add(number)
        await device.send({"n": number, "temp": number * 0.5}, t_us)
        self.made.unsure.discard(number)

    def _blink(self, device: Device) -> Callable[..., Any]:
        async def blink(times: int) -> int:
            key = f"{times}"
            self.made.ran[key] = self.made.ran.get(key, 0) + 1
            if times % 3 == 0:
                await trio.sleep(times % 7)
                await device.progress(0.5)
            if times % 11 == 0:
                raise ValueError("blown")
            return times

        return blink

    def _apply(self, document: dict[str, Any], delta: dict[str, Any]) -> None:
        self._reported = document

    @asynccontextmanager
    async def _connect(self) -> AsyncIterator[Link]:
        await trio.lowlevel.checkpoint()
        node = self._net.hub.node
        if node is None or self.is_cut_off:
            raise Unreachable("nobody answers")
        wire = self._net.wire(self.name, self._draw)
        self._hold(wire)
        node.accept_device(self.name, wire.hub)
        try:
            yield wire.far
        finally:
            await wire.far.aclose()

    def _hold(self, wire: Wire | ByteWire) -> None:
        self.wires = [*[known for known in self.wires if not known.is_over], wire]

    @asynccontextmanager
    async def _connect_by_socket(self) -> AsyncIterator[Link]:
        async with open_websocket(f"ws://{self.name}/v1/device", self.token) as link:
            yield HeardLink(link, self.name, int(self.name[1:]), self._net.truth)

    def dial(self) -> ByteEnd:
        """Return the far end of a new connection. Raises Unreachable."""
        node = self._net.hub.node
        if node is None or self.is_cut_off:
            raise Unreachable("nobody answers")
        wire = self._net.byte_wire()
        self._hold(wire)
        node.accept_stream(wire.hub)
        return wire.far
