"""A process full of devices that can be killed: each makes readings at a pace and writes down what it makes.

Owns nothing but its devices, through devices.client; numbers go on from the ledger, so no value is ever made twice.
A program: its plan is the first line of stdin as JSON; it prints `running`; a further line (or the end of stdin) makes it stop
making readings, wait until every spool is empty and print `drained`. Started and killed by simulators/crash/fleet.py.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import trio

from devices.client import Device
from devices.wire.messages import Channel
from simulators.crash.ledger import Ledger, MadePack, read_ledger

CHANNELS = ("left", "right")  # every frame has one reading of each, both with the frame's running number
BURST = "burst"  # its readings come in packs, with running numbers of their own


async def make_readings(plan: dict[str, Any], device: Device, stopping: trio.Event) -> None:
    """Send numbered readings at the planned rate until told to stop, every now and then a pack of them; behind the pace at once."""
    made, resolution_us = read_ledger(Path(plan["ledger"])), plan["resolution_us"]
    number, time_us = made.last, made.last_us
    pack = max(made.packs.values(), default=MadePack(1 - plan["pack_values"], plan["pack_values"], 0, plan["pack_step_us"]))
    step_s, due = 1 / plan["rate"], trio.current_time()
    with Ledger(Path(plan["ledger"])) as ledger:
        while not stopping.is_set():
            now_us = time.time_ns() // 1_000 // resolution_us * resolution_us
            number, time_us, due = number + 1, max(time_us + resolution_us, now_us), due + step_s
            ledger.begin(number, time_us)
            await device.send(dict.fromkeys(CHANNELS, number), time_us=time_us)
            ledger.returned(number)
            if number % plan["pack_every"] == 0:
                pack = MadePack(pack.first + pack.readings, plan["pack_values"], max(pack.end_us, now_us), plan["pack_step_us"])
                await send_pack(pack, device, ledger)
            await trio.sleep_until(due)


async def send_pack(pack: MadePack, device: Device, ledger: Ledger) -> None:
    """Send numbered readings as one pack."""
    ledger.begin_pack(pack)
    values = np.arange(pack.first, pack.first + pack.readings, dtype=np.float64)
    await device.send_pack(BURST, values, step_ns=pack.step_us * 1_000, start_us=pack.time_us)
    ledger.pack_returned(pack.first)


async def run_device(url: str, plan: dict[str, Any], stopping: trio.Event) -> None:
    """Be one device until its spool is empty after `stopping`."""
    channels = [Channel(name) for name in (*CHANNELS, BURST)]
    options = {"spool_max_bytes": plan["spool_bytes"]} if plan["spool_bytes"] else {}
    async with Device(
        url, plan["name"], plan["token"], channels=channels, spool_dir=Path(plan["spool"]), interval_s=1.0, **options
    ) as device:
        await make_readings(plan, device, stopping)
        await device.drained()


async def main() -> None:
    """Read the plan, run every device, obey stdin."""
    plan = json.loads(sys.stdin.readline())
    stopping = trio.Event()
    async with trio.open_nursery() as nursery:
        for device in plan["devices"]:
            nursery.start_soon(run_device, plan["url"], device, stopping)
        print("running", flush=True)
        await trio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True)
        stopping.set()
    print("drained", flush=True)


if __name__ == "__main__":
    trio.run(main)
