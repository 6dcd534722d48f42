"""`python -m tests.gate.revocations --devices 100`: tokens are revoked on one node while their devices stream to another.

Owns three nodes on a real Redis and a shared history (tests/support/live_cluster.py). For each device: the time from the request to its
connection's end, and to the moment when every node turns its token away; the other devices stream all the while. Exits with 1 where that
takes 5 s or more.
"""

import argparse
import math
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Final

import trio

from devices import Channel, Device, DeviceRefused
from devices.wire.limits import SUBPROTOCOL_DEVICE
from hub.client import fleet
from simulators.bench.frames import upgrade_request
from tests.support.live_cluster import Cluster, Node, on_victoria, running_cluster

PROMISED_S: Final = 5.0
SEND_EVERY_S: Final = 0.1
LOOK_S: Final = 0.02


class Streaming:
    """One device that sends until it is refused; `refused` is set then."""

    def __init__(self, name: str, node: Node, token: str) -> None:
        self.name, self.node, self.token = name, node, token
        self.refused = trio.Event()
        self.acked = 0

    async def run(self, *, task_status: trio.TaskStatus[None]) -> None:
        """Send a reading every so often."""
        try:
            async with Device(self.node.url, self.name, self.token, channels=[Channel("temp")]) as device:
                task_status.started()
                while True:
                    await device.send({"temp": 1.0})
                    self.acked = device.statistics().acked_frames
                    await trio.sleep(SEND_EVERY_S)  # the pace of the sensor
        except* DeviceRefused:
            self.refused.set()


async def turned_away(node: Node, token: str, source: str) -> None:
    """Return once a node answers an upgrade with this token by 401; without a hello it takes the device's place from nobody.

    Each token is tried from an address of its own: who tries too many wrong ones hears 429, whatever he tries.
    """
    request = upgrade_request("127.0.0.1", node.port, "/v1/device", SUBPROTOCOL_DEVICE, token)
    answer = b""
    while b" 401 " not in answer:
        async with await trio.open_tcp_stream("127.0.0.1", node.port, local_address=source) as stream:
            await stream.send_all(request)
            answer = (await stream.receive_some()).partition(b"\r\n")[0]
        await trio.sleep(LOOK_S)


async def revoked(cluster: Cluster, at: int, device: Streaming) -> tuple[float, float]:
    """Revoke a token on another node than its device's; return seconds to the connection's end, and until all nodes turn it away."""
    other = cluster.nodes[(at + 1) % len(cluster.nodes)]
    began_s, times = trio.current_time(), [math.inf, math.inf]

    async def ended() -> None:
        await device.refused.wait()
        times[0] = trio.current_time() - began_s

    async with other.client() as client:
        await fleet.revoke(client, device.name)
    with trio.move_on_after(30):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ended)
            async with trio.open_nursery() as doors:
                for node in cluster.nodes:
                    doors.start_soon(turned_away, node, device.token, f"127.1.{at // 250}.{at % 250 + 1}")
            times[1] = trio.current_time() - began_s
    return times[0], times[1]


async def run(count: int, directory: Path) -> list[tuple[float, float]]:
    """Have all devices stream, revoke one after another, and return the times of each."""
    async with running_cluster(directory, "abc", on_victoria) as cluster:
        streaming = []
        for at in range(count):
            name, node = f"revoked-{at}", cluster.nodes[at % len(cluster.nodes)]
            async with node.client() as client:
                device = Streaming(name, node, await client.add_device(name))
            await cluster.nursery.start(device.run)
            streaming.append(device)
        with trio.fail_after(60):
            while not all(device.acked for device in streaming):  # noqa: ASYNC110
                await trio.sleep(0.05)
        times = [await revoked(cluster, at, device) for at, device in enumerate(streaming)]
        cluster.nursery.cancel_scope.cancel()
    return times


def main() -> int:
    """Run as a program and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.gate.revocations", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--devices", type=int, default=300, help="so many revocations (default 300)")
    given = parser.parse_args()
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tributary-revocations-") as directory:
        times = trio.run(run, given.devices, Path(directory))
    ends, doors = zip(*times, strict=True)
    print(f"N = {len(times)} revocations on 3 nodes, {time.monotonic() - began_s:.0f} s")
    print(
        f"the slowest connection ended after {max(ends):.2f} s (p50 {median(ends):.2f} s), "
        f"all nodes turn the token away after {max(doors):.2f} s (p50 {median(doors):.2f} s)"
    )
    return 1 if max(*ends, *doors) >= PROMISED_S else 0


if __name__ == "__main__":
    sys.exit(main())
