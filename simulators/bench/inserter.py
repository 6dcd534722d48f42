"""Insert into a history store as fast as it takes it, as the history writer does that is behind: no hub, no journal, the store alone.

A program (answering.py): `measure` appends the readings of a fleet, makes them safe as often as a hub does and lets the store tend its
files beside it; then it waits until the store has put everything in order, and says what both took.
"""

import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import trio

from hub.core.records import Cursor
from hub.ports import HistoryStore, Retention, StoreUnavailable
from hub.stores import make_store
from simulators.bench.answering import GivenUp, heard, run_program, say
from simulators.bench.readings import CHANNELS, Fleet

SAFE_EVERY: Final = 200_000 * CHANNELS  # readings: a hub makes so many frames safe at once
TEND_EVERY_S: Final = 1.0
ORDER_TIMEOUT_S: Final = 300.0
_JOURNAL: Final = "bench"


def opened_store(plan: dict[str, Any]) -> HistoryStore:
    """Return the store that a plan names; it keeps everything."""
    keep = Retention(raw_days=0, minutes_days=0, hours_days=0)
    return make_store(plan["store"], plan.get("token"), keep, Path(plan["directory"]) / "history.duckdb")


async def keep_tending(store: HistoryStore) -> None:
    """Let the store tend its files every now and then, until cancelled."""
    while True:
        with suppress(StoreUnavailable):
            await store.tend(time.time_ns() // 1_000)
        await trio.sleep(TEND_EVERY_S)


async def put_in_order(store: HistoryStore) -> None:
    """Tend until nothing changes any more: everything is where it stays. Raises GivenUp."""
    await store.make_safe()
    with trio.move_on_after(ORDER_TIMEOUT_S):
        before = None
        while before != (before := dict(await store.statistics())):
            await store.tend(time.time_ns() // 1_000)
            await store.make_safe()
        return
    raise GivenUp(f"the store was still putting its files in order after {ORDER_TIMEOUT_S:g} s")


async def fill(store: HistoryStore, fleet: Fleet, span: tuple[int, int, int], first: Cursor) -> tuple[int, float]:
    """Append (begin_us, step_us, steps) of a fleet, the cursor one further each time; return readings and seconds, but for making them."""
    inserted = unsafe = 0
    took_s, cursor = 0.0, first
    batches = fleet.batches(*span)
    while (columns := next(batches, None)) is not None:
        began_s, cursor = trio.current_time(), Cursor(cursor.journal, cursor.position + 1)
        if refused := await store.append(columns, cursor):
            raise GivenUp(f"the store refuses {len(refused)} readings: {refused[0].reason}")
        inserted, unsafe = inserted + len(columns), unsafe + len(columns)
        if unsafe >= SAFE_EVERY:
            await store.make_safe()
            unsafe = 0
        took_s += trio.current_time() - began_s
    return inserted, took_s


async def measure(plan: dict[str, Any]) -> dict[str, float]:
    """Fill a store and return the rates."""
    fleet, steps = Fleet(plan["devices"]), plan["readings"] // (plan["devices"] * CHANNELS)
    store = opened_store(plan)
    await store.start()
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(keep_tending, store)
            begin_us = time.time_ns() // 1_000 - steps * 1_000_000
            inserted, took_s = await fill(store, fleet, (begin_us, 1_000_000, steps), Cursor(_JOURNAL, 0))
            began_s = trio.current_time()
            await store.make_safe()
            took_s += trio.current_time() - began_s
            nursery.cancel_scope.cancel()
        await put_in_order(store)
        ordered_s = took_s + trio.current_time() - began_s
        size_bytes = (await store.statistics()).get("bytes", 0.0)
    finally:
        with trio.CancelScope(shield=True):
            await store.aclose()
    return {"inserted": inserted, "per_s": inserted / took_s, "ordered_per_s": inserted / ordered_s, "bytes": size_bytes}


def run(plan: dict[str, Any]) -> None:
    """Measure when asked to."""
    say({"ready": True})
    while heard() == "measure":
        say(trio.run(measure, plan))


if __name__ == "__main__":
    run_program(run)
