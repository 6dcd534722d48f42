"""Tests of hub/web/turns.py: two questions run, a few wait, and none lasts longer than it may."""

import pytest
import trio
import trio.testing

from hub.core.errors import Refusal
from hub.web.turns import AT_ONCE, MAX_WAITING, Turns


async def test_two_questions_run_at_once_and_the_others_in_turn(autojump_clock: trio.testing.MockClock) -> None:
    turns, running, most = Turns(), 0, 0

    async def ask() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await trio.sleep(1)
        running -= 1

    async with trio.open_nursery() as nursery:
        for _ in range(6):
            nursery.start_soon(turns.take, ask)
    assert (most, round(trio.current_time())) == (AT_ONCE, 3)


async def test_beyond_the_queue_a_question_is_told_to_come_back(autojump_clock: trio.testing.MockClock) -> None:
    turns = Turns()
    async with trio.open_nursery() as nursery:
        for _ in range(AT_ONCE + MAX_WAITING):
            nursery.start_soon(turns.take, trio.sleep_forever)
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(Refusal) as caught:
            await turns.take(trio.sleep_forever)
        assert (caught.value.code, caught.value.status) == ("busy", 503)
        assert str(MAX_WAITING) in caught.value.message
        nursery.cancel_scope.cancel()


async def test_a_question_that_lasts_is_given_up_and_its_turn_is_free(autojump_clock: trio.testing.MockClock) -> None:
    turns = Turns()
    with pytest.raises(Refusal) as caught:
        await turns.take(trio.sleep_forever)
    assert (caught.value.code, caught.value.status, round(trio.current_time())) == ("query_timeout", 504, 10)
    assert "10 s" in caught.value.message

    async def at_once() -> str:
        await trio.lowlevel.checkpoint()
        return "answer"

    assert await turns.take(at_once) == "answer"


async def test_a_question_that_never_got_its_turn_says_that_the_hub_is_busy(autojump_clock: trio.testing.MockClock) -> None:
    turns = Turns()
    refusals = []

    async def ask() -> None:
        try:
            await turns.take(trio.sleep_forever)
        except Refusal as refusal:
            refusals.append(refusal.code)

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(ask)
    assert sorted(refusals) == ["busy", "query_timeout", "query_timeout"]
