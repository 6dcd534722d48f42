"""A process full of devices that carry out commands and can be killed: each writes down what it runs before it runs it.

Owns nothing but its devices, through devices.client. A program: its plan is the first line of stdin as JSON; it prints `running` and goes
on until stdin ends. Started and killed by simulators/commands/course.py.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import trio

from devices.client import Device
from devices.wire.messages import Channel


async def run_device(url: str, plan: dict[str, Any]) -> None:
    """Be one device for good."""
    runs = os.open(plan["runs"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    device = Device(url, plan["name"], plan["token"], channels=[Channel("temp", "Cel")], spool_dir=Path(plan["spool"]), interval_s=None)
    arguments = {"number": {"type": "integer"}, "seconds": {"type": "number", "min": 0, "max": 60}}

    @device.command("work", args=arguments)
    async def work(number: int, seconds: float) -> int:
        os.write(runs, b"%d\n" % number)  # with the kernel before anything else happens: kill -9 loses none
        await trio.sleep(seconds)
        if number % 20 == 0:
            raise RuntimeError("every twentieth fails")
        return number

    async with device:
        await trio.sleep_forever()


async def main() -> None:
    """Read the plan, run every device until stdin ends."""
    plan = json.loads(sys.stdin.readline())
    async with trio.open_nursery() as nursery:
        for device in plan["devices"]:
            nursery.start_soon(run_device, plan["url"], device)
        print("running", flush=True)
        await trio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True)
        nursery.cancel_scope.cancel()


if __name__ == "__main__":
    trio.run(main)
