"""The whole system in one process and one seed: a hub, devices, viewers, what goes wrong, and whether anything was lost.

Owns how the parts are put together, the course of a run (faults, quiet, verdict) and its figures. `simulate` is the only door.
"""

import gc
import shutil
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

import trio

from tests.sim.bugs import put_in
from tests.sim.chance import controlled
from tests.sim.clock import Timers
from tests.sim.faults import Faults
from tests.sim.fleet import SimDevice
from tests.sim.node import Hub
from tests.sim.streams import ByteWire
from tests.sim.truth import Truth
from tests.sim.verdict import Verdict
from tests.sim.watching import DAY_S, SimViewer
from tests.sim.wires import At, Wire

_EPOCH_US: Final = 1_700_000_000_000_000
LIVENESS_S: Final = 60.0
_LOOK_S: Final = 1.0
_BY_SOCKET: Final = 0.1  # of the seeds


@dataclass(frozen=True, slots=True)
class Scene:
    """What is simulated; the seed chooses everything else."""

    seed: int
    devices: int = 20
    hours: float = 1.0
    interval_s: float = 10.0
    viewers: int = 3
    bug: str = ""  # one of tests/sim/bugs.py, put into the product
    is_calm: bool = False  # nothing goes wrong
    by_socket: bool | None = None  # devices come by real WebSockets; None: the seed says
    is_traced: bool = False  # keep the lines of the trace


@dataclass(slots=True)
class Outcome:
    """How a run ended."""

    seed: int
    trace: str
    complaints: list[str]
    figures: dict[str, float] = field(default_factory=dict)
    lines: list[bytes] | None = None


class World:
    """Everything of one run."""

    def __init__(self, scene: Scene, place: Path, at: At) -> None:
        self.scene = scene
        self._at = at
        self.truth = Truth()
        self.truth.lines = [] if scene.is_traced else None
        self.is_over = False
        self.wires = 0
        self.faults = 0
        self.draw = Random(f"world {scene.seed}")
        self.is_by_socket = scene.by_socket if scene.by_socket is not None else self.draw.random() < _BY_SOCKET
        self.is_handing = self.draw.random() < 0.5
        self.is_yielding = self.draw.random() < 0.3
        self.delay_s = self.draw.choice((0.0, 0.0, 0.005, 0.2))
        self.hub = Hub(place, Random(f"hub {scene.seed}"), self.now, self.truth)
        self.hub.slow = self.draw.choice((0.0, 0.0, 0.3, 1.0))
        is_together = self.draw.random() < 0.7  # all report in the same moment, as after a cut of the power
        self.devices = [self._device(number, place, is_together=is_together) for number in range(scene.devices)]
        self.viewers = [self._viewer(number) for number in range(scene.viewers)]
        self.commands: dict[str, tuple[SimDevice, str]] = {}  # id -> device, and by which key it knows it
        self.caught_up_s = 0.0
        self._open: dict[Wire | ByteWire, None] = {}

    def _device(self, number: int, place: Path, *, is_together: bool) -> SimDevice:
        name, draw = f"d{number}", Random(f"device {number} {self.scene.seed}")
        folder = None if draw.random() < 0.3 else place / name
        offset_s = 0.0 if is_together else draw.uniform(0, self.scene.interval_s)
        device = SimDevice(self, name, folder, draw, self.scene.interval_s, offset_s)
        if draw.random() < 0.1:
            device.spool_bytes = 8_000
        return device

    def _viewer(self, number: int) -> SimViewer:
        draw = Random(f"viewer {number} {self.scene.seed}")
        width_us = (0, 1_000_000, 60_000_000)[number % 3]
        devices = ["*"] if width_us else sorted(draw.sample([device.name for device in self.devices], min(3, len(self.devices))))
        # Who looks at seconds mostly looks at some minutes of them, as a page does.
        span_s = 600 if width_us == 1_000_000 and draw.random() < 0.75 else DAY_S
        return SimViewer(self, f"v{number}", draw, devices, width_us, span_s)

    def now(self) -> int:
        """Return the true time in µs."""
        return _EPOCH_US + round(trio.current_time() * 1_000_000)

    def wire(self, device: str | None, draw: Random) -> Wire:
        """Make a wire to the hub that serves."""
        self.wires += 1
        delay_s = self.delay_s and draw.uniform(0, self.delay_s)
        wire = Wire(self.wires, delay_s, 64, lambda number, way, message: self.truth.spoken(device, number, way, message), self._at)
        wire.is_yielding = self.is_yielding
        wire.hub.is_handing = self.is_handing
        self._hold(wire)
        return wire

    def byte_wire(self) -> ByteWire:
        """Make a wire for bytes."""
        self.wires += 1
        wire = ByteWire()
        self._hold(wire)
        return wire

    def _hold(self, wire: Wire | ByteWire) -> None:
        self._open = {known: None for known in self._open if not known.is_over} | {wire: None}

    def cut_all(self) -> None:
        """Cut every wire: the hub's machine is gone."""
        for wire in self._open:
            wire.cut()

    async def run(self) -> None:
        """Let it all happen, and judge."""
        async with trio.open_nursery() as nursery:
            await self.hub.start(nursery)
            assert self.hub.node is not None
            for device in self.devices:
                device.token = await self.hub.node.control.registry.add_device(device.name)
            for run in (*[device.run for device in self.devices], *[viewer.run for viewer in self.viewers]):
                nursery.start_soon(run)
            await Faults(self, nursery).run(self.scene.hours * 3_600)
            await self._settle()
            await self.hub.stop()
            nursery.cancel_scope.cancel()

    async def _settle(self) -> None:
        """Let everybody catch up, then compare."""
        began_s = trio.current_time()
        await trio.sleep(2 * self.scene.interval_s)
        self.is_over = True
        verdict = Verdict(self)
        # Who waits for its next try when faults end may wait as long as its client says.
        while missing := verdict.missing():
            if trio.current_time() > began_s + LIVENESS_S + 65:
                for what in missing[:10]:
                    self.truth.complain(f"not caught up {trio.current_time() - began_s:.0f} s after the faults ended: {what}")
                break
            await trio.sleep(_LOOK_S)
        self.caught_up_s = trio.current_time() - began_s
        await verdict.judge()


