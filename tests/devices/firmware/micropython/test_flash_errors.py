"""The flash of a board refuses: once at each of its steps, for a while, or for good. Nothing is lost in silence, and nothing ends.

The board and its hub are those of test_power_cuts.py; here the power stays on while the flash errs.
"""

import asyncio
import errno
import os
from contextlib import suppress
from random import Random
from typing import Any

import pytest

from tests.support.board import Board
from tests.support.micropython import client

FOR_GOOD = 1_000_000


class WornBoard(Board):
    """A board whose flash refuses these steps of its second life."""

    def __init__(self, seed: int, refused: range, error: int) -> None:
        super().__init__(seed)
        self.refused, self.error = refused, error

    def start(self, cut_at: int | None) -> None:
        super().start(cut_at)
        self.flash.refuse(self.refused, self.error)

    async def meet(self, frames: int) -> None:
        """Be connected until the client ends the connection because of its flash: what it said before has come."""
        with suppress(OSError):
            await super().meet(frames)


class CutBoard(WornBoard):
    """A worn board whose power is cut, too: it keeps what flash took."""

    def measure(self, count: int) -> None:
        for _ in range(count):
            self.made += 1
            self.device.send({"count": self.made})
            if all(entry[4] for entry in self.device.spool._ram):
                self.kept.add(self.made)

    async def _command(self) -> None:
        """Take none: the end of one that flash refuses and a power cut takes is told as interrupted, whatever was said before."""


async def lived(seed: int, refused: range, error: int) -> WornBoard:
    """Live once as it is, then with the refusals to the end, mended in the same life, and once more."""
    board = WornBoard(seed, range(0), error)
    await board.live(None)
    board.refused = refused
    await board.live(None)
    board.refused = range(0)
    board.flash.refuse(range(0))
    await board.answered()
    assert board.device.spool.is_empty()
    board.judge()
    board.device.close()
    await board.settle()
    board.judge()
    return board


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("steps", [1, 4, FOR_GOOD])
def test_nothing_is_lost_in_silence_whichever_step_flash_refuses(steps: int, error: int) -> None:
    async def all_steps() -> int:
        count = 0
        for seed in range(6):
            whole = await lived(seed, range(0), error)
            step = 1
            while (board := await lived(seed, range(step, step + steps), error)).flash.refusals:
                if steps == 1 and error == errno.EIO:  # the rest of flash and RAM have room for what one step did not take
                    assert board.hub.declared <= whole.hub.declared + 1, step
                count, step = count + 1, step + 1
        return count

    assert asyncio.run(all_steps()) > 100


def test_what_flash_took_is_not_lost_in_silence_though_it_refuses_and_the_power_goes() -> None:
    async def many_lives(seed: int) -> None:
        rng = Random(seed)
        board = CutBoard(seed, range(0), errno.EIO)
        for _ in range(12):
            begun = rng.randrange(1, 40)
            board.refused = range(begun, begun + rng.choice((1, 2, 5, 20)))
            await board.live(rng.choice((None, rng.randrange(1, 60))))
        board.refused = range(0)
        await board.settle()
        board.judge()

    for seed in range(int(os.environ.get("TRIBUTARY_TEST_WORN", "8"))):
        asyncio.run(many_lives(seed))


def test_what_flash_never_takes_is_sent_from_ram() -> None:
    async def from_ram(seed: int) -> None:
        board = WornBoard(seed, range(1, FOR_GOOD), errno.EIO)
        board.start(None)
        for _ in range(30):
            board.measure(4)
            await board.meet(20)
            board.device._ack(board.hub.acks(), True)
        await board.answered()
        assert board.device.spool.is_empty()
        assert set(board.hub.values) == set(range(1, board.made + 1))
        assert not board.runs  # whose id cannot be written is not run

    for seed in range(5):
        asyncio.run(from_ram(seed))


def test_what_neither_flash_nor_ram_can_keep_is_declared_with_its_reason() -> None:
    async def overrun() -> list[Any]:
        board = WornBoard(3, range(1, FOR_GOOD), errno.EIO)
        board.start(None)
        board.measure(200)
        assert board.device.spool._ram_size <= 1_024
        assert len(board.device.spool._segments) + len(board.device.spool._dead) < 20
        await board.answered()
        assert board.device.spool.is_empty()
        board.judge()
        return [board.hub.declared, len(board.hub.values), board.hub.reasons]

    declared, came, reasons = asyncio.run(overrun())
    assert (declared + came, reasons) == (200, {"spool_full"})


def test_a_file_that_cannot_be_read_costs_what_is_in_it_and_is_declared() -> None:
    async def unread() -> None:
        board = WornBoard(4, range(0), errno.EIO)
        board.start(None)
        board.measure(40)
        bad = min(name for name in board.flash.names() if name[0] == "f")
        read = board.flash.read

        def refused(name: str) -> Any:
            if name == bad:
                raise OSError(errno.EIO, name)
            return read(name)

        board.flash.read = refused  # type: ignore[method-assign]
        board.device.spool._ram.clear()
        await board.answered()
        assert board.device.spool.is_empty()
        assert 0 < len(board.hub.values) < 40
        assert board.hub.reasons == {"corrupt"}

    asyncio.run(unread())


def test_a_report_and_what_is_desired_go_on_without_flash() -> None:
    async def reported() -> list[bytes]:
        board = WornBoard(5, range(1, FOR_GOOD), errno.EIO)
        board.start(None)
        device = board.device
        device.on_desired(lambda document, delta: None)
        device._take_desired({"version": 7, "document": {"on": True}})
        await device._apply()
        device.report({"level": 3})
        return [bytes(entry[3]) for entry in device.spool._ram]

    bodies = asyncio.run(reported())
    last = client().unpack(b"\x84" + bodies[-1][1:]) if bodies[-1][0] == 6 else None
    assert last is not None
    assert (last["version"], last["document"]) == (7, {"on": True, "level": 3})
