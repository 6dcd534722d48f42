"""What blocks the event loop is named while it does; what the machine does is blamed on nobody."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import perf_counter

import pytest
import trio
from structlog.testing import capture_logs

from hub.metrics import LoopLateness
from hub.watchdog import BLOCKED_S, Look, Watchdog, described, is_blocked

DEADLINE_S = 30.0


@asynccontextmanager
async def watched() -> AsyncIterator[Watchdog]:
    loop = LoopLateness()
    watchdog = Watchdog(loop, blocked_s=0.05, look_s=0.005)
    async with trio.open_nursery() as nursery:
        await nursery.start(loop.run)
        await nursery.start(watchdog.run)
        yield watchdog
        nursery.cancel_scope.cancel()


async def hang_until_found(watchdog: Watchdog) -> None:
    """Block the loop, as no task may, until that is noticed."""
    until_s, before = perf_counter() + DEADLINE_S, watchdog.blocked
    while watchdog.blocked == before:
        assert perf_counter() < until_s


async def test_the_task_and_the_line_that_block_the_loop_are_named_while_they_do() -> None:
    with capture_logs() as logs:
        async with watched() as watchdog, trio.open_nursery() as nursery:
            nursery.start_soon(hang_until_found, watchdog, name="the culprit")
    (told,) = [log for log in logs if log["task"] == "the culprit"]
    assert (told["event"], told["log_level"]) == ("event_loop_blocked", "warning")
    assert "test_watchdog.py:" in told["where"]
    assert "in hang_until_found" in told["where"]
    assert told["for_s"] >= 0.05


async def test_one_stall_is_counted_once_and_the_same_place_is_told_seldom() -> None:
    with capture_logs() as logs:
        async with watched() as watchdog:
            for _ in range(3):
                await hang_until_found(watchdog)
                with trio.fail_after(DEADLINE_S):
                    await trio.sleep(0.03)  # the loop runs again, and says so
            assert watchdog.statistics()["blocked"] >= 3
    assert len({log["where"] for log in logs}) == len(logs)


@pytest.mark.parametrize(
    ("look", "is_ours"),
    [
        (Look(late_s=0.01, overslept_s=0.0, busy_s=0.05, is_ready=True, ran_s=0.01), False),
        (Look(late_s=0.3, overslept_s=0.0, busy_s=0.05, is_ready=True, ran_s=0.29), True),  # it computes
        (Look(late_s=0.3, overslept_s=0.0, busy_s=0.0, is_ready=False, ran_s=0.0), True),  # it waits, for a disk say
        (Look(late_s=0.6, overslept_s=0.5, busy_s=0.5, is_ready=True, ran_s=0.5), True),  # it computes, and lets no other thread run
        (Look(late_s=5.0, overslept_s=5.0, busy_s=0.01, is_ready=False, ran_s=0.01), False),  # the process was stopped
        (Look(late_s=0.3, overslept_s=0.0, busy_s=0.02, is_ready=True, ran_s=0.02), False),  # others have the CPU
    ],
)
def test_only_what_this_process_does_is_blamed(look: Look, *, is_ours: bool) -> None:
    assert is_blocked(look, BLOCKED_S) is is_ours


def test_a_thread_that_has_ended_has_no_stack() -> None:
    assert described(None) == ("", "")
