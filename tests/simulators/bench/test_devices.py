"""How far a device of the load may go above its last ack (docs/protocol.md section 6)."""

import socket
from collections.abc import Iterator

import pytest

from simulators.bench.devices import DeviceConnection


@pytest.fixture
def device() -> Iterator[DeviceConnection]:
    """A connection with nothing in flight and a window of 256 frames and 10,000 bytes."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        connection = DeviceConnection(listener.getsockname())
    with connection.socket:
        connection.take_credit({"live": [256, 10_000], "backfill": [0, 0]})
        yield connection


@pytest.mark.parametrize(("frame_bytes", "room"), [(10, 256), (100, 100), (6_000, 1), (20_000, 1)])
def test_room_is_what_frames_and_bytes_leave(device: DeviceConnection, frame_bytes: int, room: int) -> None:
    assert device.room(frame_bytes) == room


def test_room_shrinks_by_what_is_in_flight(device: DeviceConnection) -> None:
    device.seq, device.acked = 290, 200
    assert device.room(100) == 10
    device.seq = 400
    assert device.room(100) == 0


def test_nothing_may_go_while_the_hub_holds(device: DeviceConnection) -> None:
    device.take_credit({"live": [0, 0], "backfill": [0, 0], "reason": "store_full"})
    assert device.room(10) == 0
