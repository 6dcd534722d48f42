"""A board with the MicroPython client over all its lives: a simulated flash, a hub that is a table, and the ledger of what it was given.

Owns what is done to the client, without a network, and the rules that hold of what came. Used by tests/devices/firmware/micropython.
"""

from random import Random
from typing import Any

from tests.support.board_hub import BoardHub
from tests.support.micropython import client
from tests.support.simulated_flash import PowerCut, SimulatedFlash

SPOOL_BYTES = 4_096


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
        assert await self.answered(), "not everything is acked"

    async def answered(self) -> bool:
        """Be connected until all is acked; tell whether it is."""
        for _ in range(40):
            await self.meet(200)
            self.device._ack(self.hub.acks(), True)
            self.say_lost_results()
            if self.device.spool.is_empty():
                return True
        return False

    def say_lost_results(self) -> None:
        """Do what the client does five times a second."""
        while self.device.spool.lost_results:
            self.device._say_result(self.device.spool.lost_results.pop())

    def judge(self) -> None:
        """Compare."""
        missing = self.kept - set(self.hub.values)
        assert len(missing) <= self.hub.declared, f"{sorted(missing)[:5]} lost, {self.hub.declared} declared"
        assert set(self.hub.values) <= set(range(1, self.made + 1))
        assert all(count == 1 for count in self.runs.values()), self.runs
        assert set(self.runs) <= set(self.hub.ends)
        # A segment and the frame that is being written may be over the bound for a moment.
        assert self.flash.most_bytes <= SPOOL_BYTES + SPOOL_BYTES // 8
