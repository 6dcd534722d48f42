"""Paced load over MQTT 3.1.1, QoS 1: one connection a device, at fixed times whatever the broker does (open loop).

The sender of the other benches with another wire: the same readings in the same msgpack, plain sockets and epoll. Owns the few packets
it takes (CONNECT, PUBLISH, PUBACK). A program (answering.py): `begin`, `end`, `quit`.
"""

import select
import socket
import struct
import time
from collections import deque
from typing import Any, Final

import msgpack

from simulators.bench.answering import GivenUp, heard, run_program, say
from simulators.bench.frames import data_bodies

SHORTEST_SLEEP_S: Final = 0.0005
MAX_PACKET_ID: Final = 65_535
_PUBACK_BYTES: Final = 4
_DEADLINE_S: Final = 30.0


def packet(kind: int, body: bytes) -> bytes:
    """Return an MQTT packet: the kind with its flags, the length in 7-bit groups, the body."""
    size, length = bytearray(), len(body)
    while length >= 128:
        size.append(length % 128 | 128)
        length //= 128
    return bytes([kind, *size, length]) + body


def text(value: str) -> bytes:
    """Return a text as MQTT writes it: its length in two bytes before it."""
    encoded = value.encode()
    return struct.pack(">H", len(encoded)) + encoded


class Publisher:
    """One device's connection."""

    def __init__(self, address: tuple[str, int], device: str) -> None:
        self.socket = socket.create_connection(address, _DEADLINE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(packet(0x10, text("MQTT") + b"\x04\x02\x00\x00" + text(device)))  # level 4, clean session, no keep-alive
        if self.socket.recv(4) != b"\x20\x02\x00\x00":
            raise GivenUp("the broker refuses a connection")
        self.socket.setblocking(False)
        self.topic = text(f"devices/{device}/data")
        self.seq = 0
        self.in_flight: deque[float] = deque()  # when each was sent: a broker acks in order
        self._rest = b""

    def publish(self, payload: bytes, now_s: float) -> None:
        """Send one message. Raises GivenUp where the socket is full."""
        packet_id = self.seq % MAX_PACKET_ID + 1
        data = packet(0x32, self.topic + struct.pack(">H", packet_id) + payload)
        self.seq += 1
        try:
            went = self.socket.send(data)
        except BlockingIOError:
            went = 0
        if went < len(data):
            raise GivenUp("the broker does not keep up: its socket buffers are full; lower the rate")
        self.in_flight.append(now_s)

    def acks(self) -> int:
        """Take what came and return how many PUBACKs it was. Raises GivenUp at the end of the stream."""
        piece = self.socket.recv(65_536)
        if not piece:
            raise GivenUp("the broker closed a connection")
        self._rest += piece
        count = len(self._rest) // _PUBACK_BYTES
        self._rest = self._rest[count * _PUBACK_BYTES :]
        return count


class MqttSender:
    """All connections and their pace; counts what was sent and acked since `begin`."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.bodies = data_bodies(plan["readings"], plan["seed"])
        self.publishers = [Publisher((plan["host"], plan["port"]), name) for name, _ in plan["devices"]]
        self.by_descriptor = {each.socket.fileno(): each for each in self.publishers}
        self.step_s = 1 / plan["rate"]
        self.total = self.total_acked = 0
        self.poll = select.epoll()
        for descriptor in (0, *self.by_descriptor):
            self.poll.register(descriptor, select.EPOLLIN)
        self._begin()

    def _begin(self) -> None:
        self.sent = 0
        self.ack_delays_s: list[float] = []
        self.cpu_s, self.began_s = time.process_time(), time.monotonic()

    def run(self) -> None:
        """Send one message each 1/rate seconds, the devices in turn, until `quit`."""
        began_s, number = time.monotonic(), 0
        while True:
            while (due_s := began_s + number * self.step_s) <= (now_s := time.monotonic()):
                self._send(self.publishers[number % len(self.publishers)], number, now_s)
                number += 1
            for descriptor, _ in self.poll.poll(max(SHORTEST_SLEEP_S, due_s - time.monotonic())):
                if descriptor != 0:
                    self._receive(self.by_descriptor[descriptor])
                elif self._obey(heard()):
                    return

    def _send(self, publisher: Publisher, number: int, now_s: float) -> None:
        body = self.bodies[number % len(self.bodies)]
        publisher.publish(msgpack.packb({"t": time.time_ns() // 1_000, "s": publisher.seq + 1, **body}), now_s)
        self.sent += 1
        self.total += 1

    def _receive(self, publisher: Publisher) -> None:
        now_s, count = time.monotonic(), publisher.acks()
        self.ack_delays_s += [now_s - publisher.in_flight.popleft() for _ in range(count)]
        self.total_acked += count

    def _obey(self, command: str) -> bool:
        if command == "begin":
            self._begin()
        say(self.report())
        return command == "quit"

    def report(self) -> dict[str, Any]:
        """Return the counts since `begin`, times in seconds; the totals since the start."""
        acks = sorted(self.ack_delays_s) or [0.0]
        elapsed_s = max(time.monotonic() - self.began_s, 1e-9)
        return {
            "sent": self.sent,
            "acked": len(self.ack_delays_s),
            "total": self.total,
            "total_acked": self.total_acked,
            "ack_p99_s": acks[len(acks) * 99 // 100],
            "cpu_share": (time.process_time() - self.cpu_s) / elapsed_s,
        }


def run(plan: dict[str, Any]) -> None:
    """Open everything, say so, send."""
    sender = MqttSender(plan)
    say({"open": len(sender.publishers)})
    sender.run()


if __name__ == "__main__":
    run_program(run)
