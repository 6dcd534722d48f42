"""`python -m tests.gate.replays --frames 1000000`: devices send frames of which a fifth was sent before, and each is stored once.

Owns the senders, on plain sockets, and the verdict. A device says earlier frames of its epoch again, byte by byte, acked ones and ones that
are under way, between the new ones and in any order; now and then it comes back on a new connection with the same epoch. Exits with 1 where
the journal took a frame twice, or the history has another number of readings than were sent.
"""

import argparse
import select
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

import msgpack
import trio

from devices.wire.limits import SUBPROTOCOL_DEVICE
from hub.client import HubClient
from simulators.bench.accounting import gauge_of
from simulators.bench.devices import DeviceConnection
from simulators.bench.frames import FrameMaker, data_bodies, hello, masked_message, upgrade_request
from simulators.hub_process import HubProcess

DEVICES: Final = 8
AGAIN: Final = 0.2  # of all frames that are sent
BLOCK: Final = 64  # frames of one write at most
STEP_US: Final = 1_000
WIDTH_US: Final = 10_000_000
COMES_BACK: Final = 0.002  # chance at each turn
SETTLE_S: Final = 120.0


@dataclass(slots=True)
class Sender:
    """One device's numbers, over all its connections: frames up to `made` were sent, `said` counts each time one was."""

    name: str
    token: str
    connection: DeviceConnection
    made: int = 0
    said: int = 0
    connects: int = 1


class Fleet:
    """All devices, each with `each` frames to send."""

    def __init__(self, address: tuple[str, int], tokens: dict[str, str], each: int, seed: int) -> None:
        self.each = each
        self.begin_us = (time.time_ns() // 1_000 - each * STEP_US) // WIDTH_US * WIDTH_US
        self._address, self._rng = address, Random(seed)
        self._maker = FrameMaker(data_bodies(1, seed), seed)
        self.senders = [Sender(name, token, self._opened(name, token, None, 0)) for name, token in tokens.items()]

    def run(self) -> None:
        """Send everything by turns until everything is acked. Raises GivenUp where the hub ends a connection."""
        while left := [sender for sender in self.senders if sender.connection.acked < self.each]:
            for sender in left:
                for _ in sender.connection.hear():
                    pass
                if not sender.connection.is_writing or sender.connection.write_on():
                    self._turn(sender)
            select.select([sender.connection.socket for sender in left], [], [], 0.002)

    def close(self) -> None:
        """Hang up."""
        for sender in self.senders:
            sender.connection.socket.close()

    def _turn(self, sender: Sender) -> None:
        """Send what is new, what is old, or come back."""
        connection = sender.connection
        count = min(BLOCK, self.each - connection.seq, connection.room(self._maker.payload_bytes))
        if count > 0:
            self._write(sender, connection.seq + 1, count)
            connection.seq += count
            sender.made = max(sender.made, connection.seq)
        if connection.seq and not connection.is_writing and sender.said * (1 - AGAIN) < sender.made:
            first = self._rng.randint(1, connection.seq)
            self._write(sender, first, min(self._rng.randint(1, BLOCK), connection.seq + 1 - first))
        if not connection.is_writing and self._rng.random() < COMES_BACK:
            connection.socket.close()
            sender.connection = self._opened(sender.name, sender.token, connection.epoch, connection.acked)
            sender.connects += 1

    def _write(self, sender: Sender, first: int, count: int) -> None:
        block = self._maker.block(sender.connection.epoch, first, count, self.begin_us + first * STEP_US, STEP_US)
        sender.connection.write(bytes(block))  # what does not fit is kept there, and the block is the maker's own
        sender.said += count

    def _opened(self, name: str, token: str, epoch: int | None, acked: int) -> DeviceConnection:
        connection = DeviceConnection(self._address)
        connection.epoch = epoch or connection.epoch
        connection.write(upgrade_request(*self._address, "/v1/device", SUBPROTOCOL_DEVICE, token))
        connection.read_head()
        said: dict[str, Any] = msgpack.unpackb(hello(name, connection.epoch, 1, 1.0))
        if epoch is not None and acked < self.each:
            said["unfinished"] = [{"epoch": epoch, "first": acked + 1, "last": self.each}]
        connection.write(masked_message(msgpack.packb(said)))
        welcome = msgpack.unpackb(connection.read_message())
        connection.take_credit(welcome["credit"])
        connection.acked = connection.seq = max([acked, *(seq for of, seq in welcome["marks"] if of == epoch)])
        connection.socket.setblocking(False)
        return connection


async def stored(client: HubClient, fleet: Fleet) -> Sequence[int]:
    """Return how many readings of each device the history has, once everything in the journal is there. Raises trio.TooSlowError."""
    with trio.fail_after(SETTLE_S):
        while (await client.hub())["store_lag"]:  # noqa: ASYNC110
            await trio.sleep(0.05)  # an HTTP answer is all there is to wait for
    found = []
    for sender in fleet.senders:
        answer = await client.query(sender.name, ["c0"], from_us=fleet.begin_us, width="10s", limit=100_000)
        found.append(sum(sum(series["buckets"]["count"]) for series in answer["series"]))
    return found


async def run(frames: int, seed: int, directory: Path) -> int:
    """Send, compare, print; return 1 where something differs. The hub is gone when this returns."""
    hub = HubProcess(directory / "data")
    try:
        await trio.to_thread.run_sync(hub.start)
        async with HubClient(hub.url, hub.admin_token) as client:
            tokens = await client.add_devices([f"replay-{number}" for number in range(DEVICES)])
            port = int(hub.url.rpartition(":")[2])
            fleet = await trio.to_thread.run_sync(Fleet, ("127.0.0.1", port), tokens, frames // DEVICES, seed)
            try:
                await trio.to_thread.run_sync(fleet.run)
                journaled = round(gauge_of(await client.metrics(), "tributary_journal_committed_rows"))
                found = await stored(client, fleet)
            finally:
                fleet.close()
    finally:
        hub.kill()
    made, said = sum(sender.made for sender in fleet.senders), sum(sender.said for sender in fleet.senders)
    rejects, connects = (sum(each) for each in zip(*((s.connection.rejects, s.connects) for s in fleet.senders), strict=True))
    print(f"N = {said:,} frames, {said - made:,} of them again ({1 - made / said:.0%}), {connects} connections")
    print(f"stored: {sum(found):,} readings of {made:,} frames that are different; the journal took {journaled:,}; {rejects} rejected")
    return int(any(count != fleet.each for count in found) or journaled != made or rejects > 0)


def main() -> int:
    """Run as a program and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.gate.replays", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--frames", type=int, default=1_000_000, help="different ones, of 8 devices together (default 1,000,000)")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tributary-replays-") as directory:
        return trio.run(run, given.frames, given.seed, Path(directory))


if __name__ == "__main__":
    sys.exit(main())
