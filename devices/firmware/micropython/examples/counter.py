"""The client under test of `tributary conformance`: it counts from 1 over reboots, and takes the commands echo, wait and burst.

It takes TRIBUTARY_URL, TRIBUTARY_DEVICE, TRIBUTARY_TOKEN and TRIBUTARY_SPOOL, a folder that survives reboots, from its environment, and
TRIBUTARY_SPOOL_BYTES where its spool is to be small. Run it with CPython (PYTHONPATH=..) or with the unix port (MICROPYPATH=.frozen:..).
"""

import asyncio
import os

import tributary

FOLDER = os.getenv("TRIBUTARY_SPOOL")
EARLIER = [{"name": "supply", "unit": "V", "kind": "gauge", "min": 0, "max": 24}] if os.getenv("TRIBUTARY_CHANNELS") else []  # an update
NEXT = tributary.Folder(FOLDER + "/next")


def next_value():
    """Write the next value down before it is used: a power cut may skip one, and gives none twice."""
    names = sorted(int(name) for name in NEXT.names())
    value = names[-1] + 1 if names else 1
    NEXT.append(str(value), b"-")
    NEXT.done(str(value))
    for name in names:
        NEXT.remove(str(name))
    return value


device = tributary.Device(
    os.getenv("TRIBUTARY_URL"),
    os.getenv("TRIBUTARY_DEVICE"),
    os.getenv("TRIBUTARY_TOKEN"),
    EARLIER + [("count", "", "counter")],
    spool=FOLDER + "/spool",
    spool_bytes=int(os.getenv("TRIBUTARY_SPOOL_BYTES") or 65536),
    interval_s=1,
)


@device.command("echo", text={"type": "text"})
def echo(job, text):
    """Return the text."""
    return text


@device.command("wait", s={"type": "number", "min": 0})
async def wait(job, s):
    """Take so long."""
    await asyncio.sleep(s)


@device.command("burst", n={"type": "integer", "min": 1, "max": 1000})
def burst(job, n):
    """Make many readings at once, in frames of as many as there may be."""
    device.batch_ms = 60000
    for _ in range(n):
        device.send({"count": next_value()})
    device.flush()
    device.batch_ms = 0


@device.on_desired
def apply(document, delta):
    """Take every document but one that says refuse."""
    if document.get("refuse"):
        raise ValueError("refused, as it was desired")


async def count():
    """Count 20 times a second, connected or not."""
    while True:
        device.send({"count": next_value()})
        await asyncio.sleep(0.05)


async def main():
    """Count and talk until killed."""
    counting = asyncio.create_task(count())
    try:
        await device.run()
    finally:
        counting.cancel()


asyncio.run(main())
