"""The asyncio peer: the hub one writes on `websockets` and uvloop, which keeps the same promise: on disk before it is acked.

Owns one connection handler, a journal in SQLite (WAL, synchronous=FULL, a commit of what came while the last one ran, 5 ms apart), acks
gathered for 100 ms, and a writer of readings into DuckDB with its cursor in the transaction. It has no users, no commands, no rules, no
page. A program (answering.py): answers each command with its counts. Peer of `tributary bench peers`.
"""

import asyncio
import json
import os
import sqlite3
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import msgpack
import uvloop
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from devices.wire.limits import SUBPROTOCOL_DEVICE, SUBPROTOCOL_LIVE_JSON
from simulators.bench.answering import run_program, say
from simulators.bench.peers.reading_table import ReadingTable

COMMIT_EVERY_S: Final = 0.005
ACK_EVERY_S: Final = 0.1
STORE_EVERY_S: Final = 0.25
WINDOW_FRAMES: Final = 1_024
CREDIT: Final = {"live": [WINDOW_FRAMES, 4 * 2**20], "backfill": [WINDOW_FRAMES, 4 * 2**20]}
SUBPROTOCOLS: Final = [Subprotocol(SUBPROTOCOL_DEVICE), Subprotocol(SUBPROTOCOL_LIVE_JSON)]
MAX_MESSAGE_BYTES: Final = 65_536
_FRAMES: Final = """
CREATE TABLE frames (position INTEGER PRIMARY KEY AUTOINCREMENT, device TEXT, epoch INT, seq INT, arrived_us INT, body BLOB)
"""
_MARKS: Final = "CREATE TABLE marks (device TEXT, epoch INT, seq INT, PRIMARY KEY (device, epoch)) WITHOUT ROWID"


class Device:
    """One connection: what was received of its epoch, and what is durable but not acked yet."""

    __slots__ = ("acked", "durable", "epoch", "is_ack_due", "name", "received", "socket")

    def __init__(self, socket: ServerConnection, name: str, epoch: int) -> None:
        self.socket, self.name, self.epoch = socket, name, epoch
        self.received = self.durable = self.acked = 0
        self.is_ack_due = False


class Journal:
    """The file that makes frames durable; `commit` is called in a thread."""

    def __init__(self, path: Path) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        for statement in ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", _FRAMES, _MARKS):
            self.connection.execute(statement)

    def commit(self, rows: list[tuple[str, int, int, int, bytes]]) -> None:
        """Write rows and marks in one transaction; they are on disk when it returns."""
        marks = {(device, epoch): seq for device, epoch, seq, _, _ in rows}
        self.connection.execute("BEGIN")
        self.connection.executemany("INSERT INTO frames (device, epoch, seq, arrived_us, body) VALUES (?, ?, ?, ?, ?)", rows)
        self.connection.executemany("INSERT OR REPLACE INTO marks VALUES (?, ?, ?)", [(*key, seq) for key, seq in marks.items()])
        self.connection.execute("COMMIT")


