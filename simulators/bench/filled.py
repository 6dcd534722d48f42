"""A history store in this process, filled with a fleet's readings, then asked for one series after another while a writer goes on.

A program (answering.py): `fill` appends the span of the plan and lets the store put it in order; `raw` asks for all readings of one series,
`rollups` for its buckets of an hour, each time another one, while the fleet's readings go on coming as a hub would bring them; `quit`
closes it, and a hub may open it. Says the times as the caller of the store has them.
"""

from typing import Any, Final

import numpy as np
import trio

from hub.core.records import Cursor
from hub.ports import HistoryStore
from simulators.bench.answering import GivenUp, heard, run_program, say
from simulators.bench.inserter import fill, keep_tending, opened_store, put_in_order
from simulators.bench.readings import Fleet
from simulators.bench.watching import quantiles_s

SAFE_EVERY_S: Final = 30.0
WARM_UP: Final = 5  # queries
HOT: Final = 1_000_000  # readings
SECOND_US: Final = 1_000_000
HOUR_US: Final = 3_600 * SECOND_US
MOST: Final = 100_000  # points of an answer
ENDS: Final = 3  # readings of a series that may lie on this or that side of an end


class Filled:
    """The store, its fleet, and what was put into it. The cursor ends at 0, below the first frame of the hub's own journal."""

    def __init__(self, plan: dict[str, Any], store: HistoryStore) -> None:
        self.plan, self.store = plan, store
        self.fleet = Fleet(plan["devices"])
        self.series = self.fleet.series
        self.written_us = 0
        self.begin_us, self.step_us, self.steps = plan["span"]
        self.end_us = self.begin_us + self.step_us * self.steps
        self.cursor = Cursor(plan["journal"], -1_000_000)
        self.drawn = np.random.default_rng(plan.get("seed", 1))

    async def fill(self) -> dict[str, float]:
        """Append the span and wait until the store has put it in order."""
        began_s = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(keep_tending, self.store)
            inserted, _ = await fill(self.store, self.fleet, (self.begin_us, self.step_us, self.steps), self.cursor)
            nursery.cancel_scope.cancel()
        filled_s = trio.current_time() - began_s
        self.cursor = await self.store.cursor() or self.cursor
        await put_in_order(self.store)
        await self._heat()
        return {"inserted": inserted, "filled_s": filled_s, "ordered_s": trio.current_time() - began_s, **await self.store.statistics()}

    async def _heat(self) -> None:
        """Append what came since the last flush: half of what the store keeps unsorted at most, as a store that runs has on average."""
        for columns in self.fleet.batches(self.end_us, SECOND_US, min(HOT // len(self.series), self.steps // 2)):
            self.cursor = Cursor(self.cursor.journal, self.cursor.position + 1)
            await self.store.append(columns, self.cursor)
            self.written_us += len(columns) // len(self.series) * SECOND_US

    async def write_on(self) -> None:
        """Append the fleet's readings as time goes on, a second's at a time as a hub gathers them, until cancelled."""
        due_s, safe_s = trio.current_time(), trio.current_time()
        for columns in self.fleet.batches(self.end_us + self.written_us, SECOND_US, 10**6, batch=1):
            self.cursor = Cursor(self.cursor.journal, self.cursor.position + 1)
            await self.store.append(columns, self.cursor)
            self.written_us += SECOND_US
            if trio.current_time() - safe_s > SAFE_EVERY_S:
                await self.store.make_safe()
                safe_s = trio.current_time()
            due_s += 1.0
            await trio.sleep_until(due_s)

    async def ask(self, width_us: int) -> dict[str, float]:
        """Ask for one series after another for so many seconds, while the writer goes on; return the quantiles."""
        took_s: list[float] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.write_on)
            nursery.start_soon(keep_tending, self.store)
            for _ in range(WARM_UP):
                await self._ask_one(width_us)
            until_s = trio.current_time() + self.plan["seconds"]
            while trio.current_time() < until_s:
                took_s.append(await self._ask_one(width_us))
            nursery.cancel_scope.cancel()
        p50_s, p99_s = quantiles_s(took_s)
        return {"queries": len(took_s), "p50_s": p50_s, "p99_s": p99_s}

    async def _ask_one(self, width_us: int) -> float:
        series = self.series[int(self.drawn.integers(len(self.series)))]
        later_us = 0 if width_us else self.written_us  # points: those of the last hour, the newest among them
        began_s = trio.current_time()
        answer = await self.store.query([series], self.begin_us + later_us, self.end_us + later_us, width_us, MOST)
        took_s = trio.current_time() - began_s
        found = int(answer.buckets[series].count.sum()) if width_us else len(answer.raw[series])
        if abs(found - self.steps) > ENDS:
            raise GivenUp(f"{series.device} {series.channel} has {found:,} readings for {self.steps:,}")
        return took_s


async def main(plan: dict[str, Any]) -> None:
    """Do what is asked for until `quit`."""
    store = opened_store(plan)
    await store.start()
    try:
        filled = Filled(plan, store)
        say({"ready": True})
        while (command := await trio.to_thread.run_sync(heard)) != "quit":
            match command:
                case "fill":
                    say(await filled.fill())
                case "raw":
                    say(await filled.ask(0))
                case "rollups":
                    say(await filled.ask(HOUR_US))
    finally:
        with trio.CancelScope(shield=True):
            await store.aclose()
    say({"closed": True})


def run(plan: dict[str, Any]) -> None:
    """Serve until told to quit."""
    trio.run(main, plan)


if __name__ == "__main__":
    run_program(run)
