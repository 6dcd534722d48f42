"""The power of a board is cut at each write of its flash: nothing that was kept is lost, nothing comes twice, no command runs twice."""

import asyncio
import os
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.support.board_hub import BoardHub
from tests.support.micropython import client, found_port, run
from tests.support.simulated_flash import PowerCut, SimulatedFlash

SCRIPTS = Path(__file__).parent / "scripts"
SPOOL_BYTES = 4_096
LIVES = int(os.environ.get("TRIBUTARY_TEST_CUTS", "60"))


class Board:
    """A device over all its lives, and the ledger of what it was given."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.flash = SimulatedFlash(seed)
        self.hub = BoardHub(seed)
        self.kept: set[int] = set()  # values that `send` returned from
        self.made = 0
        self.runs: dict[str, int] = {}
        self.is_behind = False  # frames are written some time after they were made
        self.device: Any = None
        self._commands = 0

    def start(self, cut_at: int | None) -> None:
        """Begin a life."""
        self.flash.power_on(cut_at)
        channels = [("count", "", "counter")]
        clock = None if self.rng.random() < 0.5 else (lambda: 1_700_000_000_000_000 + self.made)
        behind_ms = 1_000 if self.is_behind else 0
        device = client().Device(
            *("ws://hub", "board", "-", channels, self.flash, SPOOL_BYTES, 1_024, 0, behind_ms), clock=clock, on_log=lambda line: None
        )
        self.device = device

        @device.command("once")  # type: ignore[untyped-decorator]
        def once(job: Any) -> None:
            self.runs[job.id] = self.runs.get(job.id, 0) + 1

    def measure(self, count: int) -> None:
        """Make readings."""
        for _ in range(count):
            self.made += 1
            self.device.send({"count": self.made})
            if not self.is_behind:
                self.kept.add(self.made)

    async def meet(self, frames: int) -> None:
        """Be connected for so many frames."""
        device, hub = self.device, self.hub
        device._begin_session()
        device._take_welcome(hub.welcome(device._prepare()))
        for _ in range(frames):
            chosen = device._choose()
            if chosen is None:
                break
            no, seq, last, message = chosen
            device.spool.sent[no] = last
            device._in_flight.append((no, seq, last, len(message), True))
            hub.take(message)
            if self.rng.random() < 0.4:
                device._ack(hub.acks(self.rng.random()), True)
            if self.rng.random() < 0.1:
                await self._command()

    async def _command(self) -> None:
        if self.rng.random() < 0.7:
            self._commands += 1
        message = {"op": "command", "id": f"c{self._commands}", "name": "once", "args": {}, "ttl_s": 60}
        self.device._take_command(message)
        job = self.device.jobs.get(message["id"])
        if job is not None:
            await job.task  # the power may go in it

    async def live(self, cut_at: int | None) -> bool:
        """Live until the power goes; return whether it went."""
        try:
            self.start(cut_at)
            for _ in range(3):
                self.measure(self.rng.randrange(12))
                await self.meet(self.rng.randrange(30))
                self.measure(self.rng.randrange(4))
            self.device.close()
        except PowerCut:
            pass
        return self.flash.is_off

    async def settle(self) -> None:
        """Live once more, with power, until all is acked."""
        self.start(None)
        for _ in range(40):
            await self.meet(200)
            self.device._ack(self.hub.acks(), True)
            while self.device.spool.lost_results:
                self.device._say_result(self.device.spool.lost_results.pop())
            if self.device.spool.is_empty():
                return
        raise AssertionError("not everything is acked")

    def judge(self) -> None:
        """Compare."""
        missing = self.kept - set(self.hub.values)
        assert len(missing) <= self.hub.declared, f"{sorted(missing)[:5]} lost, {self.hub.declared} declared"
        assert set(self.hub.values) <= set(range(1, self.made + 1))
        assert all(count == 1 for count in self.runs.values()), self.runs
        assert set(self.runs) <= set(self.hub.ends)
        # A segment and the frame that is being written may be over the bound for a moment.
        assert self.flash.most_bytes <= SPOOL_BYTES + SPOOL_BYTES // 8


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
