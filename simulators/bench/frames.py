"""Frames of the load: encoded and masked once, patched for each send.

Owns the bytes that devices write; opens no socket. The mask of a client is XOR by position, so a masked frame is patched in
place with masked numbers: a single frame costs three pack_into calls, a block of many a few numpy calls. Used by the programs that send.
"""

import os
import random
import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgpack
import numpy as np

TEMPLATES: Final = 64  # different values, so that neither a journal nor a store sees one block again and again
PACK_TEMPLATES: Final = 16  # of up to 64 KB each
SPIKE: Final = 987_654_321.0  # found as text in whatever a viewer is told
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


def upgrade_request(host: str, port: int, path: str, subprotocol: str, token: str) -> bytes:
    """Return the request that opens a WebSocket."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Protocol: {subprotocol}\r\nAuthorization: Bearer {token}\r\n\r\n"
    ).encode()


def hello(device: str, epoch: int, channels: int, interval_s: float) -> bytes:
    """Return a device's hello with gauges c0, c1, ..."""
    declared = [{"name": f"c{number}", "unit": "Cel", "kind": "gauge"} for number in range(channels)]
    said: dict[str, Any] = {"op": "hello", "device": device, "epoch": epoch, "unfinished": [], "channels": declared}
    return bytes(msgpack.packb(said | {"interval_s": interval_s, "firmware": "bench 1"}))


class FrameMaker:
    """Makes frames like one body; all frames of one maker share a mask and a length, and each template has its own values.

    `bodies` gives the body of each template, without `e`, `s` and `t`; its `op` has 4 letters.
    """

    def __init__(self, bodies: Sequence[Mapping[str, Any]], seed: int) -> None:
        mask = random.Random(seed).randbytes(4)
        frames = [self._template(body, mask) for body in bodies]
        self.frame_bytes = len(frames[0])
        self._templates = np.frombuffer(b"".join(frames), np.uint8).reshape(len(frames), self.frame_bytes).copy()
        self._rows = [memoryview(row) for row in self._templates]  # type: ignore[arg-type]  # an array has a buffer
        payload_at = self.frame_bytes - self.payload_bytes
        # Offsets in the payload, fixed by the order of the entries: 1 map byte, then "e" in 11, "s" in 7, "op" in 8, "t" in 11.
        self._epoch_at, self._seq_at, self._time_at = payload_at + 4, payload_at + 15, payload_at + 30
        self._epoch_mask = int.from_bytes(_masked(bytes(12), mask)[4:12], "big")
        self._seq_mask = int.from_bytes(_masked(bytes(19), mask)[15:19], "big")
        self._time_mask = int.from_bytes(_masked(bytes(38), mask)[30:38], "big")

    def _template(self, body: Mapping[str, Any], mask: bytes) -> bytes:
        payload = msgpack.packb({"e": _WIDE, "s": 2**31, "op": body["op"], "t": _WIDE, **body})
        self.payload_bytes = len(payload)
        size = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
        return b"\x82" + size + mask + _masked(payload, mask)

    def frame(self, epoch: int, seq: int, time_us: int) -> memoryview:
        """Return one masked frame; it is good until the template comes round again."""
        buffer = self._rows[seq % len(self._rows)]
        _PATCH.pack_into(buffer, self._epoch_at, epoch ^ self._epoch_mask)
        _SEQ.pack_into(buffer, self._seq_at, seq ^ self._seq_mask)
        _PATCH.pack_into(buffer, self._time_at, time_us ^ self._time_mask)
        return buffer

    def block(self, epoch: int, first_seq: int, count: int, time_us: int, step_us: int) -> memoryview:
        """Return `count` frames end to end, `step_us` apart in time: one write instead of many."""
        at = np.arange(count)
        frames = self._templates[(first_seq + at) % len(self._templates)]
        frames[:, self._epoch_at : self._epoch_at + 8] = np.frombuffer(_PATCH.pack(epoch ^ self._epoch_mask), np.uint8)
        seqs = ((first_seq + at) ^ self._seq_mask).astype(">u4")
        frames[:, self._seq_at : self._seq_at + 4] = seqs.view(np.uint8).reshape(count, 4)
        times = ((time_us + at * step_us).astype(np.uint64) ^ np.uint64(self._time_mask)).astype(">u8")
        frames[:, self._time_at : self._time_at + 8] = times.view(np.uint8).reshape(count, 8)
        return memoryview(frames.reshape(-1))  # type: ignore[arg-type]  # an array has a buffer


def data_bodies(readings: int, seed: int) -> list[dict[str, Any]]:
    """Return bodies of data frames: one reading of each channel, at the frame's own time."""
    drawn = random.Random(seed)
    body = {"op": "data", "c": list(range(readings)), "d": [0] * readings}
    return [{**body, "v": [drawn.gauss(20.0, 5.0) for _ in range(readings)]} for _ in range(TEMPLATES)]


def spike_body(readings: int) -> dict[str, Any]:
    """Return the body of a data frame whose first reading is SPIKE."""
    return {"op": "data", "c": list(range(readings)), "d": [0] * readings, "v": [SPIKE, *[20.0] * (readings - 1)]}


def pack_bodies(values: int, step_ns: int, seed: int) -> list[dict[str, Any]]:
    """Return bodies of pack frames: `values` readings of channel 0, little-endian float32, `step_ns` apart."""
    drawn = np.random.default_rng(seed)
    body = {"op": "pack", "c": 0, "step_ns": step_ns, "f": "f4"}
    return [{**body, "v": drawn.normal(20.0, 5.0, values).astype("<f4").tobytes()} for _ in range(PACK_TEMPLATES)]
