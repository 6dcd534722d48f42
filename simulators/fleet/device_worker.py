"""A process full of devices of a simulation: it can be killed at any moment and started again on the same spools.

Owns its members, their proxies and what it tells the course. A program: its plan is the first line of stdin; then orders come: `begin`
(the schedule's first moment), `break`, `mend`, `expect` (say when all stream again), `finish` (every frame is due, or no more are to be
made: drain), `left` (make no more), `quit`. It says `open`, `figures` once a second, `recovered`, `drained`, `left`, `failed`. Started
by processes.py.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import trio

from devices.client import DeviceRefused
from simulators.fleet.clock import Clock
from simulators.fleet.counting import Counting
from simulators.fleet.lives import Lives
from simulators.fleet.member import Member, Shared
from simulators.fleet.notes import Notes
from simulators.fleet.orders import be_quiet, orders, read_plan, say
from simulators.fleet.plans import Truth, WorkerPlan
from simulators.fleet.proxies import LANES, Proxies
from simulators.fleet.recoveries import Recoveries

TELL_EVERY_S: Final = 1.0


class DeviceWorker:
    """All devices of a process."""

    def __init__(self, plan: WorkerPlan, shared: Shared, proxies: Proxies) -> None:
        self._plan = plan
        self._shared = shared
        self._proxies = proxies
        self._members: list[Member] = []

    async def run(self) -> None:
        """Open the devices, obey until told to quit."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self._proxies.run)
            truth = Truth(self._plan.seed, self._plan.makes, self._plan.units, self._plan.begin_us)
            self._members = [
                Member(at, unit, truth.sensor(at), self._proxies.url(at), self._shared) for at, unit in enumerate(self._plan.units)
            ]
            for member in self._members:
                if member.links is not None:
                    self._proxies.join(member.at, member.links)
            nursery.start_soon(self._open, nursery)
            nursery.start_soon(self._tell)
            async for order in orders():
                if not await self._obey(order, nursery):
                    break
            nursery.cancel_scope.cancel()

    async def _open(self, nursery: trio.Nursery) -> None:
        """Let the devices in, one after another over the ramp; a later life lets all in at once, each with its own jitter."""
        pause_s = 0.0 if self._plan.life else self._plan.ramp_s / max(1, len(self._members))
        if self._plan.begin_us:
            self._begin(self._plan.begin_us)
        for member in self._members:
            nursery.start_soon(self._be, member)
            await trio.sleep(pause_s)
        for member in self._members:
            await member.was_welcomed.wait()
        say("open")

    async def _be(self, member: Member) -> None:
        try:
            await member.run()
        except DeviceRefused as error:
            say("failed", message=f"device {member.name}: {error}")

    def _begin(self, begin_us: int) -> None:
        truth = Truth(self._plan.seed, self._plan.makes, self._plan.units, begin_us)
        for at, member in enumerate(self._members):
            member.schedule = truth.schedule(at)
        self._shared.begun.set()

    async def _obey(self, order: dict[str, Any], nursery: trio.Nursery) -> bool:
        """Carry out an order; False: it was the last one."""
        match order["do"]:
            case "begin":
                self._begin(order["begin_us"])
            case "break":
                self._proxies.break_(order)
            case "mend":
                self._proxies.mend(order["fault"])
            case "expect":
                self._shared.recoveries.expect(order["fault"], order["since_us"], self._in_lanes(order["lanes"]))
            case "finish":
                if order["is_early"]:
                    self._shared.is_over.set()
                self._shared.stopping.set()
                nursery.start_soon(self._drain)
            case "left":
                self._shared.is_over.set()
                self.tell()
                left = {member.name: member.left() for member in self._members if not member.is_drained.is_set()}
                say("left", devices=left, known={} if self._plan.life else {member.name: member.losses() for member in self._members})
            case "quit":
                return False
        return True

    def _in_lanes(self, lanes: Iterable[int]) -> list[int]:
        wanted = set(lanes)
        return [member.at for member in self._members if member.at % LANES in wanted]

    async def _drain(self) -> None:
        for member in self._members:
            await member.is_drained.wait()
        say("drained")

    async def _tell(self) -> None:
        while True:
            await trio.sleep(TELL_EVERY_S)
            self.tell()

    def tell(self) -> None:
        """Say the figures since the last time, and how things are."""
        states = [member.device.statistics() for member in self._members if member.is_open]
        errors = [state.last_error for state in states if state.last_error and not state.is_connected]
        now = {
            "connected": sum(member.is_connected for member in self._members),
            "in_flight": sum(state.in_flight_frames for state in states),
            "spooled": sum(state.unacked_frames for state in states),
            "gaps": sum(state.gaps for state in states),
            "rejected": sum(state.rejected for state in states),
        }
        say("figures", **self._shared.counting.take(), now=now, last_error=errors[0] if errors else "")


async def main() -> None:
    """Read the plan, be the devices."""
    plan = WorkerPlan.of(read_plan())
    be_quiet()
    folder, counting = Path(plan.folder), Counting(len(plan.makes[0].stretches))
    runs = os.open(folder / f"runs-{plan.number}", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    recoveries = Recoveries(lambda fault, devices, seconds: say("recovered", fault=fault, devices=devices, seconds=seconds))
    with Lives(folder, plan.number, plan.life, len(plan.units)) as lives, Notes(folder, plan.number) as notes:
        shared = Shared(
            plan, plan.place.tls(), Clock(plan.clock_offset_ns), counting, recoveries, lives, notes, runs,
            trio.Event(), trio.Event(), trio.Event(),
        )  # fmt: skip
        worker = DeviceWorker(plan, shared, Proxies(plan.place.url, are_needed=plan.has_proxies))
        await worker.run()
        worker.tell()


if __name__ == "__main__":
    trio.run(main)
