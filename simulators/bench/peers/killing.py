"""What is left of what was acked when a hub, or a stack, is killed under load with SIGKILL and started again.

Owns the killing and the counting: frames that a device was told are safe, and the same out of the store afterwards. What comes between the
last look at the acks and the kill can only hide a loss, so each figure is at least that. `make crash-test` holds the hub to it by identity.
"""

import json
import os
import signal
import sqlite3
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import trio

from simulators.bench.course import Devices, Say, against, running_hub
from simulators.bench.peers.stack import UsualStack, usual_stack
from simulators.bench.program import Program, started
from simulators.bench.report import BenchRow, row_of
from simulators.victoria_process import VictoriaProcess

Load = Callable[[Devices], Mapping[str, Any]]
DEVICES: Final = 100
QUIET_S: Final = 3.0  # of a subscriber: then it has what the broker kept
RAW_LIMIT: Final = 100_000


def end(*pids: int) -> None:
    """Kill processes, one right after another."""
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


async def acked_until_killed(sender: Program, after_s: float, *pids: int) -> int:
    """Let the sender go on for so long, kill, and return how many frames it had been told are safe."""
    await trio.sleep(after_s)
    said = await sender.ask("end")
    end(*pids)
    return int(said["acked"])


async def lost_of_hub(load: Load, after_s: float) -> tuple[int, int]:
    """Return (acked, lost) of the hub."""
    with TemporaryDirectory(prefix="tributary-bench-") as directory:
        async with running_hub(DEVICES, at=Path(directory)) as hub:
            devices = await hub.provision(DEVICES)
            async with against("sender", hub.port, is_hub=True, **load(devices)) as sender:
                acked = await acked_until_killed(sender, after_s, hub.pid)
        async with running_hub(DEVICES, at=Path(directory)) as hub:
            await hub.settled()
            answers = [await hub.client.query(name, ["c0"], span_s=3_600, limit=RAW_LIMIT) for name, _ in devices]
            found = sum(len(series["points"]) for answer in answers for series in answer["series"])
    return acked, max(0, acked - found)


async def lost_of_asyncio_hub(load: Load, after_s: float, devices: Devices) -> tuple[int, int]:
    """Return (acked, lost) of the asyncio hub: what its journal has afterwards."""
    with TemporaryDirectory(prefix="tributary-bench-") as directory:
        async with (
            started("peers.asyncio_hub", {"directory": directory}) as (peer, said),
            against("sender", said["port"], is_hub=True, **load(devices)) as sender,
        ):
            acked = await acked_until_killed(sender, after_s, peer.pid)
        with closing(sqlite3.connect(Path(directory) / "journal.db")) as journal:
            (found,) = journal.execute("SELECT count(*) FROM frames").fetchone()
    return acked, max(0, acked - found)


async def lost_of_stack(load: Load, after_s: float, devices: Devices, server: VictoriaProcess) -> tuple[int, int]:
    """Return (acked, lost) of Mosquitto and its subscriber: what the database, which lives on, has once both are back and quiet."""
    with TemporaryDirectory(prefix="tributary-bench-") as directory:
        at = Path(directory) / "broker"
        async with usual_stack(server.url, at) as stack, against("peers.mqtt_sender", stack.port, is_hub=False, **load(devices)) as sender:
            acked = await acked_until_killed(sender, after_s, *stack.pids)
        async with usual_stack(server.url, at) as stack:
            await quiet(stack)
        found = await trio.to_thread.run_sync(frames_in, server)
    return acked, max(0, acked - found)


async def quiet(stack: UsualStack) -> None:
    """Wait until the subscriber has written all it received and receives nothing more."""
    before, since_s = -1, trio.current_time()
    while trio.current_time() < since_s + QUIET_S:
        said = await stack.writer.ask("end")
        if said["received"] != before or said["written"] < said["received"]:
            before, since_s = said["received"], trio.current_time()
        await trio.sleep(0.1)  # its answer is all there is to wait for


def frames_in(server: VictoriaProcess) -> int:
    """Return how many frames' first readings a VictoriaMetrics has."""
    with urllib.request.urlopen(server.url + "/internal/force_flush", timeout=30):
        pass
    asked = urllib.parse.urlencode({"match[]": 'readings_num{channel="c0"}'})
    with urllib.request.urlopen(f"{server.url}/api/v1/export?{asked}", timeout=60) as answer:
        return sum(len(json.loads(line)["values"]) for line in answer)


async def rows(load: Load, after_s: float, server: VictoriaProcess, say: Say) -> list[BenchRow]:
    """Kill each once and return the rows; the server must hold nothing of the stack's yet."""
    devices = [(f"bench-{number:05}", "-") for number in range(DEVICES)]
    found = {
        "the hub": await lost_of_hub(load, after_s),
        "the asyncio hub": await lost_of_asyncio_hub(load, after_s, devices),
        "Mosquitto and its subscriber": await lost_of_stack(load, after_s, devices, server),
    }
    for who, (acked, lost) in found.items():
        say(f"killed under load: {who} had acked {acked:,} frames; at least {lost:,} of them are gone")
    return [row_of(f"peers: acked frames lost by a kill: {who}", "frames", [float(lost)]) for who, (_, lost) in found.items()]
