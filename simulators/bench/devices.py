"""Device connections of the load: opened side by side, each with its numbers.

Owns upgrade, hello and welcome as docs/protocol.md has them, and what an ack means. Used by the programs that send.
"""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgpack

from devices.wire.limits import SUBPROTOCOL_DEVICE
from simulators.bench.answering import GivenUp
from simulators.bench.connection import Connection
from simulators.bench.frames import hello, masked_message, upgrade_request

BINARY = 2
BATCH = 50  # connections opened side by side


class DeviceConnection(Connection):
    """One device: what it sent, what was acked, and how far above that it may go."""

    def __init__(self, address: tuple[str, int], *, is_encrypted: bool = False) -> None:
        super().__init__(address, is_encrypted=is_encrypted)
        self.epoch = secrets.randbits(62) | 1 << 61  # always 8 bytes long on the wire
        self.seq = self.acked = 0
        self.window_frames = self.window_bytes = 0
        self.rejects = 0
        self.first_reject = ""

    def take_credit(self, credit: Mapping[str, Any]) -> None:
        """Note how far above the last ack the live lane may go."""
        self.window_frames, self.window_bytes = credit["live"]

    def room(self, frame_bytes: int) -> int:
        """Return how many more frames of one size may go now."""
        in_flight = self.seq - self.acked
        room = min(self.window_frames, self.window_bytes // frame_bytes) - in_flight
        return max(room, 1 if in_flight == 0 and self.window_frames else 0)  # one may always go

    def hear(self) -> Iterator[int]:
        """Take what came; yields the seq of each ack of the epoch. Raises GivenUp where the hub says bye."""
        self.receive()
        for opcode, payload in self.messages():
            message: dict[str, Any] = msgpack.unpackb(payload) if opcode == BINARY else {"op": "text"}
            match message["op"]:
                case "ack":
                    self.take_credit(message["credit"])
                    for epoch, seq in message["acks"]:
                        if epoch == self.epoch:
                            yield seq
                            self.acked = seq
                case "reject":
                    self.rejects += 1
                    self.first_reject = self.first_reject or repr(message)[:300]
                case "bye":
                    raise GivenUp(f"the hub ends a connection: {message!r}")


def open_devices(plan: Mapping[str, Any], channels: int, interval_s: float) -> list[DeviceConnection]:
    """Open a connection for each (name, token) of the plan and say hello; with `is_hub` wait for each welcome. Then no socket blocks."""
    address, is_encrypted, opened = (plan["host"], plan["port"]), plan["is_encrypted"], []
    devices: Sequence[tuple[str, str]] = plan["devices"]
    for first in range(0, len(devices), BATCH):
        batch = [(name, token, DeviceConnection(address, is_encrypted=is_encrypted)) for name, token in devices[first : first + BATCH]]
        for _, token, connection in batch:
            connection.write(upgrade_request(*address, "/v1/device", SUBPROTOCOL_DEVICE, token))
        for name, _, connection in batch:
            connection.read_head()
            connection.write(masked_message(hello(name, connection.epoch, channels, interval_s)))
        for _, _, connection in batch:
            if plan["is_hub"]:
                _take_welcome(connection)
            connection.socket.setblocking(False)
            opened.append(connection)
    return opened


def _take_welcome(connection: DeviceConnection) -> None:
    welcome = msgpack.unpackb(connection.read_message())
    if welcome.get("op") != "welcome":
        raise GivenUp(f"hello was answered by {welcome}")
    connection.take_credit(welcome["credit"])


def rejects_of(connections: Sequence[DeviceConnection]) -> dict[str, Any]:
    """Return what the hub rejected, for a report."""
    first = next((each.first_reject for each in connections if each.first_reject), "")
    return {"rejects": sum(each.rejects for each in connections), "first_reject": first}
