"""Run by either Python: send readings one way to a hub until all are acked; prints what it took as JSON. Arguments: the way, how many."""

import gc
import sys

import asyncio  # isort: skip
import json
import os
import time

IS_MICRO = sys.implementation.name == "micropython"


def allocated():
    """Return the bytes of heap in use; CPython has no such figure."""
    gc.collect()
    return gc.mem_alloc() if IS_MICRO else 0


def now_s():
    """Return a time to subtract."""
    return time.ticks_ms() / 1000 if IS_MICRO else time.monotonic()


before = allocated()
import tributary  # noqa: E402

imported = allocated() - before
way, count = sys.argv[1], int(sys.argv[2])
sent = [0, 0]
plain_send = tributary.WebSocket.send


async def counted_send(self, opcode, payload):
    """Count what goes out, with WebSocket's own bytes."""
    if opcode == 2:
        sent[0] += 1
        sent[1] += len(payload) + (6 if len(payload) < 126 else 8)
    await plain_send(self, opcode, payload)


tributary.WebSocket.send = counted_send
before = allocated()
device = tributary.Device(
    os.getenv("TRIBUTARY_URL"),
    os.getenv("TRIBUTARY_DEVICE"),
    os.getenv("TRIBUTARY_TOKEN"),
    [("value", "V", "gauge")],
    spool=os.getenv("TRIBUTARY_SPOOL"),
    batch_ms=1000 if way == "batch" else 0,
    write_behind_ms=3000 if way == "behind" else 0,
    on_log=lambda line: None,
)
made = allocated() - before


@device.command("echo", text={"type": "text"})
def echo(job, text):
    """Return the text."""
    return text


async def at_most(frames):
    """Wait until no more frames than this are not acked."""
    while device.spool.waiting_frames() > frames:  # noqa: ASYNC110
        await asyncio.sleep(0.01)


async def main():
    """Send, wait for the acks, tell."""
    talking = asyncio.create_task(device.run())
    while not device.is_connected:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    at_first, begun = list(sent), now_s()
    if way == "pack":
        values = bytes(4 * 1000)
        for _ in range(count // 1000):
            device.send_pack("value", values, 1000)
            await at_most(20)
    else:
        for number in range(count):
            device.send({"value": 20.5 + number % 7})
            if number % 20 == 19:
                await asyncio.sleep(0)
                await at_most(60)
    device.flush()
    await at_most(0)
    spent_s = now_s() - begun
    talking.cancel()
    print(json.dumps({"import": imported, "device": made, "bytes": sent[1] - at_first[1], "frames": sent[0] - at_first[0], "s": spent_s}))


asyncio.run(main())
