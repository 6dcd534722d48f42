"""The course of a simulation: devices are made, let in, sent through the phases, drained, audited and removed.

Owns the order of things and the workers; each part has a file of its own. `tributary simulate` runs it and shows `figures` meanwhile.
Ctrl-C or SIGTERM ends it early, and what it made at the hub is removed all the same.
"""

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import trio

from hub.client import HubClient, HubError
from simulators.fleet import sharing
from simulators.fleet.clock import Clock
from simulators.fleet.clocks import Changes, clocks_of
from simulators.fleet.commanding import Commanding
from simulators.fleet.errors import FleetError
from simulators.fleet.faulting import Faulting
from simulators.fleet.figures import Figures
from simulators.fleet.judging import judged
from simulators.fleet.lives import frames_of
from simulators.fleet.made import Made, gathered_lives, gathered_numbers
from simulators.fleet.plans import Place, Unit, WorkerPlan
from simulators.fleet.processes import Worker
from simulators.fleet.provisioning import Provisioned, known_hub
from simulators.fleet.report import Report, filled
from simulators.fleet.scenario import Scenario
from simulators.fleet.stopping import Say, stopped_by_signals

LET_IN_S: Final = 60.0  # beyond the ramp
DEVICES_PER_S: Final = 400.0  # of a ramp that nobody asked for
SETTLE_S: Final = 30.0  # for viewers to be shown the last readings
TICK_S: Final = 1.0
CLEAN_UP_S: Final = 600.0


@dataclass(frozen=True, slots=True)
class Wish:
    """How a run is to be made beside its scenario. `keep`: leave devices and readings at the hub, and write there what was made.

    `enough`: once it is set nothing more is made, whatever is left of the phases.
    """

    workers: int | None = None
    keep: Path | None = None
    enough: trio.Event = field(default_factory=trio.Event)


