"""A command runs at most once, whatever comes twice, late, broken or after a restart."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from devices.commands import MAX_IDS, MAX_REFUSED, MAX_RUNNING, Commands
from devices.spool import Spool, open_spool
from devices.wire.codec import decode_from_device
from devices.wire.messages import Cancel, Channel, Command, CommandSpec, CommandState, Outcome, Result

NOW_US = 1_700_000_000_000_000
SPEED = CommandSpec("run", "", {"speed": {"type": "number", "min": 0, "max": 9, "unit": "m/s"}, "far": {"type": "bool", "default": False}})


class Bench:
    """Commands on a spool, and what came out of them."""

    def __init__(self, spool: Spool) -> None:
        self.spool = spool
        self.now_us = NOW_US
        self.commands = Commands(lambda: self.now_us)
        self.runs: list[dict[str, Any]] = []

    async def send(self, id_: str, name: str = "run", ttl_s: float = 60.0, fence: int | None = None, **args: Any) -> None:
        await self.commands.inbox.send(Command(id_, name, args, ttl_s, NOW_US, fence))

    async def outcomes(self, id_: str) -> list[Outcome]:
        await trio.testing.wait_all_tasks_blocked()
        current = self.spool.current
        assert current is not None
        decoded = [decode_from_device(frame.body) for frame in await self.spool.read(current.epoch, 0, 10_000, 10**9)]
        return [frame.outcome for frame in decoded if isinstance(frame, Result) and frame.outcome.id == id_]

    async def states(self, id_: str) -> list[str]:
        return [outcome.state.value for outcome in await self.outcomes(id_)]

    async def note(self, **args: Any) -> int:
        self.runs.append(args)
        return len(self.runs)


@asynccontextmanager
async def bench(spool: Spool | None = None) -> AsyncIterator[Bench]:
    spool = spool or open_spool(None)
    await spool.open_epoch(spool.current.epoch + 1 if spool.current else 1, [Channel("temp")])
    mine = Bench(spool)
    mine.commands.add(SPEED, mine.note)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(mine.commands.run, spool)
        yield mine
        nursery.cancel_scope.cancel()


async def test_a_command_is_accepted_then_done_with_its_value() -> None:
    async with bench() as mine:
        await mine.send("c1", speed=3)
        assert await mine.states("c1") == ["accepted", "done"]
        assert (await mine.outcomes("c1"))[-1].value == 1
        assert mine.runs == [{"speed": 3, "far": False}]


@pytest.mark.parametrize("is_stopped", [False, True])
async def test_an_outcome_outlasts_a_slow_disk_and_the_end_of_the_device(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: trio.testing.MockClock, is_stopped: bool
) -> None:
    slow_s, spool = (1.0 if is_stopped else 60.0), open_spool(None)
    record, has_run = spool.record, trio.Event()

    async def record_slowly(outcome: Outcome, expires_us: int) -> None:
        if outcome.state.is_final:
            has_run.set()
            await trio.sleep(slow_s)
        await record(outcome, expires_us)

    monkeypatch.setattr(spool, "record", record_slowly)
    async with bench(spool) as mine:
        await mine.send("c1", speed=3)
        await has_run.wait()
        if not is_stopped:
            await trio.sleep(2 * slow_s)
    assert spool.commands["c1"].outcome.state is CommandState.DONE


async def test_a_command_below_the_highest_fence_is_neither_run_nor_answered_nor_written_down() -> None:
    async with bench() as mine:
        await mine.spool.keep_fence(7)
        await mine.send("c1", speed=3, fence=6)
        assert await mine.states("c1") == []
        await mine.send("c1", speed=3, fence=7)  # the same one, from who speaks for the hub
        assert await mine.states("c1") == ["accepted", "done"]


async def test_a_fence_that_a_command_or_a_cancel_brings_counts_from_then_on() -> None:
    async with bench() as mine:
        await mine.send("c1", speed=3, fence=8)
        await mine.send("c2", speed=3, fence=7)
        await mine.commands.inbox.send(Cancel("c3", 9))
        await mine.commands.inbox.send(Cancel("c4", 8))
        await mine.send("c5", speed=3, fence=8)
        await mine.send("c6", speed=3)  # of a hub that gives none
        assert [await mine.states(f"c{number}") for number in (1, 2, 5, 6)] == [["accepted", "done"], [], [], ["accepted", "done"]]
        assert [await mine.states(f"c{number}") for number in (3, 4)] == [["cancelled"], []]
        assert mine.spool.fence == 9


async def test_the_id_is_written_before_the_command_runs() -> None:
    async with bench() as mine:
        written: list[bool] = []

        def look() -> None:
            written.append("c1" in mine.spool.commands)

        mine.commands.add(CommandSpec("look"), look)
        await mine.send("c1", "look")
        assert await mine.states("c1") == ["accepted", "done"]
        assert written == [True]


async def test_an_id_that_comes_again_is_answered_and_not_run_again() -> None:
    async with bench() as mine:
        await mine.send("c1", speed=3)
        await mine.send("c1", speed=3)
        assert await mine.states("c1") == ["accepted", "accepted", "done"]
        await mine.send("c1", speed=4)
        assert await mine.states("c1") == ["accepted", "accepted", "done", "done"]
        assert len(mine.runs) == 1


@pytest.mark.parametrize(
    ("name", "args", "reason"),
    [
        ("fly", {}, "unknown command 'fly'; this device takes: run"),
        ("run", {}, "argument 'speed' is missing"),
        ("run", {"speed": 10}, "within 0...9, not 10"),
        ("run", {"speed": float("nan")}, "must be finite"),
        ("run", {"speed": True}, "must be of type number, not 'True'"),
        ("run", {"speed": 1, "far": 1}, "must be of type bool"),
        ("run", {"speed": 1, "colour": "red"}, "unknown argument 'colour'; run takes: speed, far"),
    ],
)
async def test_a_command_that_does_not_fit_is_rejected_with_what_is_wrong(name: str, args: dict[str, Any], reason: str) -> None:
    async with bench() as mine:
        await mine.send("c1", name, **args)
        (outcome,) = await mine.outcomes("c1")
        assert outcome.state is CommandState.REJECTED
        assert reason in str(outcome.reason)
        assert mine.runs == []


async def test_an_error_is_the_outcome_and_the_device_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    async with bench() as mine:

        async def explode() -> None:
            raise RuntimeError("stuck valve")

        mine.commands.add(CommandSpec("explode"), explode)
        await mine.send("c1", "explode")
        await mine.send("c2", speed=1)
        assert (await mine.outcomes("c1"))[-1] == Outcome("c1", CommandState.FAILED, reason="RuntimeError: stuck valve")
        assert await mine.states("c2") == ["accepted", "done"]


@pytest.mark.parametrize("value", [object(), "x" * 40_000, {1: 2}, [[[[[1]]]]]])
async def test_a_value_that_cannot_be_sent_is_a_failure_that_says_it_ran(value: Any) -> None:
    async with bench() as mine:
        mine.commands.add(CommandSpec("give"), lambda: value)
        await mine.send("c1", "give")
        outcome = (await mine.outcomes("c1"))[-1]
        assert outcome.state is CommandState.FAILED
        assert "it ran, but its value cannot be sent" in str(outcome.reason)


async def test_progress_comes_between_and_is_no_outcome() -> None:
    async with bench() as mine:

        async def walk() -> str:
            for part in (0.25, 0.5, 7.0):
                await mine.commands.report_progress(mine.spool, part)
            return "there"

        mine.commands.add(CommandSpec("walk"), walk)
        await mine.send("c1", "walk")
        outcomes = await mine.outcomes("c1")
        assert [outcome.progress for outcome in outcomes] == [None, 0.25, 0.5, 1.0, None]
        with pytest.raises(LookupError):
            await mine.commands.report_progress(mine.spool, 0.5)


async def test_a_running_command_is_cancelled_and_an_ended_one_is_too_late() -> None:
    async with bench() as mine:
        mine.commands.add(CommandSpec("wait"), trio.sleep_forever)
        await mine.send("c1", "wait")
        assert await mine.states("c1") == ["accepted"]
        await mine.commands.inbox.send(Cancel("c1"))
        assert await mine.states("c1") == ["accepted", "cancelled"]
        await mine.commands.inbox.send(Cancel("c1"))
        assert await mine.states("c1") == ["accepted", "cancelled", "too_late"]


async def test_a_cancel_that_comes_first_keeps_the_command_from_beginning() -> None:
    async with bench() as mine:
        await mine.commands.inbox.send(Cancel("c1"))
        await mine.send("c1", speed=1)
        assert await mine.states("c1") == ["cancelled", "cancelled"]
        assert mine.runs == []


async def test_what_could_not_begin_in_time_has_expired(autojump_clock: trio.testing.MockClock) -> None:
    async with bench() as mine:

        async def nap() -> None:
            await trio.sleep(100)

        mine.commands.add(CommandSpec("nap"), nap)
        for number in range(MAX_RUNNING):
            await mine.send(f"nap {number}", "nap")
        await mine.send("c1", ttl_s=99, speed=1)
        await mine.send("c2", ttl_s=101, speed=1)
        await trio.sleep(150)
        assert await mine.states("c1") == ["accepted", "expired"]
        assert await mine.states("c2") == ["accepted", "done"]


async def test_a_full_id_table_answers_busy() -> None:
    async with bench() as mine:
        for number in range(MAX_IDS):
            await mine.send(f"c{number}", speed=1)
        await mine.send("one more", speed=1)
        assert await mine.outcomes("one more") == [Outcome("one more", CommandState.REJECTED, reason="busy")]
        assert len(mine.runs) == MAX_IDS


async def test_what_was_refused_as_busy_is_not_begun_when_it_comes_again_to_a_table_with_room() -> None:
    async with bench() as mine:
        for number in range(MAX_IDS + MAX_REFUSED + 1):
            await mine.send(f"c{number}", ttl_s=30.0 if number < MAX_IDS else 60.0, speed=1)
        assert await mine.states(f"c{MAX_IDS}") == ["rejected"]
        assert await mine.states(f"c{MAX_IDS + MAX_REFUSED}") == []  # nothing is promised that cannot be kept
        current = mine.spool.current
        assert current is not None
        await mine.spool.ack({current.epoch: current.last})
        mine.now_us += 31_000_000
        await mine.send(f"c{MAX_IDS}", speed=1)
        await mine.send("c-new", speed=1)
        assert await mine.states("c-new") == ["accepted", "done"]
        assert await mine.states(f"c{MAX_IDS}") == ["rejected"]
        assert len(mine.runs) == MAX_IDS + 1


async def test_after_a_restart_what_had_begun_is_interrupted_and_never_runs_again(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    await spool.open_epoch(1, [Channel("temp")])
    await spool.record(Outcome("c1", CommandState.ACCEPTED), NOW_US + 60_000_000)
    await spool.record(Outcome("c2", CommandState.DONE, value=5), NOW_US + 60_000_000)
    spool.close()

    again = open_spool(tmp_path)
    await again.open_epoch(2, [Channel("temp")])
    commands = Commands(lambda: NOW_US)
    await commands.report_interrupted(again)
    assert again.commands["c1"].outcome == Outcome("c1", CommandState.FAILED, reason="interrupted")
    assert again.commands["c2"].outcome.value == 5
    async with trio.open_nursery() as nursery:
        runs: list[str] = []
        commands.add(CommandSpec("run"), lambda: runs.append("run"))
        nursery.start_soon(commands.run, again)
        await commands.inbox.send(Command("c1", "run", {}, 60.0, NOW_US))
        with trio.fail_after(30):
            while again.frames < 4:
                await trio.testing.wait_all_tasks_blocked(0.01)
        assert runs == []
        nursery.cancel_scope.cancel()
    again.close()


async def test_a_stop_of_the_device_leaves_a_running_command_without_outcome() -> None:
    spool = open_spool(None)
    async with bench(spool) as mine:
        mine.commands.add(CommandSpec("wait"), trio.sleep_forever)
        await mine.send("c1", "wait")
        assert await mine.states("c1") == ["accepted"]
    assert spool.commands["c1"].outcome.state is CommandState.ACCEPTED


def test_a_name_twice_and_an_unknown_type_are_refused_when_declared() -> None:
    commands = Commands(lambda: NOW_US)
    commands.add(CommandSpec("a"), print)
    with pytest.raises(ValueError, match="is there already"):
        commands.add(CommandSpec("a"), print)
    with pytest.raises(ValueError, match="needs a type out of number, integer, bool, text, not 'float'"):
        commands.add(CommandSpec("b", "", {"x": {"type": "float"}}), print)