def simulate(scene: Scene) -> Outcome:
    """Run a scene to its end; the same scene gives the same outcome, but for the CPU time."""
    began_s = time.process_time()
    place = Path(tempfile.mkdtemp(prefix="tributary-sim-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    try:
        timers = Timers()
        with controlled(scene.seed, timers) as complaints, put_in(scene.bug), _seldom_collected():
            world = World(scene, place, timers.at)
            problems = _run(world, timers)
        said = [*problems, *world.truth.complaints, *complaints.said]
        return Outcome(scene.seed, world.truth.trace, said, _figures(world, began_s), world.truth.lines)
    finally:
        shutil.rmtree(place, ignore_errors=True)


@contextmanager
def _seldom_collected() -> Iterator[None]:
    """Look for garbage in circles seldom while the block runs: of what a run makes nearly all stays to its end, or is in no circle."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 20, 1_000)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _run(world: World, timers: Timers) -> list[str]:
    async def main() -> None:
        await world.run()

    try:
        trio.run(main, clock=timers.clock)
    except BaseExceptionGroup as group:
        return ["".join(traceback.format_exception(group))]
    return []


def _figures(world: World, began_s: float) -> dict[str, float]:
    cpu_s = time.process_time() - began_s
    hours = world.scene.devices * world.scene.hours
    return {
        "cpu_s": cpu_s, "device_hours_per_cpu_minute": hours / cpu_s * 60, "messages": world.truth.messages, "rows": len(world.truth.rows),
        "is_by_socket": world.is_by_socket, "faults": world.faults,
        "wires": world.wires, "hub_starts": world.hub.starts, "caught_up_s": world.caught_up_s, "acks": world.truth.acks,
        "readings": sum(len(device.made.times_us) for device in world.devices),
        "unsure": sum(len(device.made.unsure) for device in world.devices),
        "updates": sum(viewer.updates for viewer in world.viewers),
        "snapshots": sum(len(viewer.snapshots) for viewer in world.viewers),
    }  # fmt: skip
