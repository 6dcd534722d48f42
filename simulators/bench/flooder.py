"""A flood: device connections in one process that send as fast as the window lets them (closed loop on acks).

Against a hub it obeys the credit of each ack, in frames and bytes; against a floor that answers nothing it sends as fast as the sockets
take it. Frames go out in blocks, a write for many, so that it costs far less than what it measures; `cpu_share` of its report is the
proof. A program (answering.py): `begin`, `end`, `pause` (sends no more), `finish` (sends what is left of `max_frames`), `quit`; the
answers to `pause` and `finish` come once everything is acked.
"""

import math
import select
import time
from typing import Any

from simulators.bench.answering import heard, run_program, say
from simulators.bench.devices import DeviceConnection, open_devices, rejects_of
from simulators.bench.frames import FrameMaker, data_bodies, pack_bodies

BLOCK_BYTES = 1 << 18  # of one write; what a socket buffer takes at once, roughly


class Flooder:
    """All connections; counts what was sent and acked since `begin`."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.is_hub = plan["is_hub"]
        if pack := plan.get("pack"):
            bodies, channels = pack_bodies(pack["values"], pack["step_ns"], plan["seed"]), 1
            self.step_us = pack["values"] * pack["step_ns"] // 1_000  # a frame begins where the one before ends
        else:
            bodies, channels, self.step_us = data_bodies(plan["readings"], plan["seed"]), plan["readings"], plan.get("step_us", 1)
        self.maker = FrameMaker(bodies, plan["seed"])
        self.block_frames = max(1, BLOCK_BYTES // self.maker.frame_bytes)
        self.connections = open_devices(plan, channels, 1.0)
        self.by_descriptor = {each.socket.fileno(): each for each in self.connections}
        now_us = time.time_ns() // 1_000
        self.time_us = dict.fromkeys(self.by_descriptor, now_us)  # of the next frame
        self.frames_left: float = plan.get("max_frames", math.inf)
        self.is_answer_due = False  # once everything is acked
        self.poll = select.epoll()
        for descriptor in (0, *self.by_descriptor):
            self.poll.register(descriptor, select.EPOLLIN)
        self._begin()

    def _begin(self) -> None:
        self.sent = self.acked = 0
        self.cpu_s, self.began_s = time.process_time(), time.monotonic()

    def run(self) -> None:
        """Send until `quit`."""
        for connection in self.connections:
            self._send(connection)
        while True:
            for descriptor, events in self.poll.poll():
                if descriptor == 0:
                    if self._obey(heard()):
                        return
                    continue
                connection = self.by_descriptor[descriptor]
                if events & ~select.EPOLLOUT:
                    self._hear(connection)
                self._send(connection)

    def _hear(self, connection: DeviceConnection) -> None:
        for seq in connection.hear():
            self.acked += seq - connection.acked
        self._answer()

    def _send(self, connection: DeviceConnection) -> None:
        """Write as much as credit and socket take."""
        descriptor = connection.socket.fileno()
        was_writing = connection.is_writing
        has_gone = connection.write_on() if was_writing else True
        while has_gone and (count := self._room(connection)) > 0:
            time_us = max(self.time_us[descriptor], 0 if self.step_us > 1 else time.time_ns() // 1_000)
            self.time_us[descriptor] = time_us + count * self.step_us
            block = self.maker.block(connection.epoch, connection.seq + 1, count, time_us, self.step_us)
            connection.seq += count
            self.sent += count
            self.frames_left -= count
            has_gone = connection.write(block)
        if was_writing != connection.is_writing:
            self.poll.modify(descriptor, select.EPOLLIN | (select.EPOLLOUT if connection.is_writing else 0))

    def _room(self, connection: DeviceConnection) -> int:
        room = connection.room(self.maker.payload_bytes) if self.is_hub else self.block_frames
        return int(min(self.block_frames, room, self.frames_left))

    def _answer(self) -> None:
        """Say the report where it is asked for and nothing is in flight any more."""
        if self.is_answer_due and not self.frames_left and all(each.acked == each.seq for each in self.connections):
            self.is_answer_due = False
            say(self.report())

    def _obey(self, command: str) -> bool:
        """Answer a command; True: stop."""
        if command == "begin":
            self._begin()
        if command == "pause":
            self.frames_left = 0
        self.is_answer_due = command in ("pause", "finish")
        if self.is_answer_due:
            self._answer()
        else:
            say(self.report())
        return command == "quit"

    def report(self) -> dict[str, Any]:
        """Return the counts since `begin`."""
        elapsed_s = max(time.monotonic() - self.began_s, 1e-9)
        return {
            "sent": self.sent,
            "acked": self.acked,
            "elapsed_s": elapsed_s,
            "total": sum(each.seq for each in self.connections),
            "cpu_share": (time.process_time() - self.cpu_s) / elapsed_s,
            "frame_bytes": self.maker.payload_bytes,
            **rejects_of(self.connections),
        }


def run(plan: dict[str, Any]) -> None:
    """Open everything, say so, flood."""
    flooder = Flooder(plan)
    say({"open": len(flooder.connections)})
    flooder.run()


if __name__ == "__main__":
    run_program(run)
