"""Run by either Python: meet a hostile hub so many times; prints the heap in use after each meeting (0 in CPython)."""

import gc
import sys

import asyncio  # isort: skip

import tributary

url, meetings = sys.argv[1], int(sys.argv[2])
tributary._uniform = lambda top: 0.001  # it would wait longer each time, as it should
came = [0]
heap = []


def met(line):
    """Count a meeting."""
    came[0] += 1
    gc.collect()
    heap.append(gc.mem_alloc() if hasattr(gc, "mem_alloc") else 0)


device = tributary.Device(url, "board", "token", [("value", "V", "gauge")], on_log=met)


async def main():
    """Measure on meanwhile."""
    talking = asyncio.create_task(device.run())
    while came[0] < meetings:
        device.send({"value": 1.5})
        await asyncio.sleep(0.005)
        if talking.done():
            break
    talking.cancel()
    quarter = len(heap) // 4  # at first it fills what it may fill
    print(came[0], max(heap[2 * quarter : 3 * quarter]), max(heap[3 * quarter :]))


asyncio.run(main())
