"""The audit log stays bounded, by age and by number, as time goes on."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
import trio
import trio.testing

from hub.core.audit import TRIM_EVERY_S, AuditLog
from hub.state.sqlite import SQLiteStateStore

DAY_US = 86_400_000_000


@pytest.fixture
async def state(tmp_path: Path) -> AsyncIterator[SQLiteStateStore]:
    state = SQLiteStateStore(tmp_path / "state.db")
    await state.start()
    yield state
    await state.aclose()


@pytest.mark.parametrize(("keep_days", "keep", "left"), [(3.0, 100, 3), (0.0, 100, 10), (0.0, 4, 4), (3.0, 2, 2)])
async def test_entries_go_by_age_and_by_number(state: SQLiteStateStore, keep_days: float, keep: int, left: int) -> None:
    now_us = 0
    log = AuditLog(state, lambda: now_us)
    for day in range(10):
        now_us = day * DAY_US
        await log.note("ann", "try", f"day {day}")
    now_us += DAY_US // 2
    async with trio.open_nursery() as nursery:
        await nursery.start(partial(log.run, keep_days, keep))
        with trio.fail_after(30):
            while len(entries := await log.page(None, 99)) != left:
                await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
    assert [entry.what for entry in entries] == [f"day {day}" for day in range(9, 9 - left, -1)]


async def test_a_store_that_is_away_is_asked_again(state: SQLiteStateStore, autojump_clock: trio.testing.MockClock) -> None:
    now_us = 10 * DAY_US
    log = AuditLog(state, lambda: now_us)
    await log.note("ann", "try", "it")
    await state.aclose()
    now_us = 20 * DAY_US
    async with trio.open_nursery() as nursery:
        await nursery.start(log.run, 5.0, 100)
        await trio.sleep(TRIM_EVERY_S / 2)  # it was asked once, in vain
        await state.start()  # in a thread: the clock may jump meanwhile
        await trio.sleep(2 * TRIM_EVERY_S)
        nursery.cancel_scope.cancel()
    assert await log.page(None, 9) == []
