"""Tests of hub/bus/drained.py: when the word of a journal that another node has gone through is passed on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio
import trio.testing

from hub.bus.drained import SHOWN_S, DrainedJournals
from hub.core.drained import KEPT_S, KIND, MAX_DEVICES, Drained
from hub.state.sqlite import SQLiteStateStore

NOW_US = 1_700_000_000_000_000


class Told:
    """What cursors were told."""

    def __init__(self) -> None:
        self.drained_now: list[Drained] = []
        self.long_ago: list[str] = []

    def drained(self, each: Drained) -> None:
        self.drained_now.append(each)

    def drained_long_ago(self, journal: str) -> None:
        self.long_ago.append(journal)


def journal(name: str, age_s: float) -> Drained:
    return Drained.now(name, 7, NOW_US - int(age_s * 1e6), {"pump"})


@asynccontextmanager
async def stored(directory: Path, *known: Drained) -> AsyncIterator[SQLiteStateStore]:
    state = SQLiteStateStore(directory / "state.db")
    await state.start()
    await state.change([each.document() for each in known])
    yield state
    await state.aclose()


async def test_a_journal_is_told_when_the_store_shows_all_of_it_and_once_more_when_it_is_long_ago(
    tmp_path: Path, mock_clock: trio.testing.MockClock
) -> None:
    began_s, told = trio.current_time(), Told()
    async with stored(tmp_path, old := journal("old", 600.0), journal("gone", KEPT_S)) as state, trio.open_nursery() as nursery:
        drained = DrainedJournals(state, told, lambda: NOW_US + int((trio.current_time() - began_s) * 1e6))
        await nursery.start(drained.run)
        assert told.drained_now == [old]  # before anybody watches
        await state.change([(new := journal("new", 0.0)).document()])
        await drained.refresh("rule", ["new"])
        await drained.refresh(KIND, ["new", "old"])
        await drained.reload()
        mock_clock.jump(SHOWN_S - 1)
        await trio.testing.wait_all_tasks_blocked()
        assert told.drained_now == [old]
        mock_clock.jump(1)
        await trio.testing.wait_all_tasks_blocked()
        assert told.drained_now == [old, new]
        mock_clock.jump(KEPT_S - 600.0)
        await trio.testing.wait_all_tasks_blocked()
        assert told.long_ago == ["old"]
        mock_clock.jump(600.0)
        await trio.testing.wait_all_tasks_blocked()
        assert (told.drained_now, told.long_ago) == ([old, new], ["old", "new"])
        nursery.cancel_scope.cancel()


async def test_a_journal_of_very_many_devices_is_told_as_one_of_all(tmp_path: Path) -> None:
    few, many = ({f"pump-{at}" for at in range(count)} for count in (MAX_DEVICES, MAX_DEVICES + 1))
    assert Drained.of(Drained.now("j", 1, 2, few).document()) == Drained("j", 1, 2, frozenset(few))
    assert Drained.of(Drained.now("j", 1, 2, many).document()) == Drained("j", 1, 2, None)