class AsyncioHub:
    """All connections, what waits for the next commit and for the next insert."""

    def __init__(self, directory: Path) -> None:
        self.journal, self.table = Journal(directory / "journal.db"), ReadingTable(directory / "history.duckdb")
        self.waiting: list[tuple[Device, bytes, tuple[str, int, int, int, bytes]]] = []
        self.unstored: list[tuple[str, dict[str, Any]]] = []
        self.viewers: dict[str, set[ServerConnection]] = defaultdict(set)
        self.came = asyncio.Event()
        self.durable = self.stored = 0

    async def serve(self, socket: ServerConnection) -> None:
        """Serve one connection until it ends."""
        assert socket.request is not None
        try:
            if socket.request.path == "/v1/live":
                await self._serve_viewer(socket)
            else:
                await self._serve_device(socket)
        except ConnectionClosed:
            return

    async def _serve_viewer(self, socket: ServerConnection) -> None:
        (device,) = json.loads(await socket.recv())["devices"]
        self.viewers[device].add(socket)
        try:
            async for _ in socket:  # what it has drawn; nobody here is fed less for it
                pass
        finally:
            self.viewers[device].discard(socket)

    async def _serve_device(self, socket: ServerConnection) -> None:
        hello = msgpack.unpackb(await socket.recv(decode=False))
        device = Device(socket, hello["device"], hello["epoch"])
        await socket.send(msgpack.packb({"op": "welcome", "time_us": time.time_ns() // 1_000, "credit": CREDIT}))
        async for message in socket:
            assert isinstance(message, bytes)
            frame = msgpack.unpackb(message)
            epoch, seq = frame["e"], frame["s"]
            if epoch != device.epoch or seq > device.received + 1:
                await socket.close(4400, f"expected {device.received + 1}")
                return
            if seq <= device.received:
                continue  # sent again: its ack comes, or came
            device.received = seq
            self.waiting.append((device, message, (device.name, epoch, seq, time.time_ns() // 1_000, message)))
            self.unstored.append((device.name, frame))
            self.came.set()

    async def commit_all(self) -> None:
        """Commit what came, again and again, and let acks and viewers follow."""
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1) as writer:
            while True:
                await self.came.wait()
                self.came.clear()
                began_s = loop.time()
                batch, self.waiting = self.waiting, []
                await loop.run_in_executor(writer, self.journal.commit, [row for _, _, row in batch])
                self.durable += len(batch)
                for device, message, (_, _, seq, _, _) in batch:
                    device.durable = seq
                    self._plan_ack(device, loop)
                    for viewer in self.viewers.get(device.name, ()):
                        await viewer.send(message)
                await asyncio.sleep(max(0.0, began_s + COMMIT_EVERY_S - loop.time()))

    def _plan_ack(self, device: Device, loop: asyncio.AbstractEventLoop) -> None:
        if not device.is_ack_due:
            device.is_ack_due = True
            loop.call_later(ACK_EVERY_S, self._ack, device, loop)

    def _ack(self, device: Device, loop: asyncio.AbstractEventLoop) -> None:
        device.is_ack_due, device.acked = False, device.durable
        loop.create_task(_send(device.socket, msgpack.packb({"op": "ack", "acks": [[device.epoch, device.acked]], "credit": CREDIT})))

    async def store_all(self) -> None:
        """Insert the readings of what came, again and again."""
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1) as writer:
            while True:
                await asyncio.sleep(STORE_EVERY_S)
                batch, self.unstored = self.unstored, []
                if batch:
                    await loop.run_in_executor(writer, self.table.insert, batch)
                    self.stored += len(batch)

    def report(self) -> dict[str, int]:
        """Return the counts of frames."""
        return {"durable": self.durable, "stored": self.stored}


async def _send(socket: ServerConnection, message: bytes) -> None:
    try:
        await socket.send(message)
    except ConnectionClosed:
        return


async def main(plan: dict[str, Any]) -> None:
    """Serve on a free port, say which, and answer each command with the counts until `quit`."""
    hub, loop = AsyncioHub(Path(plan["directory"])), asyncio.get_running_loop()
    commands = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), os.fdopen(os.dup(0), "rb", buffering=0))
    # Compression would cost both sides much more than it saves of such frames.
    listening = serve(hub.serve, "127.0.0.1", 0, subprotocols=SUBPROTOCOLS, compression=None, max_size=MAX_MESSAGE_BYTES)
    async with listening as server:
        beside = [asyncio.ensure_future(hub.commit_all()), asyncio.ensure_future(hub.store_all())]
        say({"port": server.sockets[0].getsockname()[1]})
        async for command in commands:
            say(hub.report())
            if command.strip() == b"quit":
                break
        for each in beside:
            each.cancel()


def run(plan: dict[str, Any]) -> None:
    """Serve until told to quit."""
    uvloop.run(main(plan))


if __name__ == "__main__":
    run_program(run)
