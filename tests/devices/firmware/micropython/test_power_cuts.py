"""The power of a board is cut at each write of its flash: nothing that was kept is lost, nothing comes twice, no command runs twice."""

import asyncio
import os
from pathlib import Path

import pytest

from tests.support.board import Board
from tests.support.micropython import found_port, run

SCRIPTS = Path(__file__).parent / "scripts"
LIVES = int(os.environ.get("TRIBUTARY_TEST_CUTS", "60"))


async def _steps_of_a_life(seed: int) -> int:
    board = Board(seed)
    await board.live(None)
    await board.settle()
    board.judge()
    return board.flash.steps


def test_nothing_is_lost_or_doubled_wherever_the_power_goes() -> None:
    async def all_cuts() -> int:
        count = 0
        for seed in range(6):
            board = Board(seed)
            await board.live(None)
            for cut_at in range(1, board.flash.steps + 1):
                board = Board(seed)
                assert await board.live(cut_at)
                await board.settle()
                board.judge()
                count += 1
        return count

    assert asyncio.run(all_cuts()) > 100


def test_many_lives_in_a_row_each_cut_somewhere() -> None:
    async def many(seed: int) -> None:
        board = Board(seed)
        for _ in range(LIVES):
            await board.live(board.rng.randrange(1, 60))
        await board.settle()
        board.judge()

    for seed in range(5):
        asyncio.run(many(seed))


def test_frames_that_are_written_behind_come_once_and_none_that_was_written_is_lost() -> None:
    async def many(seed: int) -> None:
        board = Board(seed)
        board.is_behind = True
        for _ in range(LIVES):
            board.flash.power_on()
            await board.live(board.rng.randrange(1, 40))
            if board.rng.random() < 0.5:
                before = board.made
                board.start(None)
                board.measure(5)
                board.device.spool.store()
                board.kept.update(range(before + 1, board.made + 1))
        await board.settle()
        board.judge()

    for seed in range(5):
        asyncio.run(many(seed))


def test_epochs_beyond_what_a_hello_can_list_are_given_up_and_declared() -> None:
    async def boots() -> None:
        board = Board(1)
        for _ in range(80):
            board.start(None)
            board.device.spool.max_bytes = 65_536
            board.measure(1)
            board.hub.welcome(board.device._prepare())  # heard, and cut off before anything came
            board.device.spool.store()
        await board.settle()
        lost = board.kept - set(board.hub.values)
        assert 10 < len(lost) == board.hub.declared

    asyncio.run(boots())


def test_a_spoilt_byte_costs_what_it_touches_and_is_declared() -> None:
    async def spoilt(seed: int) -> None:
        board = Board(seed)
        board.start(None)
        board.measure(20)
        name = min(name for name in board.flash.names() if name[0] == "f")
        board.device.close()
        board.flash.spoil(name, board.rng.randrange(board.flash.size(name)))
        await board.settle()
        lost = board.kept - set(board.hub.values)
        assert lost <= set(range(1, 21))
        board.measure(5)
        await board.settle()
        assert set(range(21, 26)) <= set(board.hub.values)

    for seed in range(20):
        asyncio.run(spoilt(seed))


def test_littlefs_on_the_unix_port_whose_power_is_cut_at_each_block() -> None:
    said = run(found_port(), SCRIPTS / "littlefs_cuts.py", os.environ.get("TRIBUTARY_TEST_STRIDE", "7"))
    cuts, lost, doubled = (int(word) for word in said.split()[-3:])
    assert cuts > 20
    assert (lost, doubled) == (0, 0)


@pytest.mark.parametrize("seed", range(3))
def test_a_life_without_cuts_loses_nothing_but_what_is_declared(seed: int) -> None:
    assert asyncio.run(_steps_of_a_life(seed)) > 0
