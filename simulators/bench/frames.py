"""Frames of the load: encoded and masked once, patched for each send.

Owns the bytes that the sender writes; opens no socket. The mask of a client is XOR by position, so a masked frame is
patched in place with masked numbers, and a send costs two pack_into calls. Used by simulators/bench/sender.py.
"""

import os
import random
import struct
from typing import Any

import msgpack

from devices.wire.limits import SUBPROTOCOL_DEVICE

TEMPLATES = 64  # different values, so that neither a journal nor a store sees one block again and again
_WIDE = 2**40  # a number that msgpack writes in 8 bytes, as epochs and times are
_PATCH = struct.Struct(">Q")
_SEQ = struct.Struct(">I")


def masked_message(payload: bytes, opcode: int = 2) -> bytes:
    """Return a whole client frame (RFC 6455 section 5.2) around a payload of less than 64 KiB."""
    mask = os.urandom(4)
    size = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
    return bytes([0x80 | opcode]) + size + mask + _masked(payload, mask)


def _masked(payload: bytes, mask: bytes) -> bytes:
    pattern = (mask * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(pattern, "big")).to_bytes(len(payload), "big")


def upgrade_request(host: str, port: int, path: str, token: str) -> bytes:
    """Return the request that opens a device's WebSocket."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Protocol: {SUBPROTOCOL_DEVICE}\r\nAuthorization: Bearer {token}\r\n\r\n"
    ).encode()


def hello(device: str, epoch: int, readings: int, interval_s: float) -> bytes:
    """Return a device's hello with one gauge for each reading of a frame."""
    channels = [{"name": f"c{number}", "unit": "Cel", "kind": "gauge"} for number in range(readings)]
    said: dict[str, Any] = {"op": "hello", "device": device, "epoch": epoch, "unfinished": [], "channels": channels}
    return bytes(msgpack.packb(said | {"interval_s": interval_s, "firmware": "bench 1"}))


class FrameMaker:
    """Makes data frames of `readings` readings; all frames of one maker share a mask and a length."""

    def __init__(self, readings: int, seed: int) -> None:
        drawn = random.Random(seed)
        mask = drawn.randbytes(4)
        self._templates = [self._template(readings, mask, drawn) for _ in range(TEMPLATES)]
        payload_at = len(self._templates[0]) - self.payload_bytes
        # Offsets in the payload, fixed by the order of the entries: 1 map byte, then "e" in 11, "s" in 7, "op" in 8, "t" in 11.
        self._epoch_at, self._seq_at, self._time_at = payload_at + 4, payload_at + 15, payload_at + 30
        self._epoch_mask = int.from_bytes(_masked(bytes(12), mask)[4:12], "big")
        self._seq_mask = int.from_bytes(_masked(bytes(19), mask)[15:19], "big")
        self._time_mask = int.from_bytes(_masked(bytes(38), mask)[30:38], "big")

    def _template(self, readings: int, mask: bytes, drawn: random.Random) -> bytearray:
        body = {"e": _WIDE, "s": 2**31, "op": "data", "t": _WIDE, "c": list(range(readings)), "d": [0] * readings}
        payload = msgpack.packb(body | {"v": [drawn.gauss(20.0, 5.0) for _ in range(readings)]})
        self.payload_bytes = len(payload)
        size = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
        return bytearray(b"\x82" + size + mask + _masked(payload, mask))

    def frame(self, epoch: int, seq: int, time_us: int) -> bytearray:
        """Return one masked frame; it is good until the template comes round again."""
        buffer = self._templates[seq % TEMPLATES]
        _PATCH.pack_into(buffer, self._epoch_at, epoch ^ self._epoch_mask)
        _SEQ.pack_into(buffer, self._seq_at, seq ^ self._seq_mask)
        _PATCH.pack_into(buffer, self._time_at, time_us ^ self._time_mask)
        return buffer
