"""A process full of viewers of a simulation.

Owns its watchers, their proxy and what it tells the course. A program: its plan is the first line of stdin; then orders come: `begin`
(the schedule's first moment: connect), `break`, `mend`, `judge` (compare what was shown with what was made), `quit`. It says `ready`,
`open`, `figures` once a second, `judged`. Started by processes.py.
"""

from collections.abc import Sequence
from typing import Any, Final

import trio

from hub.client import HubClient
from simulators.fleet.clock import Clock
from simulators.fleet.counting import Counting
from simulators.fleet.expected import Expected
from simulators.fleet.orders import be_quiet, orders, read_plan, say
from simulators.fleet.picture import Name, Series
from simulators.fleet.plans import Truth, WorkerPlan
from simulators.fleet.proxies import LANES, Proxies
from simulators.fleet.watcher import Watcher

TELL_EVERY_S: Final = 1.0


class ViewerWorker:
    """All viewers of a process."""

    def __init__(self, plan: WorkerPlan) -> None:
        self._plan = plan
        self._counting = Counting(len(plan.makes[0].stretches))
        self._clock = Clock(plan.clock_offset_ns)
        self._proxies = Proxies(plan.place.url, are_needed=plan.has_proxies)
        self._watchers: list[Watcher] = []

    def _series(self, truth: Truth, places: Sequence[int]) -> dict[Name, Series]:
        """Return the series of one viewer; what it watches is compared reading by reading, so each has a picture of its own."""
        found: dict[Name, Series] = {}
        for at in places:
            sensor, schedule = truth.sensor(at), truth.schedule(at)
            for channel in sensor.plain:
                found[sensor.device, channel] = Series(schedule, Expected(sensor, schedule, channel))
        return found

    async def run(self) -> None:
        """Watch and obey until told to quit."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self._proxies.run)
            lanes = range(LANES if self._plan.has_proxies else 1)
            clients = [await nursery.start(self._client, self._proxies.url(lane)) for lane in lanes]
            nursery.start_soon(self._tell)
            say("ready")
            async for order in orders():
                match order["do"]:
                    case "begin":
                        self._begin(order["begin_us"], clients, nursery)
                    case "break":
                        self._proxies.break_(order)
                    case "mend":
                        self._proxies.mend(order["fault"])
                    case "judge":
                        nursery.start_soon(self._judge, order)
                    case "quit":
                        break
            nursery.cancel_scope.cancel()

    def _begin(self, begin_us: int, clients: Sequence[HubClient], nursery: trio.Nursery) -> None:
        plan = self._plan
        truth = Truth(plan.seed, plan.makes, plan.units, begin_us)
        self._watchers = [
            Watcher(number, self._series(truth, places), plan.span_s, self._clock, self._counting)
            for number, places in enumerate(plan.watched, plan.first_viewer)
        ]
        for at, watcher in enumerate(self._watchers):
            nursery.start_soon(watcher.run, clients[at % len(clients)])
        nursery.start_soon(self._open)

    async def _client(self, url: str, *, task_status: trio.TaskStatus[HubClient]) -> None:
        async with self._plan.place.client(url) as client:
            task_status.started(client)
            await trio.sleep_forever()

    async def _open(self) -> None:
        for watcher in self._watchers:
            await watcher.was_shown.wait()
        say("open")

    async def _judge(self, order: dict[str, Any]) -> None:
        shown = merged = 0
        differences: list[dict[str, Any]] = []

        async def judge(watcher: Watcher) -> None:
            nonlocal shown, merged
            verdict = await watcher.judge(order["made"], order["settle_s"])
            shown, merged = shown + verdict["shown"], merged + verdict["merged"]
            differences.extend({**each, "where": f"viewer {watcher.number}"} for each in verdict["differences"])

        async with trio.open_nursery() as nursery:
            for watcher in self._watchers:
                nursery.start_soon(judge, watcher)
        self._say_figures()
        say("judged", viewers=len(self._watchers), shown=shown, merged=merged, differences=differences)

    async def _tell(self) -> None:
        while True:
            await trio.sleep(TELL_EVERY_S)
            self._say_figures()

    def _say_figures(self) -> None:
        errors = [watcher.last_error for watcher in self._watchers if watcher.last_error and not watcher.is_connected]
        now = {"viewers": sum(watcher.is_connected for watcher in self._watchers)}
        say("figures", **self._counting.take(), now=now, last_error=errors[0] if errors else "")


async def main() -> None:
    """Read the plan, be the viewers."""
    plan = WorkerPlan.of(read_plan())
    be_quiet()
    await ViewerWorker(plan).run()


if __name__ == "__main__":
    trio.run(main)
