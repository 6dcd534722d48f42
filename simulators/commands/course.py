"""The course of the command test: devices in processes behind a proxy, commands to all of them, and what is done to both meanwhile.

Owns the processes, the faults and the commands that are sent; verdict.py compares. Used by simulators/commands/__main__.py.
"""

import json
import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final

import trio

from hub.client import HubClient, HubError, commands
from simulators.commands.groups import Groups, until_answered
from simulators.commands.verdict import Told
from simulators.faults import FaultProxy
from simulators.hub_process import HubProcess

SENDERS: Final = 16
END_TIMEOUT_S: Final = 180.0
_AGAIN: Final = ("unreachable", "timeout", "store_unavailable", "too_many_commands")


@dataclass(frozen=True, slots=True)
class CommandPlan:
    """What a run does; `seed` draws the same faults again."""

    seed: int
    commands: int = 10_000
    devices: int = 40
    workers: int = 4
    pause_s: tuple[float, float] = (0.5, 2.5)  # between two faults
    hub_kills: int = 5
    short_lived: float = 0.05  # share of commands that live for a second only; those take the grace of 30 s to end
    cancelled: float = 0.1
    groups: int = 50  # commands to all devices at once


class Course:
    """One run on one hub."""

    def __init__(self, plan: CommandPlan, hub: HubProcess, proxy: FaultProxy, directory: Path) -> None:
        self.told = [Told(number) for number in range(plan.commands)]
        self.faults = {"cut": 0, "device process killed": 0, "hub killed": 0}
        self.runs = [directory / f"d{at}.runs" for at in range(plan.devices)]
        self._ids: dict[int, str] = {}
        self._plan = plan
        self._hub = hub
        self._proxy = proxy
        self._directory = directory
        self._rng = Random(plan.seed)
        self._plans: list[str] = []
        self._processes: list[trio.Process] = []
        self._next = iter(range(plan.commands))
        self.groups = Groups(plan.seed, plan.devices, 3 * plan.cancelled)

    async def run(self) -> dict[int, dict[str, Any]]:
        """Send everything among the faults, let everything end, return what each command is then, by its number."""
        try:
            async with self._client() as client:
                await self._start(client)
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._break_things)
                    async with trio.open_nursery() as senders:
                        for _ in range(SENDERS):
                            senders.start_soon(self._send, client)
                    nursery.cancel_scope.cancel()
                await self._heal()
                items = await self._ended(client)
                told, of_groups = await self.groups.ended(client, END_TIMEOUT_S)
                self.told += told
                return items | of_groups
        finally:
            for process in self._processes:
                process.kill()

    def _client(self) -> HubClient:
        return HubClient(self._hub.url, self._hub.admin_token)

    async def _start(self, client: HubClient) -> None:
        tokens = await client.add_devices([f"d{at}" for at in range(self._plan.devices)])
        devices = [
            {"name": name, "token": token, "spool": str(self._directory / name), "runs": str(self.runs[at])}
            for at, (name, token) in enumerate(tokens.items())
        ]
        for at in range(self._plan.workers):
            self._plans.append(json.dumps({"url": self._proxy.url, "devices": devices[at :: self._plan.workers]}))
            self._processes.append(await self._begin(at))
        with trio.fail_after(60):  # a device that never came has declared no commands
            while any(device["presence"] != "online" for device in await client.devices()):
                await trio.lowlevel.checkpoint()

    async def _begin(self, at: int) -> trio.Process:
        program = [sys.executable, "-m", "simulators.commands.worker"]
        pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL  # of each device that is cut off the client logs a line
        process = await trio.lowlevel.open_process(program, stdin=pipe, stdout=pipe, stderr=nowhere)
        assert process.stdin is not None
        assert process.stdout is not None
        await process.stdin.send_all(self._plans[at].encode() + b"\n")
        with trio.fail_after(30):
            await process.stdout.receive_some(100)
        return process

    async def _break_things(self) -> None:
        hub_kills = self._plan.hub_kills
        while True:
            await trio.sleep(self._rng.uniform(*self._plan.pause_s))
            drawn = self._rng.random()
            if drawn < 0.15 and hub_kills:
                hub_kills -= 1
                self.faults["hub killed"] += 1
                await trio.to_thread.run_sync(self._restart_hub)
            elif drawn < 0.6:
                self.faults["cut"] += 1
                self._proxy.cut_after(self._rng.randrange(4_000))
            else:
                self.faults["device process killed"] += 1
                await self._restart(self._rng.randrange(self._plan.workers))

    def _restart_hub(self) -> None:
        self._hub.kill()
        self._hub.start()

    async def _restart(self, at: int) -> None:
        with trio.CancelScope(shield=True):  # not cancelled in between: a process without an owner would stay
            self._processes[at].kill()
            await self._processes[at].wait()
            self._processes[at] = await self._begin(at)

    async def _heal(self) -> None:
        """Take the faults back and start every device process anew: a fresh client connects at once."""
        self._proxy.heal()
        for at in range(self._plan.workers):
            await self._restart(at)

    async def _send(self, client: HubClient) -> None:
        for number in self._next:
            rng = Random(f"{self._plan.seed} {number}")
            ttl_s = 1.0 if rng.random() < self._plan.short_lived else 900.0
            args = {"number": number, "seconds": rng.choice([0, 0, 0.01, 0.3])}
            device, is_cancelled = f"d{rng.randrange(self._plan.devices)}", rng.random() < self._plan.cancelled
            send = partial(commands.send_once, client, device, "work", args, key=f"n{number}", ttl_s=ttl_s)
            item = await self._answered(send)
            self._ids[number] = item["id"]
            self.told[number].hear(item)
            if is_cancelled:
                await self._cancel(client, self.told[number])
            if number % max(1, self._plan.commands // self._plan.groups) == 0:
                await self.groups.send(client, number, self._answered)

    async def _answered(self, call: Callable[[], Awaitable[Any]]) -> Any:
        return await until_answered(call, _AGAIN, partial(trio.sleep, 0.1))

    async def _cancel(self, client: HubClient, told: Told) -> None:
        try:
            said = await commands.cancel(client, self._ids[told.number])
        except HubError as error:
            if error.code not in _AGAIN:
                raise
            return  # it may have been asked or not: whatever it is at the end must be one thing
        told.hear(said["command"])
        told.cancel = said["answer"] if said["answer"] != "asked" else ""

    async def _ended(self, client: HubClient) -> dict[int, dict[str, Any]]:
        """Return every command once it has ended, or as it is when END_TIMEOUT_S is over."""
        items: dict[int, dict[str, Any]] = {}
        open_numbers: Sequence[int] = list(self._ids)
        with trio.move_on_after(END_TIMEOUT_S):
            while open_numbers:
                for number in open_numbers:
                    items[number] = await client.command_state(self._ids[number])
                open_numbers = [number for number in open_numbers if items[number]["state"] in ("queued", "sent", "accepted", "running")]
                if open_numbers:
                    await trio.sleep(0.2)
        return items
