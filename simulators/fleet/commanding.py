"""Commands to the fleet while it runs: sent through the API at a rate, each under a key, and what each must come to.

Owns the sending and the end of every command; the promises are those of simulators/commands/verdict.py. An open loop: a command is sent
when it is due, beside others that are not answered yet, up to a bound. course.py runs it.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any, Final

import trio

from devices.wire.messages import CommandState
from hub.client import HubClient, HubError, commands
from simulators.commands.verdict import Told, differences
from simulators.fleet.figures import Figures
from simulators.fleet.histogram import Histogram
from simulators.fleet.member import COMMAND
from simulators.fleet.scenario import Commands

AT_ONCE: Final = 64  # more wait, and count from when they were due
GRACE_S: Final = 45.0  # the hub's own, after the time to live, and some
LOOK_EVERY_S: Final = 0.5
PATIENCE_S: Final = 10.0  # with a hub that does not answer once nothing more is sent
_AGAIN: Final = ("unreachable", "timeout", "store_unavailable", "too_many_commands", "busy")
_NOT_THE_HUB: Final = (502, 503, 504)  # of a proxy before nodes: the one that it asked has died


class Commanding:
    """The commands of one run."""

    def __init__(self, plan: Commands, seed: int, run: str, names: Sequence[str], client: HubClient, figures: Figures) -> None:
        self.told: list[Told] = []
        self.items: dict[int, dict[str, Any]] = {}
        self.answered = Histogram()  # due until the hub has taken it
        self.wrong: list[str] = []
        self._plan = plan
        self._run = run
        self._names = names
        self._client = client
        self._figures = figures
        self._rng = Random(f"{seed} commands")
        self._ids: dict[int, str] = {}
        self._room = trio.CapacityLimiter(AT_ONCE)

    async def send(self, run_s: float, patience_s: float) -> None:
        """Send commands for so long; returns when each is answered, or the hub has been away for `patience_s` after the last one."""
        if not self._plan.rate:
            return
        begin_s = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.cancel_scope.deadline = begin_s + run_s + patience_s
            for number in range(int(run_s * self._plan.rate)):
                due_s = begin_s + number / self._plan.rate
                await trio.sleep_until(due_s)
                self.told.append(Told(number))
                nursery.start_soon(self._send_one, number, self._rng.choice(self._names), due_s)

    async def _send_one(self, number: int, device: str, due_s: float) -> None:
        async with self._room:
            while True:
                try:
                    item = await commands.send_once(
                        self._client, device, COMMAND, {"number": number}, key=f"{self._run}-{number}", ttl_s=self._plan.ttl_s
                    )
                    break
                except HubError as error:
                    if not _is_passing(error):
                        self.wrong.append(f"command {number} to {device} was refused: {error.message}")
                        return
                await trio.sleep(0.2)
        self.answered.add(int((trio.current_time() - due_s) * 1e6))
        self._ids[number] = item["id"]
        self.told[number].hear(item)
        self._figures.commands["sent"] += 1

    async def end(self) -> None:
        """Wait until every command is over, as long as its time to live and the hub's grace allow. Raises HubError where it is away."""
        left, heard_s = dict(self._ids), trio.current_time()
        with trio.move_on_after(self._plan.ttl_s + GRACE_S):
            while left:
                for number, command_id in list(left.items()):
                    try:
                        item = self.items[number] = await self._client.command_state(command_id)
                    except HubError as error:
                        if not _is_passing(error) or trio.current_time() - heard_s > PATIENCE_S:
                            raise
                        break
                    heard_s = trio.current_time()
                    if CommandState(item["state"]).is_final:
                        del left[number]
                        self._figures.commands["ended"] += 1
                if left:
                    await trio.sleep(LOOK_EVERY_S)

    def judge(self, folder: Path, workers: int) -> None:
        """Compare what the hub says with what the devices wrote down before they carried anything out."""
        runs = Counter[int]()
        for at in range(workers):
            path = folder / f"runs-{at}"
            runs.update(map(int, path.read_text().split()) if path.exists() else ())
        refused = set(range(len(self.told))) - set(self._ids)
        self.wrong += differences([each for each in self.told if each.number not in refused], self.items, runs)

    def said(self) -> dict[str, Any]:
        """Return what became of them, for a report."""
        states = Counter(item["state"] for item in self.items.values())
        return {"sent": len(self._ids), "ended": dict(states), "answer_ms": self.answered.summary_ms(), "wrong": self.wrong}


def _is_passing(error: HubError) -> bool:
    """Tell whether to ask again: under its key a command is made once."""
    return error.code in _AGAIN or error.status in _NOT_THE_HUB