class Course:
    """One run of a scenario."""

    def __init__(self, scenario: Scenario, place: Place, wish: Wish, figures: Figures, say: Say) -> None:
        self._scenario = scenario
        self._place = place
        self._wish = wish
        self._figures = figures
        self._say = say
        self._clock = Clock.measured()
        self._count = sharing.worker_count(scenario, wish.workers)
        self._clocks: list[Changes] = []
        self._left: dict[str, dict[str, Any]] = {}
        self._known: dict[str, list[int]] = {}  # device -> readings that it dropped, and was told to be rejected
        self._shown: dict[str, Any] = {"viewers": 0, "shown": 0, "merged": 0, "differences": []}
        self._failure: FleetError | None = None
        self._scope = trio.CancelScope()

    async def run(self) -> Report:
        """Run it and return the report. Raises FleetError, HubError, KeyboardInterrupt; the devices are removed whatever happens."""
        sharing.check_certificate(self._scenario, self._place)
        sharing.check_descriptors(self._scenario, self._count, self._say)
        self._clocks = clocks_of(self._scenario)
        async with self._place.client() as client:
            hub = await known_hub(client)
            provisioned, folder = Provisioned(), Path(tempfile.mkdtemp(prefix="tributary-simulate-"))
            try:
                async with stopped_by_signals(self._scope, self._say, "stopping early"):
                    with self._scope:
                        report = await self._whole(client, hub, provisioned, folder)
                if self._failure is not None:
                    raise self._failure
                if self._scope.cancelled_caught:
                    raise KeyboardInterrupt
                return report
            finally:
                shutil.rmtree(folder, ignore_errors=True)
                await self._clean_up(client, provisioned)

    async def _clean_up(self, client: HubClient, provisioned: Provisioned) -> None:
        if self._wish.keep is not None:
            return self._say(f"the devices are kept; remove them: {provisioned.by_hand}")
        scope = trio.CancelScope(shield=True, deadline=trio.current_time() + CLEAN_UP_S)
        async with stopped_by_signals(scope, self._say, "leaving the rest of the devices"):
            with scope:
                self._figures.stage = "removing the devices"
                try:
                    await provisioned.remove(client, lambda count: self._told(count, self._scenario.devices))
                except HubError as error:
                    self._say(f"not all devices are removed: {error.message}; by hand: {provisioned.by_hand}")
        if scope.cancelled_caught:
            self._say(f"not all devices are removed; by hand: {provisioned.by_hand}")

    def _told(self, done: int, of: int) -> None:
        self._figures.progress = (done, of)

    async def _whole(self, client: HubClient, hub: dict[str, Any], provisioned: Provisioned, folder: Path) -> Report:
        scenario, figures = self._scenario, self._figures
        figures.stage = "adding devices"
        names = [provisioned.names(group.name, group.count) for group in scenario.groups]
        tokens = await provisioned.add(client, [name for group in names for name in group], lambda n: self._told(n, scenario.devices))
        units = sharing.units_of(scenario, names, self._clocks)
        commanding = Commanding(scenario.commands, scenario.seed, provisioned.run, [unit.name for unit in units], client, figures)
        made, began_us = await self._run_workers(units, tokens, provisioned.run, folder, commanding)
        if self._wish.keep is not None:
            made.write(self._wish.keep)
        phases = [{"name": phase.name, "for_s": phase.for_s, "rate": phase.rate} for phase in scenario.phases]
        report = Report(
            scenario.name, self._place.url, hub["version"], hub["store"]["name"], provisioned.run, scenario.seed, began_us, scenario.run_s,
            scenario.devices, scenario.viewers.count, self._count, phases, {}, {}, {}, [], [],
        )  # fmt: skip
        filled(report, figures)
        report.frames["sent"] = sum(map(frames_of, made.lives))  # what a killed worker had no time to tell is in its lives
        report.not_acked = {name: said["frames"] for name, said in self._left.items()}
        if commanding.told:
            report.commands = commanding.said()
        figures.stage = "reading back what is stored"
        await judged(report, client, made, self._shown, lambda done: self._told(done, scenario.devices))
        return report

    async def _run_workers(
        self, units: Sequence[Unit], tokens: dict[str, str], run: str, folder: Path, commanding: Commanding
    ) -> tuple[Made, int]:
        scenario, figures = self._scenario, self._figures
        devices, viewers = self._workers(units, tokens, folder)
        async with trio.open_nursery() as nursery:
            for worker in [*devices, *viewers]:
                await nursery.start(worker.run)
            await self._let_in(devices, viewers)
            begin_us = self._clock.now_us() + 500_000 + 20_000 * scenario.viewers.count
            for worker in [*devices, *viewers]:
                await worker.order("begin", begin_us=begin_us)
            ticking = trio.CancelScope()
            nursery.start_soon(self._tick, begin_us, ticking)
            figures.stage = "running"
            async with trio.open_nursery() as phases:
                phases.start_soon(Faulting(scenario, devices, viewers, figures, self._clock).run, begin_us)
                phases.start_soon(commanding.send, scenario.run_s, scenario.drain_s)
                with trio.CancelScope(deadline=self._clock.trio_time(begin_us + int(scenario.run_s * 1e6))):
                    await self._wish.enough.wait()
                    phases.cancel_scope.cancel()
            await self._drain(devices)
            figures.stage = "waiting for commands"
            await commanding.end()
            commanding.judge(folder, self._count)
            lives = gathered_lives(folder, self._count, len(units))
            left = {name: said["stretches"] for name, said in self._left.items()}
            numbers = gathered_numbers(folder, self._count, units)
            made = Made(run, scenario.seed, begin_us, sharing.makes_of(scenario), units, lives, left, numbers, self._known)
            await self._judge_viewers(viewers, made)
            ticking.cancel()
            nursery.cancel_scope.cancel()
        return made, begin_us

    def _workers(self, units: Sequence[Unit], tokens: dict[str, str], folder: Path) -> tuple[list[Worker], list[Worker]]:
        scenario, count = self._scenario, self._count
        (folder / "spools").mkdir()
        ramp_s = scenario.ramp_s or max(0.5, scenario.devices / DEVICES_PER_S)
        common = WorkerPlan(
            0, 0, self._place, scenario.seed, sharing.makes_of(scenario), (), str(folder), scenario.has_disk_spools,
            scenario.breaks("devices"), scenario.breaks_links, ramp_s, self._clock.offset_ns, command_s=scenario.commands.takes_s,
        )  # fmt: skip
        with_tokens = [replace(unit, token=tokens[unit.name]) for unit in units]
        devices = [Worker("device_worker", replace(common, number=at, units=with_tokens[at::count]), self._heard) for at in range(count)]
        watched, viewers = sharing.watched_of(scenario), list[Worker]()
        common = replace(common, has_proxies=scenario.breaks("viewers"), span_s=sharing.span_s(scenario) if watched else 0.0)
        for first in range(0, len(watched), sharing.VIEWERS_OF_ONE):
            part = watched[first : first + sharing.VIEWERS_OF_ONE]
            plan = replace(common, number=len(viewers), units=units, watched=part, first_viewer=first)
            viewers.append(Worker("viewer_worker", plan, self._heard))
        return devices, viewers

    def _heard(self, worker: Worker, said: dict[str, Any]) -> None:
        match said["say"]:
            case "figures":
                self._figures.hear((worker.program, worker.plan.number), said)
            case "recovered":
                self._figures.faults[said["fault"]].heard(worker.plan.number, said["seconds"])
            case "left":
                self._left |= said["devices"]
                self._known |= said["known"]
            case "judged":
                for name in ("viewers", "shown", "merged", "differences"):
                    self._shown[name] += said[name]
            case "failed" if self._failure is None:
                self._failure = FleetError(str(said["message"]), "what the hub says of it is in its log")
                self._scope.cancel()

    async def _let_in(self, devices: Sequence[Worker], viewers: Sequence[Worker]) -> None:
        self._figures.stage = "letting devices in"
        ramp_s = devices[0].plan.ramp_s
        with trio.move_on_after(ramp_s + LET_IN_S) as scope:
            for worker in devices:
                await worker.heard("open")
            for worker in viewers:
                await worker.heard("ready")
        if scope.cancelled_caught:
            connected, error = self._figures.now("connected"), self._figures.last_error
            said = f"{connected:,} of {self._scenario.devices:,} devices were let in within {ramp_s + LET_IN_S:.0f} s"
            raise FleetError(said + (f": {error}" if error else ""), "look at the hub's log, or give a longer ramp")

    async def _tick(self, begin_us: int, scope: trio.CancelScope) -> None:
        figures, ends = self._figures, list[float]()
        for phase in self._scenario.phases:
            ends.append((ends[-1] if ends else 0.0) + phase.for_s)
        with scope:
            at_s = TICK_S
            while True:
                await trio.sleep_until(self._clock.trio_time(begin_us + int(at_s * 1e6)))
                figures.elapsed_s = at_s
                figures.phase = next((name for name, end in zip(figures.phases, ends, strict=True) if at_s <= end), "draining")
                figures.tick(at_s)
                at_s += TICK_S

    async def _drain(self, devices: Sequence[Worker]) -> None:
        self._figures.stage = "draining"
        for worker in devices:
            await worker.order("finish", is_early=self._wish.enough.is_set())
        with trio.move_on_after(self._scenario.drain_s):
            for worker in devices:
                await worker.heard("drained")
        for worker in devices:
            await worker.order("left")
        for worker in devices:
            await worker.heard("left")

    async def _judge_viewers(self, viewers: Sequence[Worker], made: Made) -> None:
        self._figures.stage = "comparing what viewers were shown"
        for worker in viewers:
            places = sorted({at for watched in worker.plan.watched for at in watched})
            await worker.order("judge", made=made.stretches(places), settle_s=SETTLE_S)
        for worker in viewers:
            await worker.heard("judged")
