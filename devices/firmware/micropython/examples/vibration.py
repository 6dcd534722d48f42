"""Vibration: a burst of 1,024 values at 1 kHz every minute, each burst a few pack frames.

Copy it as main.py beside tributary.py. Four bytes a value in flash and on the wire, where readings one by one take fourteen.
"""

import array
import asyncio
import math
import time

import tributary

URL = "ws://192.168.1.10:8080"
NAME, TOKEN = "bearing", "the token that `tributary device add bearing` printed"
STEP_US = 1000
COUNT = 1024


def burst():
    """Return one burst in m/s2; put your accelerometer here (its FIFO keeps the time better than a loop does)."""
    values = array.array("f", [0.0] * COUNT)
    phase = time.time() % 60
    for i in range(COUNT):
        values[i] = 2.0 * math.sin(phase + i * 0.3)
    return values


async def main():
    """Send a burst a minute."""
    device = tributary.Device(
        URL, NAME, TOKEN, [("acceleration", "m/s2", "gauge")], spool="/spool", spool_bytes=512 * 1024, ram_bytes=8192, interval_s=60
    )
    talking = asyncio.create_task(device.run())
    while not talking.done():
        device.send_pack("acceleration", burst(), STEP_US)
        await asyncio.sleep(60)
    await talking


if __name__ == "__main__":
    asyncio.run(main())
