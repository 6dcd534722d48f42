"""The wishes to cancel: kept until they are answered, answered once, and whoever waits is told."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio
import trio.testing

from hub.core.cancels import KIND, Cancels
from hub.ports import CommandRecord, Document
from hub.state.sqlite import SQLiteStateStore

COMMAND = CommandRecord("c1", "pump", "blink", {}, "sent", 2, "ann", 10, 11, 99)


@pytest.fixture
async def state(tmp_path: Path) -> AsyncIterator[SQLiteStateStore]:
    state = SQLiteStateStore(tmp_path / "state.db")
    await state.start()
    yield state
    await state.aclose()


async def asked(state: SQLiteStateStore) -> Cancels:
    """Return wishes of which one is kept."""
    cancels = Cancels(state)
    wish = cancels.wish(COMMAND, "ann")
    await state.change(wish)
    cancels.keep(wish)
    return cancels


async def test_a_wish_is_none_before_it_is_kept_and_there_after_a_restart(state: SQLiteStateStore) -> None:
    cancels = Cancels(state)
    (wish,) = cancels.wish(COMMAND, "ann")
    assert (wish, cancels.is_asked("c1")) == (Document(KIND, "c1", 1, {"by": "ann"}), False)
    cancels.keep([Document("group command", "c1", 1, {})])
    assert not cancels.is_asked("c1")
    await state.change([wish])
    again = Cancels(state)
    await again.load()
    assert (again.is_asked("c1"), again.wish(COMMAND, "bob")) == (True, [])


async def test_the_end_of_the_command_is_the_answer_and_its_wish_is_deleted(state: SQLiteStateStore) -> None:
    cancels = await asked(state)
    await cancels.forget_answered()
    assert len(await state.documents(KIND)) == 1
    cancels.ended("c1")
    cancels.ended("c1")
    assert not cancels.is_asked("c1")
    await cancels.forget_answered()
    await cancels.forget_answered()
    assert await state.documents(KIND) == []


async def test_too_late_is_known_until_the_command_has_ended(state: SQLiteStateStore) -> None:
    cancels = await asked(state)
    cancels.said_too_late("other")  # nobody wished for it
    cancels.said_too_late("c1")
    assert (cancels.is_asked("c1"), cancels.is_too_late("c1"), cancels.is_too_late("other")) == (False, True, False)
    cancels.ended("c1")
    assert not cancels.is_too_late("c1")


async def test_whoever_waits_is_told_at_once_and_nobody_waits_longer_than_that(
    state: SQLiteStateStore, autojump_clock: trio.testing.MockClock
) -> None:
    cancels = await asked(state)
    began_s = trio.current_time()
    await cancels.wait("c1", 5.0)
    assert trio.current_time() - began_s == 5.0
    async with trio.open_nursery() as nursery:
        for _ in range(2):
            nursery.start_soon(cancels.wait, "c1", 5.0)
        await trio.testing.wait_all_tasks_blocked()
        cancels.ended("c1")
    await cancels.wait("c1", 5.0)
    assert trio.current_time() - began_s == 5.0


async def test_a_wish_of_another_node_is_new_once_and_one_that_is_gone_there_is_answered(state: SQLiteStateStore) -> None:
    there, here = Cancels(state), Cancels(state)
    assert await here.take_in(["c1"]) == []
    assert not here.is_too_late("c1")
    await state.change(there.wish(COMMAND, "ann"))
    assert (await here.take_in(["c1", "c2"]), await here.take_in(["c1"])) == (["c1"], [])
    assert (here.is_asked("c1"), here.is_too_late("c1")) == (True, False)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(here.wait, "c1", 60.0)
        await trio.testing.wait_all_tasks_blocked()
        await state.change(deletes=await state.documents(KIND))
        assert await here.take_in(["c1"]) == []
        assert (here.is_asked("c1"), here.is_too_late("c1")) == (False, True)
