"""A hub of its own under a fleet of simulated devices and viewers, with something done to it meanwhile, and the audit of every reading.

Owns the hub's life and how it is looked at from outside; storm.py and soak.py say what is done and judge.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import trio

from simulators.bench.accounting import memory_of
from simulators.fleet.course import Course, Wish
from simulators.fleet.figures import Figures
from simulators.fleet.plans import Place
from simulators.fleet.report import Report
from simulators.fleet.scenario import Scenario
from simulators.hub_process import HubProcess, free_port

SPARE = 400  # connections that a hub may have beyond its devices and viewers: proxies keep some a little longer


@dataclass(slots=True)
class Load:
    """What is going on: the hub, the figures so far, and the event that ends the load."""

    hub: HubProcess
    figures: Figures
    enough: trio.Event

    def memory_mb(self) -> float:
        """Return the resident memory of the hub."""
        return memory_of(self.hub.pid).rss / 1e6

    def descriptors(self) -> int:
        """Return how many files and sockets the hub has open."""
        return sum(1 for _ in Path(f"/proc/{self.hub.pid}/fd").iterdir())

    async def until(self, holds: Callable[[], object], timeout_s: float) -> bool:
        """Wait for something that workers tell once a second; tell whether it came."""
        with trio.move_on_after(timeout_s):
            while not holds():  # noqa: ASYNC110
                await trio.sleep(0.05)
            return True
        return False


Act = Callable[[Load], Awaitable[None]]


async def under_load(scenario: Scenario, directory: Path, act: Act, idle: Callable[[Load], None] | None = None) -> tuple[Load, Report]:
    """Run the scenario against a new hub, and the act from when all devices stream; when the act is over, nothing more is made.

    `idle` looks at the hub before anybody has come. The hub runs on for the caller to look at, and is the caller's to kill.
    """
    connections = scenario.devices + scenario.viewers.count + SPARE
    hub = HubProcess(directory / "data", port=free_port(), environment={"TRIBUTARY_MAX_CONNECTIONS": str(connections)})
    load = Load(hub, Figures([phase.name for phase in scenario.phases]), trio.Event())
    await trio.to_thread.run_sync(hub.start)
    if idle is not None:
        idle(load)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_acted, load, act)
            # Kept: devices that are removed one by one would be the longest part of it, and the hub is thrown away.
            wish = Wish(keep=directory / "made.json", enough=load.enough)
            report = await Course(scenario, Place(hub.url, hub.admin_token), wish, load.figures, lambda line: None).run()
            nursery.cancel_scope.cancel()
    except BaseException:
        hub.kill()
        raise
    return load, report


async def _acted(load: Load, act: Act, idle: Callable[[Load], None] | None = None) -> None:
    await load.until(lambda: load.figures.stage == "running", 600)
    await act(load)
    load.enough.set()
