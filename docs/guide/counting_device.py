"""The client under test of docs/guide/own_client.md, with Tributary's own device client: count, echo, wait, burst, and a lamp as its shadow.

Run it as `tributary conformance --run "python docs/guide/counting_device.py"`. What it needs of a client library is in this one page.
"""

import os
import time
from pathlib import Path
from typing import Any

import trio

from devices.client import Device, DeviceRefused
from devices.wire.messages import Channel, Kind

EVERY_S = 0.05


def next_value(file: Path) -> int:
    """Write the next value down before it is used: a power cut may skip one, and gives none twice."""
    value = int(file.read_text() or 0) + 1 if file.exists() else 1
    new = file.with_suffix(".new")
    new.write_text(str(value))
    new.replace(file)
    return value


async def main() -> None:
    """Count until killed."""
    spool = Path(os.environ["TRIBUTARY_SPOOL"])
    earlier = [Channel("supply", "V", Kind.GAUGE, 0.0, 24.0)] if os.environ.get("TRIBUTARY_CHANNELS") else []  # as after an update
    device = Device(
        os.environ["TRIBUTARY_URL"],
        os.environ["TRIBUTARY_DEVICE"],
        os.environ["TRIBUTARY_TOKEN"],
        channels=[*earlier, Channel("count", "", Kind.COUNTER)],
        spool_dir=spool,
        spool_max_bytes=int(os.environ.get("TRIBUTARY_SPOOL_BYTES", 1 << 26)),
        interval_s=EVERY_S,
        firmware="counting 1",
        way="websocket",
    )

    @device.command("echo", args={"text": {"type": "text"}})
    async def echo(text: str) -> str:
        return text

    @device.command("wait", args={"s": {"type": "number", "min": 0}})
    async def wait(s: float) -> None:
        await trio.sleep(s)

    @device.command("burst", args={"n": {"type": "integer", "min": 1, "max": 1000}})
    async def burst(n: int) -> None:
        await device.send_many([(time.time_ns() // 1_000, {"count": next_value(spool / "count")}) for _ in range(n)])

    @device.on_desired
    def apply(document: dict[str, Any], delta: dict[str, Any]) -> None:
        if document.get("refuse"):
            raise ValueError("refused, as it was desired")

    async with device:
        while True:
            await device.send({"count": next_value(spool / "count")})
            await trio.sleep(EVERY_S)


if __name__ == "__main__":
    try:
        trio.run(main)
    except DeviceRefused as error:
        raise SystemExit(str(error)) from None
