"""The devices behind the charts of `tributary bench page`: real clients of this package, two gauges each, at one pace.

Owns what they measure: slow waves with noise, the last minutes of them sent at first, so that charts are full. A program (answering.py):
whatever it hears is answered by how many frames went out so far, and `quit` ends it. Started by painting.py and soaking.py.
"""

import math
import random
import time
from collections.abc import Mapping
from typing import Any, Final

import trio

from devices.client import Device
from devices.wire.messages import Channel
from simulators.bench.answering import heard, run_program, say

CHANNELS: Final = ("c0", "c1")
_WAVES_S: Final = (47.0, 83.0)  # no multiple of each other, nor of what a chart shows
_NOISE: Final = 0.15


def values_at(time_us: int, phase: float, drawn: random.Random) -> dict[str, float]:
    """Return what a device measures, in hundredths."""
    seconds = time_us / 1e6
    return {
        name: round(20 + 2 * at + 4 * math.sin(2 * math.pi * seconds / wave_s + phase) + drawn.gauss(0, _NOISE), 2)
        for at, (name, wave_s) in enumerate(zip(CHANNELS, _WAVES_S, strict=True))
    }


class Gauges:
    """All devices, and how many frames they have sent."""

    def __init__(self, plan: Mapping[str, Any]) -> None:
        self._plan = plan
        self._sent = 0
        self._interval_s = 1 / plan["rate"]

    async def run(self) -> None:
        """Send until `quit`."""
        async with trio.open_nursery() as nursery:
            for number, (name, token) in enumerate(self._plan["devices"]):
                await nursery.start(self._device, number, name, token)
            say({"open": len(self._plan["devices"])})
            while await trio.to_thread.run_sync(heard) != "quit":
                say({"sent": self._sent})
            nursery.cancel_scope.cancel()

    async def _device(self, number: int, name: str, token: str, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        drawn = random.Random(number)
        phase = drawn.uniform(0, 2 * math.pi)
        channels = [Channel(each, "Cel") for each in CHANNELS]
        url = f"ws://{self._plan['host']}:{self._plan['port']}/v1/device"
        async with Device(url, name, token, channels=channels, interval_s=self._interval_s, firmware="bench 1", rng=drawn) as device:
            now_us, step_us = time.time_ns() // 1000, int(1e6 * self._interval_s)
            past = range(now_us - int(1e6 * self._plan["past_s"]), now_us, step_us)
            await device.send_many([(at_us, values_at(at_us, phase, drawn)) for at_us in past])
            await device.drained()
            task_status.started()
            due_s = trio.current_time() + drawn.uniform(0, self._interval_s)  # devices are not in step
            while True:
                await trio.sleep_until(due_s)
                due_s += self._interval_s
                at_us = time.time_ns() // 1000
                await device.send(values_at(at_us, phase, drawn), at_us)
                self._sent += 1


def run(plan: dict[str, Any]) -> None:
    """Open all devices, say so, send."""
    trio.run(Gauges(plan).run)


if __name__ == "__main__":
    run_program(run)
