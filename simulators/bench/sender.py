"""The load of the ingest benchmark: a thousand device connections in one process, paced, open loop.

Plain sockets and epoll, so that it stays far cheaper than what it measures. It writes at fixed times whatever the other
side does, and reads acks only to time them. A program: its plan is the first line of stdin as JSON, then `begin`, `end`
and `quit` lines; it answers each with one JSON line. Started by simulators/bench/ingest.py.
"""

import json
import os
import secrets
import select
import socket
import sys
import time
from collections import deque
from typing import Any

import msgpack

from simulators.bench.frames import FrameMaker, hello, masked_message, upgrade_request
from simulators.hub_process import raise_descriptor_limit

BATCH = 50  # connections opened side by side
DEADLINE_S = 30.0  # for each step of opening


class Connection:
    """One device: its socket, its numbers, and when each unacked frame went out."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address, DEADLINE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.epoch = secrets.randbits(62) | 1 << 61  # always 8 bytes long on the wire
        self.seq = 0
        self.sent: deque[tuple[int, float]] = deque()  # (seq, when), bounded by the window
        self.inbox = b""

    def read_head(self) -> None:
        """Take the answer to the upgrade; ends the program where it is a refusal."""
        while b"\r\n\r\n" not in self.inbox:
            self._more()
        head, _, self.inbox = self.inbox.partition(b"\r\n\r\n")
        if b" 101 " not in head.partition(b"\r\n")[0]:
            raise SystemExit(f"sender: the upgrade was refused: {(head + self.inbox)[:300]!r}")

    def read_welcome(self) -> None:
        """Take the first message; ends the program where it is not a welcome."""
        while not (messages := self.messages()):
            self._more()
        if messages[0][1].get("op") != "welcome":
            raise SystemExit(f"sender: hello was answered by {messages[0][1]}")

    def _more(self) -> None:
        piece = self.socket.recv(65_536)
        if not piece:
            raise SystemExit("sender: the other side closed while the connection was being opened")
        self.inbox += piece

    def messages(self) -> list[tuple[int, Any]]:
        """Take the whole messages out of the inbox: (opcode, map or bytes)."""
        found, box, at = [], self.inbox, 0
        while len(box) >= at + 2:
            size, begin = box[at + 1] & 0x7F, at + 2
            if size == 126:
                size, begin = int.from_bytes(box[at + 2 : at + 4], "big"), at + 4
            if len(box) < begin + size:
                break
            opcode, payload = box[at] & 0x0F, box[begin : begin + size]
            found.append((opcode, msgpack.unpackb(payload) if opcode == 2 else payload))
            at = begin + size
        self.inbox = box[at:]
        return found


class Sender:
    """All connections and their pace; counts what was sent and acked since `begin`."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.plan = plan
        self.maker = FrameMaker(plan["readings"], plan["seed"])
        self.connections: list[Connection] = []
        self.by_descriptor: dict[int, Connection] = {}
        self.poll = select.epoll()
        self.sent = self.acked = self.total = 0
        self.latencies: list[float] = []
        self.late: list[float] = []
        self.rejects: list[Any] = []

    def open_all(self) -> None:
        """Open every connection and say hello; where acks are expected, wait for each welcome."""
        address, devices = (self.plan["host"], self.plan["port"]), self.plan["devices"]
        interval_s = len(devices) / self.plan["rate"]
        for first in range(0, len(devices), BATCH):
            batch = [(name, token, Connection(address)) for name, token in devices[first : first + BATCH]]
            for _, token, connection in batch:
                connection.socket.sendall(upgrade_request(*address, "/v1/device", token))
            for name, _, connection in batch:
                connection.read_head()
                connection.socket.sendall(masked_message(hello(name, connection.epoch, self.plan["readings"], interval_s)))
            for _, _, connection in batch:
                if self.plan["is_acked"]:
                    connection.read_welcome()
                connection.socket.setblocking(False)
                self.connections.append(connection)
                self.by_descriptor[connection.socket.fileno()] = connection
                self.poll.register(connection.socket, select.EPOLLIN)

    def run(self) -> None:
        """Send one frame each 1/rate seconds, the devices in turn, until `quit`."""
        self.poll.register(0, select.EPOLLIN)
        step_s, began, number = 1 / self.plan["rate"], time.monotonic(), 0
        while True:
            now = time.monotonic()
            while (due := began + number * step_s) <= now:
                self._send(self.connections[number % len(self.connections)], due)
                number += 1
            for descriptor, _ in self.poll.poll(max(0.0005, due - time.monotonic())):
                if descriptor != 0:
                    self._receive(self.by_descriptor[descriptor])
                elif self._obey(os.read(0, 4096)):
                    return

    def _send(self, connection: Connection, due: float) -> None:
        connection.seq += 1
        frame = self.maker.frame(connection.epoch, connection.seq, time.time_ns() // 1000)
        try:
            went = connection.socket.send(frame)
        except BlockingIOError:
            went = 0
        if went != len(frame):
            raise SystemExit("sender: the other side does not read: its socket buffers are full")
        now = time.monotonic()
        self.sent += 1
        self.total += 1
        self.late.append(now - due)
        if self.plan["is_acked"]:
            connection.sent.append((connection.seq, now))

    def _receive(self, connection: Connection) -> None:
        piece = connection.socket.recv(65_536)
        if not piece:
            raise SystemExit("sender: the other side closed a connection without a word")
        connection.inbox += piece
        now = time.monotonic()
        for opcode, message in connection.messages():
            if opcode == 9:
                connection.socket.send(masked_message(message, opcode=10))
            elif opcode == 8 or message.get("op") == "bye":
                raise SystemExit(f"sender: the hub ends a connection: {message!r}")
            elif message["op"] == "reject":
                self.rejects.append(message)
            elif message["op"] == "ack":
                for epoch, seq in message["acks"]:
                    while epoch == connection.epoch and connection.sent and connection.sent[0][0] <= seq:
                        self.acked += 1
                        self.latencies.append(now - connection.sent.popleft()[1])

    def _obey(self, line: bytes) -> bool:
        """Answer a line of stdin; True: stop."""
        if line.strip() == b"begin":
            self.sent = self.acked = 0
            self.latencies, self.late = [], []
        print(json.dumps(self.report()), flush=True)
        return line.strip() in {b"quit", b""}

    def report(self) -> dict[str, Any]:
        """Return the counts since `begin`, times in seconds."""
        acks, late = sorted(self.latencies) or [0.0], sorted(self.late) or [0.0]
        return {
            "sent": self.sent,
            "acked": self.acked,
            "total": self.total,
            "ack_p50_s": acks[len(acks) // 2],
            "ack_p99_s": acks[len(acks) * 99 // 100],
            "late_p99_s": late[len(late) * 99 // 100],
            "frame_bytes": self.maker.payload_bytes,
            "rejects": len(self.rejects),
            "first_reject": repr(self.rejects[:1]),
        }


def main() -> None:
    """Read the plan, open everything, say so, send."""
    raise_descriptor_limit()
    with open(sys.stdin.fileno(), "rb", buffering=0, closefd=False) as unbuffered:  # epoll watches what follows
        sender = Sender(json.loads(unbuffered.readline()))
    sender.open_all()
    print(json.dumps({"open": len(sender.connections)}), flush=True)
    sender.run()


if __name__ == "__main__":
    main()
