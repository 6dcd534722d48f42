"""What a viewer of the load takes out of the messages it is sent."""

import json
import socket
import time
from collections.abc import Iterator

import msgpack
import pytest

from simulators.bench.frames import SPIKE
from simulators.bench.watching import ViewerConnection, quantiles_s

Pair = tuple[ViewerConnection, socket.socket]
SUBSCRIBE = {"devices": ["a"], "width_us": 0}


def viewer_to(listener: socket.socket, *, is_hub: bool = True, is_timed: bool = False, drawn_every_s: float = 60.0) -> ViewerConnection:
    plan = {"is_hub": is_hub, "is_timed": is_timed, "subscribe": SUBSCRIBE, "drawn_every_s": drawn_every_s}
    return ViewerConnection(listener.getsockname(), plan)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A socket to connect to."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def text_frame(message: dict[str, object]) -> bytes:
    payload = json.dumps(message, separators=(",", ":")).encode()
    return b"\x81\x7e" + len(payload).to_bytes(2, "big") + payload


def unmasked(data: bytes) -> dict[str, object]:
    size = data[1] & 0x7F
    mask, payload = data[2:6], data[6 : 6 + size]
    said: dict[str, object] = json.loads(bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload)))
    return said


def update(number: int, value: float = 1.0, age_us: int = 0) -> bytes:
    now_us = time.time_ns() // 1_000 - age_us
    data = [{"s": 0, "w": 0, "t": [now_us], "n": [7], "v": [value]}]
    return text_frame({"op": "update", "oldest_us": now_us, "id": "bench", "n": number, "data": data})


def test_updates_are_counted_and_the_newest_is_drawn_once(listener: socket.socket) -> None:
    viewer = viewer_to(listener)
    other, _ = listener.accept()
    with other, viewer.socket:
        other.sendall(text_frame({"op": "devices", "items": []}) + update(4) + update(5, age_us=2_000_000))
        viewer.hear()
        assert viewer.updates == 2
        assert viewer.ages_s[0] < 1 < viewer.ages_s[1]
        assert unmasked(other.recv(1_000)) == {"op": "drawn", "id": "bench", "n": 5}
        other.setblocking(False)
        other.sendall(update(6))
        viewer.hear()
        with pytest.raises(BlockingIOError):  # said already within the period
            other.recv(1_000)
        assert not viewer.say_drawn()


def test_last_update_is_drawn_also_when_nothing_comes_after_it(listener: socket.socket) -> None:
    viewer = viewer_to(listener, drawn_every_s=0.0)
    other, _ = listener.accept()
    with other, viewer.socket:
        assert viewer.say_drawn()
        other.sendall(update(4))
        viewer.hear()
        assert unmasked(other.recv(1_000))["n"] == 4
        assert viewer.say_drawn()


def test_spike_is_found_in_points_and_buckets(listener: socket.socket) -> None:
    viewer = viewer_to(listener)
    other, _ = listener.accept()
    with other, viewer.socket:
        other.sendall(update(1))
        viewer.hear()
        assert not viewer.has_spike
        other.sendall(update(2, SPIKE))
        viewer.hear()
        assert viewer.has_spike


def test_timed_viewer_takes_the_age_of_each_reading(listener: socket.socket) -> None:
    viewer = viewer_to(listener, is_timed=True)
    other, _ = listener.accept()
    with other, viewer.socket:
        other.sendall(update(1, age_us=3_000_000))
        viewer.hear()
        assert viewer.ages_s == [pytest.approx(3.0, abs=1.0)]


def test_viewer_of_a_relay_reads_the_frames_themselves(listener: socket.socket) -> None:
    viewer = viewer_to(listener, is_hub=False, is_timed=True)
    other, _ = listener.accept()
    with other, viewer.socket:
        payload = msgpack.packb({"e": 1, "s": 1, "op": "data", "t": time.time_ns() // 1_000 - 3_000_000})
        other.sendall(bytes([0x82, len(payload)]) + payload)
        viewer.hear()
        assert viewer.ages_s == [pytest.approx(3.0, abs=1.0)]


def test_quantiles_of_nothing_are_zero() -> None:
    assert quantiles_s([]) == (0.0, 0.0)
    assert quantiles_s([0.1] * 98 + [5.0] * 2) == (0.1, 5.0)
