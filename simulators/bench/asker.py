"""Clients of the HTTP API that ask for one series after another, all the time while they are told to.

A program (answering.py): `ask` begins, `rest` ends and says how many answers came and how long they took, decoded; `quit`. Each question is
about the last hour of another series of the fleet, every reading of it.
"""

import os
from typing import Any, Final

import numpy as np
import trio

from hub.client import HubClient
from simulators.bench.answering import run_program, say
from simulators.bench.readings import CHANNELS
from simulators.bench.watching import quantiles_s

HOUR_S: Final = 3_600
MOST: Final = 10_000  # points of an answer


class Asker:
    """All clients, and how long their answers took since `ask`."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.plan = plan
        self.took_s: list[float] = []
        self.points = 0
        self.asking = trio.Event()  # replaced when they are to rest

    async def keep_asking(self, seed: int) -> None:
        """Be one client until cancelled."""
        drawn = np.random.default_rng(seed)
        async with HubClient(self.plan["url"], self.plan["token"]) as client:
            while True:
                await self.asking.wait()
                device, channel = drawn.integers(self.plan["devices"]), drawn.integers(CHANNELS)
                began_s = trio.current_time()
                answer = await client.query(f"bench-{device:05}", [f"c{channel}"], span_s=HOUR_S, limit=MOST)
                self.took_s.append(trio.current_time() - began_s)
                self.points += sum(len(series["points"]) for series in answer["series"])

    def obey(self, command: str) -> dict[str, Any]:
        """Begin or rest; return what came since the last `ask`."""
        p50_s, p99_s = quantiles_s(self.took_s)
        answers = len(self.took_s)
        said = {"answers": answers, "p50_s": p50_s, "p99_s": p99_s, "mean_points": self.points / max(answers, 1)}
        if command == "ask":
            self.took_s, self.points = [], 0
            self.asking.set()
        else:
            self.asking = trio.Event()
        return said


async def main(plan: dict[str, Any]) -> None:
    """Ask until told to quit."""
    asker = Asker(plan)
    async with trio.open_nursery() as nursery:
        for seed in range(plan["clients"]):
            nursery.start_soon(asker.keep_asking, seed)
        say({"clients": plan["clients"]})
        async with trio.lowlevel.FdStream(os.dup(0)) as commands:
            async for command in commands:
                if command.strip() == b"quit":
                    break
                say(asker.obey(command.strip().decode()))
        nursery.cancel_scope.cancel()
    say({"ended": True})


def run(plan: dict[str, Any]) -> None:
    """Serve until told to quit."""
    trio.run(main, plan)


if __name__ == "__main__":
    run_program(run)
