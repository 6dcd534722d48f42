"""A whole device in one file, written from docs/protocol.md alone.

It shows that the page is enough: it imports nothing of Tributary. It connects, says hello, streams frames within the
credit, waits until every one is acked, takes commands and answers accepted and done. It keeps frames in memory only, so
it is a check and not a device to use. Run it as `python tests/independent_client.py URL TOKEN DEVICE`; used by
tests/e2e/test_independent_client.py.
"""

import argparse
import json
import os
import secrets
import time
from pathlib import Path
from typing import Any

import msgpack
import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, open_websocket_url

CHANNELS = [{"name": "temp", "unit": "Cel", "kind": "gauge"}, {"name": "door", "unit": "", "kind": "state", "values": ["open", "shut"]}]
COMMANDS = [{"name": "blink", "description": "blink n times", "args": {"n": {"type": "integer", "min": 1, "max": 10, "default": 1}}}]


class Client:
    """One connection: a live epoch, its unacked frames, and the ids of the commands it has begun."""

    def __init__(self, link: WebSocketConnection, device: str, ids: Path) -> None:
        self.link, self.device, self.ids = link, device, ids
        self.epoch = secrets.randbelow(2**63 - 1) + 1
        self.seq = self.acked = self.most_in_flight = 0
        self.sizes: dict[int, int] = {}
        self.credit: dict[str, Any] = {"live": [0, 0]}
        self.rejects: list[dict[str, Any]] = []
        self.done: list[str] = []
        self.moved = trio.Condition()

    async def hello(self) -> dict[str, Any]:
        """Open the epoch and return the hub's welcome."""
        hello = {"op": "hello", "device": self.device, "epoch": self.epoch, "unfinished": [], "channels": CHANNELS}
        hello |= {"commands": COMMANDS, "firmware": "independent 1", "clock_us": time.time_ns() // 1000, "interval_s": 1.0}
        await self.link.send_message(msgpack.packb(hello))
        welcome: dict[str, Any] = msgpack.unpackb(await self.link.get_message())
        if welcome["op"] != "welcome":
            raise RuntimeError(f"the hub answered hello with {welcome}")
        self.credit = welcome["credit"]
        return welcome

    async def send(self, op: str, **fields: Any) -> None:
        """Number one frame and send it as soon as the window lets it through."""
        async with self.moved:
            while not self.has_room(len(msgpack.packb({"e": self.epoch, "s": self.seq + 1, "op": op, **fields}))):
                await self.moved.wait()
            self.seq += 1
            frame = msgpack.packb({"e": self.epoch, "s": self.seq, "op": op, **fields})
            self.sizes[self.seq] = len(frame)
            self.most_in_flight = max(self.most_in_flight, len(self.sizes))
            await self.link.send_message(frame)

    def has_room(self, size_bytes: int) -> bool:
        """Say whether a frame of this size fits the live window."""
        frames, room_bytes = self.credit["live"]
        if not self.sizes:
            return bool(frames)
        return bool(len(self.sizes) < frames and sum(self.sizes.values()) + size_bytes <= room_bytes)

    async def receive(self, nursery: trio.Nursery) -> None:
        """Take what the hub says until it closes the connection."""
        while True:
            message = msgpack.unpackb(await self.link.get_message())
            match message.get("op"):
                case "ack":
                    async with self.moved:
                        self.acked = max([self.acked, *(seq for epoch, seq in message["acks"] if epoch == self.epoch)])
                        self.sizes = {seq: size for seq, size in self.sizes.items() if seq > self.acked}
                        self.credit = message["credit"]
                        self.moved.notify_all()
                case "reject":
                    self.rejects.append(message)
                case "command":
                    nursery.start_soon(self.run_command, message)
                case "bye":
                    raise RuntimeError(f"the hub says bye: {message}")

    async def run_command(self, command: dict[str, Any]) -> None:
        """Write the id down, then answer accepted and done; an id already written is not run again."""
        if self.ids.exists() and command["id"] in self.ids.read_text().split():
            return await self.send("result", id=command["id"], state="done")
        if command["name"] != "blink":
            return await self.send("result", id=command["id"], state="rejected", reason=f"unknown command {command['name']}")
        with self.ids.open("a") as file:
            file.write(command["id"] + "\n")
            file.flush()
            os.fsync(file.fileno())
        await self.send("result", id=command["id"], state="accepted")
        await self.send("result", id=command["id"], state="done", value={"blinked": command["args"].get("n", 1)})
        async with self.moved:
            self.done.append(command["id"])
            self.moved.notify_all()

    async def stream(self, frames: int, commands: int) -> None:
        """Send this many frames, then wait until all is acked and as many commands are answered."""
        for number in range(frames):
            await self.send("data", t=time.time_ns() // 1000, c=[0, 1], d=[0, 0], v=[float(number), ("open", "shut")[number % 2]])
        async with self.moved:
            while self.sizes or len(self.done) < commands:
                await self.moved.wait()


async def run(url: str, token: str, device: str, *, frames: int, commands: int, ids: Path) -> dict[str, Any]:
    """Be a device once and return what happened; raises RuntimeError where the hub refuses."""
    headers = [(b"Authorization", f"Bearer {token}".encode())]
    async with open_websocket_url(url, subprotocols=["tributary.device.v1"], extra_headers=headers) as link, trio.open_nursery() as nursery:
        client = Client(link, device, ids)
        welcome = await client.hello()
        nursery.start_soon(client.receive, nursery)
        await client.stream(frames, commands)
        nursery.cancel_scope.cancel()
    summary = {"epoch": client.epoch, "hub": welcome["hub"], "sent": client.seq, "acked": client.acked, "commands": client.done}
    return summary | {"rejects": client.rejects, "most_in_flight": client.most_in_flight, "window": welcome["credit"]["live"]}


def main() -> None:
    """Read the arguments, run once, print one JSON line."""
    parser = argparse.ArgumentParser(description="Stream as a device written from docs/protocol.md alone.")
    parser.add_argument("url", help="ws://HOST:PORT/v1/device")
    parser.add_argument("token")
    parser.add_argument("device")
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--commands", type=int, default=0, help="stay until so many commands are answered")
    parser.add_argument("--ids", type=Path, default=Path("independent-ids.txt"), help="file of the command ids already begun")
    given = parser.parse_args()
    try:
        print(
            json.dumps(
                trio.run(lambda: run(given.url, given.token, given.device, frames=given.frames, commands=given.commands, ids=given.ids))
            )
        )
    except* (RuntimeError, ConnectionClosed) as group:
        raise SystemExit(f"independent client: {group.exceptions[0]}") from None


if __name__ == "__main__":
    main()
