"""`python -m simulators.commands.cost [--devices N]`: what two commands to all of 5,000 connected devices cost, and 10,000 open ones.

Owns the measurement: the answer to the request, until every device has it, how late the hub's event loop was meanwhile, and the hub's CPU
seconds with no open command and with all of them. Everything runs on this machine, the devices in this process on plain sockets.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from random import Random

import trio

from devices.wire.codec import encode
from devices.wire.limits import SUBPROTOCOL_DEVICE
from devices.wire.messages import Channel, CommandSpec, Hello
from hub.client import HubClient, commands
from simulators.bench.accounting import cpu_s, gauge_of
from simulators.bench.connection import Connection
from simulators.bench.frames import masked_message, upgrade_request
from simulators.hub_process import HubProcess, free_port, raise_descriptor_limit

_LATE = "tributary_event_loop_worst_late_seconds"
_IDLE_S = 10.0
_TTL_S = 3_600.0


class Fleet:
    """Devices that take commands and answer none."""

    def __init__(self, port: int, tokens: Sequence[tuple[str, str]]) -> None:
        self._address = ("127.0.0.1", port)
        self._tokens = tokens
        self._connections: list[Connection] = []
        self.commands = 0

    async def connect(self) -> None:
        """Connect them one after the other; each is welcomed before the next one comes."""
        rng = Random(1)
        for name, token in self._tokens:
            connection = Connection(self._address)
            connection.write(upgrade_request(*self._address, "/v1/device", SUBPROTOCOL_DEVICE, token))
            connection.read_head()
            takes = (CommandSpec("blink", "", {"times": {"type": "integer"}}),)
            hello = Hello(name, rng.getrandbits(63), (Channel("temp", "Cel"),), commands=takes)
            connection.write(masked_message(encode(hello)))
            connection.read_message()
            connection.socket.setblocking(False)
            self._connections.append(connection)
            if len(self._connections) % 500 == 0:
                self.look()
                await trio.lowlevel.checkpoint()

    def look(self) -> None:
        """Take what has come, count the commands, answer pings."""
        for connection in self._connections:
            connection.receive()
            self.commands += sum(b"blink" in payload for _, payload in connection.messages())

    async def has(self, count: int) -> None:
        """Wait until so many commands have come."""
        with trio.fail_after(60):
            while self.commands < count:
                self.look()
                await trio.sleep(0.02)


async def idle_share(hub: HubProcess, fleet: Fleet) -> float:
    """Return which part of a core the hub takes while nothing happens."""
    before_s = cpu_s(hub.pid)
    with trio.move_on_after(_IDLE_S):
        while True:
            await trio.sleep(1.0)
            fleet.look()
    return (cpu_s(hub.pid) - before_s) / _IDLE_S


async def measure(hub: HubProcess, devices: int) -> None:
    """Print the figures."""
    async with HubClient(hub.url, hub.admin_token) as client:
        names = [f"d{at}" for at in range(devices)]
        tokens: dict[str, str] = {}
        for first in range(0, devices, 500):
            tokens |= await client.add_devices(names[first : first + 500])
        fleet = Fleet(hub.port, list(tokens.items()))
        await fleet.connect()
        print(f"{devices:,} devices are connected; the hub idle: {await idle_share(hub, fleet):.1%} of a core", flush=True)
        for number in (1, 2):
            await client.metrics()  # the worst since it was asked for last
            spent_s, began_s = cpu_s(hub.pid), trio.current_time()
            group = await commands.send_to_group(client, "blink", {"times": number}, where="name=d*", ttl_s=_TTL_S)
            answered_s = trio.current_time() - began_s
            await fleet.has(number * devices)
            there_s, spent_s = trio.current_time() - began_s, cpu_s(hub.pid) - spent_s
            late_ms = gauge_of(await client.metrics(), _LATE) * 1e3
            times = f"answered after {answered_s:.2f} s, with every device after {there_s:.2f} s"
            cost = f"{spent_s:.2f} s of CPU, {spent_s / devices * 1e6:.0f} µs a device; event loop at most {late_ms:.0f} ms late"
            print(f"command {number} to {group['devices']:,} devices: {times}; {cost}", flush=True)
        await client.metrics()
        share = await idle_share(hub, fleet)
        late_ms = gauge_of(await client.metrics(), _LATE) * 1e3
        print(
            f"{2 * devices:,} commands are open; the hub idle: {share:.1%} of a core, event loop at most {late_ms:.0f} ms late", flush=True
        )


def main() -> None:
    """Run as a program."""
    parser = argparse.ArgumentParser(prog="python -m simulators.commands.cost", description="What commands to many devices cost.")
    parser.add_argument("--devices", type=int, default=5_000, help="connected devices; to 9,000")
    devices = parser.parse_args().devices
    raise_descriptor_limit()
    with tempfile.TemporaryDirectory(prefix="tributary-cost-") as directory:
        hub = HubProcess(Path(directory) / "data", port=free_port())
        try:
            hub.start()
            trio.run(measure, hub, devices)
        finally:
            hub.kill()


if __name__ == "__main__":
    main()
