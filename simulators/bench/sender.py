"""Paced load: device connections in one process that send at fixed times whatever the other side does (open loop).

Plain sockets and epoll, so that it stays far cheaper than what it measures; acks are read only to time them. With a rate of 0 it
holds the connections open and sends nothing. A program (answering.py): `begin`, `end`, `spike`, `quit`. Started by the benchmarks.
"""

import select
import time
from collections import deque
from typing import Any

from simulators.bench.answering import GivenUp, heard, run_program, say
from simulators.bench.devices import DeviceConnection, open_devices, rejects_of
from simulators.bench.frames import FrameMaker, data_bodies, spike_body

SHORTEST_SLEEP_S = 0.0005
IDLE_SLEEP_S = 1.0


class Sender:
    """All connections and their pace; counts what was sent and acked since `begin`."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.plan = plan
        readings, seed = plan["readings"], plan["seed"]
        self.maker = FrameMaker(data_bodies(readings, seed), seed)
        self.spike_maker = FrameMaker([spike_body(readings)], seed)
        interval_s = len(plan["devices"]) / plan["rate"] if plan["rate"] else 60.0
        self.connections = open_devices(plan, readings, interval_s)
        self.by_descriptor = {each.socket.fileno(): each for each in self.connections}
        self.in_flight: dict[int, deque[tuple[int, float]]] = {descriptor: deque() for descriptor in self.by_descriptor}
        self.is_spike_due = False
        self.total = 0
        self.poll = select.epoll()
        for descriptor in (0, *self.by_descriptor):
            self.poll.register(descriptor, select.EPOLLIN)
        self._begin()

    def _begin(self) -> None:
        self.sent = self.acked = 0
        self.ack_delays_s: list[float] = []
        self.late_s: list[float] = []
        self.cpu_s, self.began_s = time.process_time(), time.monotonic()

    def run(self) -> None:
        """Send one frame each 1/rate seconds, the devices in turn, until `quit`."""
        step_s = 1 / self.plan["rate"] if self.plan["rate"] else 0.0
        began, number = time.monotonic(), 0
        while True:
            due = time.monotonic() + IDLE_SLEEP_S
            if step_s:
                now = time.monotonic()
                while (due := began + number * step_s) <= now:
                    self._send(self.connections[number % len(self.connections)], due)
                    number += 1
            for descriptor, _ in self.poll.poll(max(SHORTEST_SLEEP_S, due - time.monotonic())):
                if descriptor != 0:
                    self._receive(descriptor)
                elif self._obey(heard()):
                    return

    def _send(self, connection: DeviceConnection, due: float) -> None:
        connection.seq += 1
        maker, self.is_spike_due = (self.spike_maker if self.is_spike_due else self.maker), False
        if not connection.write(maker.frame(connection.epoch, connection.seq, time.time_ns() // 1000)):
            raise GivenUp("the other side does not keep up: its socket buffers are full; lower the rate")
        now = time.monotonic()
        self.sent += 1
        self.total += 1
        self.late_s.append(now - due)
        if self.plan["is_hub"]:
            self.in_flight[connection.socket.fileno()].append((connection.seq, now))

    def _receive(self, descriptor: int) -> None:
        in_flight, now = self.in_flight[descriptor], time.monotonic()
        for seq in self.by_descriptor[descriptor].hear():
            while in_flight and in_flight[0][0] <= seq:
                self.acked += 1
                self.ack_delays_s.append(now - in_flight.popleft()[1])

    def _obey(self, command: str) -> bool:
        """Answer a command; True: stop."""
        if command == "begin":
            self._begin()
        self.is_spike_due = command == "spike"
        say(self.report())
        return command == "quit"

    def report(self) -> dict[str, Any]:
        """Return the counts since `begin`, times in seconds."""
        acks, late = sorted(self.ack_delays_s) or [0.0], sorted(self.late_s) or [0.0]
        elapsed_s = max(time.monotonic() - self.began_s, 1e-9)
        return {
            "sent": self.sent,
            "acked": self.acked,
            "total": self.total,
            "ack_p50_s": acks[len(acks) // 2],
            "ack_p99_s": acks[len(acks) * 99 // 100],
            "late_p99_s": late[len(late) * 99 // 100],
            "cpu_share": (time.process_time() - self.cpu_s) / elapsed_s,
            "frame_bytes": self.maker.payload_bytes,
            **rejects_of(self.connections),
        }


def run(plan: dict[str, Any]) -> None:
    """Open everything, say so, send."""
    sender = Sender(plan)
    say({"open": len(sender.connections)})
    sender.run()


if __name__ == "__main__":
    run_program(run)
