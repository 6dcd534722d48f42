"""The parent of workers: all of them run, one that ends is started again, a broken journal is handed on. Workers are shell scripts here."""

import os
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest
import trio

from hub.workers.supervisor import Slot, Supervisor, WorkerEnded

WELL = "echo ready here; exec sleep 60"
NAMES = ("big-1", "big-2", "big-3")


def running(*scripts: str) -> Supervisor:
    """Return the parent of workers that are these scripts."""
    return Supervisor(NAMES[: len(scripts)], lambda number: ["sh", "-c", scripts[number - 1]])


async def another_life(slot: Slot, before: int | None) -> int:
    """Return the process id once it is another."""
    with trio.fail_after(20):
        while slot.pid in (None, before):  # noqa: ASYNC110
            await trio.sleep(0.01)
    assert slot.pid is not None
    return slot.pid


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def test_all_run_until_the_parent_is_told_to_end_and_one_that_is_killed_is_started_again() -> None:
    supervisor = running(WELL, WELL)
    async with trio.open_nursery() as nursery:
        await nursery.start(supervisor.run)
        before = [slot.pid or 0 for slot in supervisor.slots]
        os.kill(before[0], signal.SIGKILL)
        after = await another_life(supervisor.slots[0], before[0])
        assert supervisor.slots[1].pid == before[1]
        nursery.cancel_scope.cancel()
    assert all(is_gone(pid) for pid in (*before, after))


async def test_they_are_restarted_one_after_the_other() -> None:
    supervisor = running(WELL, WELL, WELL)
    async with trio.open_nursery() as nursery:
        await nursery.start(supervisor.run)
        before = [slot.pid or 0 for slot in supervisor.slots]
        with trio.fail_after(20):
            await supervisor.restart()
        assert all([await another_life(slot, pid) for slot, pid in zip(supervisor.slots, before, strict=True)])
        nursery.cancel_scope.cancel()


async def test_where_one_does_not_come_back_those_behind_it_are_left_alone(tmp_path: Path) -> None:
    once = f"test -e {tmp_path}/was && exit 1; touch {tmp_path}/was; {WELL}"
    supervisor = running(once, WELL)
    async with trio.open_nursery() as nursery:
        await nursery.start(supervisor.run)
        before = supervisor.slots[1].pid
        with trio.fail_after(20):
            await supervisor.restart()
        assert supervisor.slots[1].pid == before
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("scripts", "code"),
    [
        (["exit 2", WELL], 2),  # it never listened: what keeps it from it is told at once
        ([WELL, "echo ready here; exit 75"], 75),  # its journal broke: never in silence
    ],
)
async def test_an_end_that_is_for_whoever_runs_the_machine_ends_all(scripts: Sequence[str], code: int) -> None:
    supervisor = running(*scripts)
    with trio.fail_after(20), pytest.raises(BaseExceptionGroup) as failed:
        await supervisor.run()
    ended, _ = failed.value.split(WorkerEnded)
    assert ended is not None
    error: BaseException = ended
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, WorkerEnded)
    assert error.code == code
    assert all(slot.pid is None for slot in supervisor.slots)
