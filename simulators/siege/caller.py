"""A device or a viewer on a plain blocking socket, from an address of this machine that the caller chooses.

Owns the bytes; no client of ours chooses where it comes from. Used by scenes.py, and by attacker.py for its floods of frames.
"""

import json
import socket
import time
from types import TracebackType
from typing import Final, NamedTuple, Self

from devices.wire.codec import encode
from devices.wire.limits import SUBPROTOCOL_DEVICE, SUBPROTOCOL_LIVE_JSON
from devices.wire.messages import Channel, Data, Hello

MASK: Final = b"\x00\x00\x00\x00"
CLOSE: Final = b"\x88"  # begins a frame that ends a connection
_TIMEOUT_S: Final = 20.0
_MAX_HEARD_BYTES: Final = 65_536


class Refused(Exception):
    """The hub answered something else than an upgrade, or closed what it had upgraded; the text is the beginning of what it said."""


class Place(NamedTuple):
    """Where a hub listens."""

    host: str
    port: int


def frame(payload: bytes, first: int = 0x82) -> bytes:
    """Return a frame as a client sends it, masked by zeros."""
    size = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
    return bytes([first]) + size + MASK + payload


def opened(place: Place, source: str, *, is_blocking: bool = True) -> socket.socket:
    """Return a socket that is connected, or is about to be. Raises OSError."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT: the port is chosen at connect
    sock.bind((source, 0))
    sock.settimeout(_TIMEOUT_S)
    sock.setblocking(is_blocking)
    if is_blocking:
        sock.settimeout(_TIMEOUT_S)
    sock.connect_ex(place)
    return sock


class Caller:
    """One WebSocket; entering connects and upgrades. Raises Refused, OSError."""

    def __init__(self, place: Place, source: str, token: str, name: str = "") -> None:
        self.name = name  # of a device; empty: a viewer
        self._place, self._source, self._token = place, source, token
        self.epoch = time.time_ns()
        self.seq = 0
        self._heard = b""
        self.socket: socket.socket

    def __enter__(self) -> Self:
        self.socket = opened(self._place, self._source)
        try:
            path, subprotocol = ("/v1/device", SUBPROTOCOL_DEVICE) if self.name else ("/v1/live", SUBPROTOCOL_LIVE_JSON)
            head = (
                f"GET {path} HTTP/1.1\r\nHost: hub\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: {subprotocol}\r\n"
                f"Authorization: Bearer {self._token}\r\n\r\n"
            )
            self.socket.sendall(head.encode())
            self.until(b"\r\n\r\n")
            if not self._heard.startswith(b"HTTP/1.1 101 "):
                raise Refused(self._heard[:200].decode(errors="replace"))
        except BaseException:
            self.socket.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.socket.close()

    def hello(self) -> None:
        """Say hello as a device, and wait for the welcome."""
        self.socket.sendall(frame(encode(Hello(self.name, self.epoch, (Channel("temp"),)))))
        self.until(b"welcome")

    def subscribe(self) -> None:
        """Watch everything, as a viewer."""
        asked = {"op": "subscribe", "id": "all", "devices": ["*"], "span_s": 60, "width_us": 0}
        self.socket.sendall(frame(json.dumps(asked).encode(), 0x81))
        self.until(b"snapshot")

    def stream(self) -> float:
        """Send a frame of a reading; return how many seconds its ack took."""
        self.seq += 1
        began_s = time.perf_counter()
        reading = Data(self.epoch, self.seq, time.time_ns() // 1_000, (0,), (0,), (float(self.seq),))
        self.socket.sendall(frame(encode(reading)))
        self.until(b"ack")
        return time.perf_counter() - began_s

    def until(self, words: bytes) -> None:
        """Listen until these bytes came; what came before them is forgotten. Raises OSError where the connection ended."""
        while (at := self._heard.find(words)) < 0:
            data = self.socket.recv(_MAX_HEARD_BYTES)
            if not data:
                if self._heard.startswith(b"HTTP"):
                    raise Refused(_refusal(self._heard))
                raise ConnectionResetError("the hub ended the connection")
            self._heard += data
        if words != b"\r\n\r\n":
            self._heard = self._heard[at + len(words) :]


def _refusal(heard: bytes) -> str:
    """Return what an answer says; of an upgrade, the code and reason that the connection was closed with at once."""
    head, _, frames = heard.partition(b"\r\n\r\n")
    if head.startswith(b"HTTP/1.1 101 ") and frames.startswith(CLOSE):
        return f"closed with {int.from_bytes(frames[2:4], 'big')}: {frames[4:200].decode(errors='replace')}"
    return heard[:200].decode(errors="replace")
