"""The scenes of the crash test: who is killed when, and how often.

Owns the order of faults, drawn from the seed; judges nothing (verdict.py does). Each scene begins with its own devices and
ends when all of them are drained. Called by simulators/crash/__main__.py.
"""

import random
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgpack
import trio
from trio_websocket import ConnectionClosed, HandshakeError, open_websocket_url

from devices.wire.limits import SUBPROTOCOL_DEVICE
from hub.client import HubClient
from simulators.crash.disk import SmallDisk
from simulators.crash.fleet import DevicePlan, Fleet
from simulators.hub_process import HubProcess

Say = Callable[[str], None]
DRAIN_TIMEOUT_S = 120.0
STATE_TIMEOUT_S = 30.0
SMALL_SPOOL_BYTES = 32 * 1024  # some hundred frames


@dataclass(frozen=True, slots=True)
class CrashPlan:
    """How often what happens, under which load."""

    seed: int
    hub_kills: int = 20
    device_kills: int = 20
    overflows: int = 5
    disk_fulls: int = 5
    store_kills: int = 20  # of the hub while its history writes files
    most_changes: int = 30  # among these files before a kill
    server_kills: int = 8  # of a database server
    sync_errors: int = 10
    slow_syncs: int = 3
    devices: int = 50
    workers: int = 5
    frames_per_s: int = 2_000
    longest_s: float = 2.5  # between two faults
    listens_in_s: float | None = None  # after a kill, p99; None: that is only told


class Stage:
    """One scene's hub, its devices and the dice. The hub comes back on the same port after each kill."""

    def __init__(self, name: str, hub: HubProcess, directory: Path, plan: CrashPlan, say: Say) -> None:
        self.name, self.hub, self.directory, self.plan, self.say = name, hub, directory, plan, say
        self.dice = random.Random(f"{plan.seed} {name}")  # each scene has its own: leaving one out changes no other
        self.restarts_s: list[float] = []

    async def fleet(self, devices: int, workers: int, frames_per_s: float, **options: int) -> Fleet:
        """Provision devices and start their processes; `options` are those of DevicePlan."""
        plans = []
        async with HubClient(self.hub.url, self.hub.admin_token) as client:
            for number in range(devices):
                name = f"{self.name}-{number:03}"
                spool, ledger = self.directory / f"{name}.spool", self.directory / f"{name}.ledger"
                token = await client.add_device(name)
                plans.append(DevicePlan(name, token, str(spool), str(ledger), frames_per_s / devices, **options))
        fleet = Fleet(self.hub.device_url, plans, workers)
        await fleet.start()
        return fleet

    async def a_while(self) -> None:
        """Let the load run for a random time."""
        await trio.sleep(self.dice.uniform(0.1, self.plan.longest_s))

    async def kill_hub(self) -> None:
        """End the hub with SIGKILL."""
        await trio.to_thread.run_sync(self.hub.kill)

    async def start_hub(self) -> None:
        """Start it again on the same port."""
        self.restarts_s.append(await trio.to_thread.run_sync(self.hub.start))


async def hub_kills(stage: Stage, fleet: Fleet) -> None:
    """Kill the hub at random moments; sometimes again while it is starting up."""
    for number in range(stage.plan.hub_kills):
        await stage.a_while()
        await stage.kill_hub()
        await stage.start_hub()
        stage.say(f"{stage.name}: kill {number + 1}, the hub listened again after {stage.restarts_s[-1]:.2f} s")


async def device_kills(stage: Stage, fleet: Fleet) -> None:
    """Kill a device process and the hub, in random order."""
    for number in range(stage.plan.device_kills):
        victim = stage.dice.randrange(fleet.workers)
        await stage.a_while()
        if stage.dice.random() < 0.5:
            await fleet.kill(victim)
            await trio.sleep(stage.dice.uniform(0, 0.2))
            await stage.kill_hub()
        else:
            await stage.kill_hub()
            await trio.sleep(stage.dice.uniform(0, 0.2))
            await fleet.kill(victim)
        await stage.start_hub()
        await fleet.restart(victim)
        stage.say(f"{stage.name}: kill {number + 1}, hub and device process {victim}")


async def overflows(stage: Stage, fleet: Fleet) -> None:
    """Keep the hub away until every small spool has overflowed."""
    for number in range(stage.plan.overflows):
        await stage.a_while()
        await stage.kill_hub()
        before = {device.name: fleet.made(device).last for device in fleet.devices}
        # A spooled frame of two readings takes more than 40 bytes, so this many can never fit.
        enough = SMALL_SPOOL_BYTES // 40
        await until(partial(_all_made, fleet, before, enough), STATE_TIMEOUT_S * 2, "the small spools did not fill")
        await stage.start_hub()
        stage.say(f"{stage.name}: overflow {number + 1}, {enough} frames of each device into spools of {SMALL_SPOOL_BYTES:,} bytes")


async def _all_made(fleet: Fleet, before: dict[str, int], enough: int) -> bool:
    return all(fleet.made(device).last - before[device.name] > enough for device in fleet.devices)


async def disk_fulls(stage: Stage, fleet: Fleet, disk: SmallDisk) -> None:
    """Fill the hub's disk, let a second connection take a device over meanwhile, free the disk."""
    async with HubClient(stage.hub.url, stage.hub.admin_token) as client:

        async def holds(is_holding: bool) -> bool:
            said = await client.hub()
            return (str(said["credit"]) != "open") == is_holding

        for number in range(stage.plan.disk_fulls):
            await stage.a_while()
            ballast_bytes = await trio.to_thread.run_sync(disk.fill)
            await until(lambda: holds(True), STATE_TIMEOUT_S, "the hub gives credit on a full disk")
            device = stage.dice.choice(list(fleet.devices))
            async with trio.open_nursery() as nursery:
                nursery.start_soon(take_over, stage.hub.device_url, device)
                await trio.sleep(stage.dice.uniform(0.3, 1.5))
                await trio.to_thread.run_sync(disk.free)
                await until(lambda: holds(False), STATE_TIMEOUT_S, "the hub holds back although there is room again")
                nursery.cancel_scope.cancel()
            stage.say(f"{stage.name}: disk full {number + 1} ({ballast_bytes:,} bytes of ballast), {device.name} taken over meanwhile")


async def take_over(url: str, device: DevicePlan) -> None:
    """Be a second client on a device's token that opens an epoch, says nothing more and stays until it is thrown out."""
    hello = {"op": "hello", "device": device.name, "epoch": secrets.randbits(62) + 1, "unfinished": [], "channels": []}
    headers = [(b"Authorization", f"Bearer {device.token}".encode())]
    try:
        async with open_websocket_url(url, subprotocols=[SUBPROTOCOL_DEVICE], extra_headers=headers) as link:
            await link.send_message(msgpack.packb(hello))
            while True:
                await link.get_message()
    except (ConnectionClosed, HandshakeError):
        return  # the device itself has come back


async def until(holds: Callable[[], Awaitable[bool]], timeout_s: float, otherwise: str) -> None:
    """Wait for a state of another process; raises TimeoutError with a sentence."""
    with trio.move_on_after(timeout_s):
        while not await holds():  # noqa: ASYNC110
            await trio.sleep(0.05)  # another process's state: there is nothing to be woken by
        return
    raise TimeoutError(f"{otherwise} (after {timeout_s:g} s)")
