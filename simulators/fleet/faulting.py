"""The faults of a scenario, each at its time: who is hit is drawn from the seed, what it does is told to the workers.

Owns when a fault begins and ends, and who is asked when everybody streams again. course.py runs it beside the phases; every fault is over
when the last phase is.
"""

from collections.abc import Mapping, Sequence
from math import ceil
from random import Random
from typing import Any

import trio

from simulators.fleet.clock import Clock
from simulators.fleet.clocks import hit, occurrences, until_s
from simulators.fleet.figures import FaultRecord, Figures
from simulators.fleet.processes import Worker
from simulators.fleet.proxies import LANES
from simulators.fleet.scenario import CLOCK_FAULTS, Fault, Scenario


class Faulting:
    """The faults of one run."""

    def __init__(self, scenario: Scenario, devices: Sequence[Worker], viewers: Sequence[Worker], figures: Figures, clock: Clock) -> None:
        self._scenario = scenario
        self._devices = devices
        self._viewers = viewers
        self._figures = figures
        self._clock = clock
        self._rng = Random(f"{scenario.seed} faults")

    async def run(self, begin_us: int) -> None:
        """Carry out every fault; returns when the last one is over."""
        async with trio.open_nursery() as nursery:
            for fault in self._scenario.faults:
                for at_s in occurrences(fault, self._scenario.run_s):
                    nursery.start_soon(self._occur, fault, at_s, begin_us)

    async def _occur(self, fault: Fault, at_s: float, begin_us: int) -> None:
        end_s = until_s(fault, at_s, self._scenario.run_s)
        await trio.sleep_until(self._clock.trio_time(begin_us + int(at_s * 1e6)))
        record = FaultRecord(len(self._figures.faults), fault.kind, fault.on, at_s, end_s, amount=fault.amount)
        self._figures.faults.append(record)
        word = f"{fault.kind}{fault.amount} ({fault.share:.0%} of {fault.on})" if fault.kind != "kill" else "kill (one worker)"
        self._figures.faults_now.append(word)
        try:
            if fault.kind == "kill":
                await self._kill(record, end_s - at_s, begin_us)
            elif fault.kind in CLOCK_FAULTS:
                record.devices = len(hit(self._scenario, fault, at_s))  # each device has known of it from the beginning
                await trio.sleep(end_s - at_s)
            else:
                await self._break(record, fault, end_s - at_s)
        finally:
            self._figures.faults_now.remove(word)

    async def _kill(self, record: FaultRecord, for_s: float, begin_us: int) -> None:
        worker = self._rng.choice([worker for worker in self._devices if not worker.is_killed] or list(self._devices))
        if worker.is_killed:
            return  # nobody is left to be hit; the kill before it says when all are back
        record.devices = len(worker.plan.units)
        await worker.kill()
        self._figures.forget(("device_worker", worker.plan.number))
        await trio.sleep(for_s)
        record.waiting = {worker.plan.number}
        since_us = self._clock.now_us()
        await worker.restart(begin_us)
        await worker.order("expect", fault=record.number, since_us=since_us, lanes=list(range(LANES)))

    async def _break(self, record: FaultRecord, fault: Fault, for_s: float) -> None:
        lanes = self._rng.sample(range(LANES), ceil(fault.share * LANES))
        order: Mapping[str, Any] = {"fault": record.number, "kind": fault.kind, "lanes": lanes}
        order = {**order, "delay_s": fault.delay_s, "jitter_s": fault.jitter_s, "bytes_per_s": fault.bytes_per_s, "frames": fault.frames}
        on_devices = self._devices if fault.on != "viewers" else ()
        workers = [*on_devices, *(self._viewers if fault.on != "devices" else ())]
        record.devices = sum(sum(at % LANES in lanes for at in range(len(worker.plan.units))) for worker in on_devices)
        await self._tell(workers, "break", **order)
        await trio.sleep(for_s)
        await self._tell(workers, "mend", fault=record.number)
        asked = [worker for worker in on_devices if not worker.is_killed]
        record.waiting = {worker.plan.number for worker in asked}
        await self._tell(asked, "expect", fault=record.number, since_us=self._clock.now_us(), lanes=lanes)

    async def _tell(self, workers: Sequence[Worker], do: str, **more: Any) -> None:
        for worker in workers:
            await worker.order(do, **more)
