"""The MicroPython client's msgpack and masking on the published vectors, on garbage, and back and forth, in both Pythons."""

import asyncio
import json
import random
from pathlib import Path
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.wire.limits import MIN_FRAME_BYTES
from tests.support.micropython import client, run
from tests.support.micropython import interpreter as interpreter
from tests.vectors.make import PATH

SCRIPTS = Path(__file__).parent / "scripts"
VECTORS: dict[str, Any] = json.loads(PATH.read_text())
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=40)
    | st.binary(max_size=300),
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(st.text(max_size=10), inner, max_size=20),
    max_leaves=30,
)


def echoed(interpreter: str, messages: list[bytes]) -> list[str]:
    """Have each message decoded and encoded again by the client in this Python."""
    return run(interpreter, SCRIPTS / "echo_vectors.py", said="".join(f"{message.hex()}\n" for message in messages)).split()


def test_every_good_vector_is_understood_and_said_again(interpreter: str) -> None:
    # A hello goes one deeper than what a hub says; devices only say it.
    good = [v for v in VECTORS["good"] if v["from"] == "hub" or (v["from"] == "device" and v["message"]["op"] != "hello")]
    messages = [bytes.fromhex(vector["hex"]) for vector in good]
    assert len(messages) > 20
    for message, said in zip(messages, echoed(interpreter, messages), strict=True):
        assert msgpack.unpackb(bytes.fromhex(said)) == msgpack.unpackb(message)


def test_every_good_vector_of_a_device_is_said_as_it_is_written() -> None:
    for vector in VECTORS["good"]:
        if vector["from"] == "device":
            message = msgpack.unpackb(bytes.fromhex(vector["hex"]))
            assert msgpack.unpackb(client().packed(message)) == message


def test_rubbish_is_refused_and_nothing_else_happens(interpreter: str) -> None:
    rng = random.Random(7)
    good = [bytes.fromhex(vector["hex"]) for vector in VECTORS["good"] if vector["from"] == "hub"]
    messages = [rng.randbytes(rng.randrange(1, 200)) for _ in range(500)]
    for _ in range(1_500):
        message = bytearray(rng.choice(good))
        for _ in range(rng.randrange(1, 4)):
            message[rng.randrange(len(message))] = rng.randrange(256)
        messages.append(bytes(message[: rng.randrange(1, len(message) + 1)]))
    said = echoed(interpreter, messages)
    assert len(said) == len(messages)
    assert said.count("refused") > 500


@pytest.mark.parametrize(
    "message",
    [
        b"\x91" * 5 + b"\x01",
        b"\xdd\x00\x00\x10\x01" + b"\x01" * 4_097,
        b"\xde\x01\x01" + b"\xa1a\x01" * 257,
        b"\xd4\x01\x01",
        b"\x81\x01\x01",
        b"\x01\x01",
    ],
    ids=["nested 5 deep", "4,097 items", "257 entries", "an extension", "a key that is a number", "bytes after it"],
)
def test_what_is_over_the_limits_is_refused(message: bytes) -> None:
    with pytest.raises(client().BadMessage):
        client().unpack(message)


def test_memory_for_a_message_is_bounded_by_items() -> None:
    with pytest.raises(client().BadMessage):
        client().unpack(b"\xdc\x08\x00" + b"\xc0" * 2_048, 1_024)


@given(values)
def test_what_it_says_is_what_msgpack_reads(value: Any) -> None:
    assert msgpack.unpackb(client().packed(value), strict_map_key=False) == value


@given(st.binary(max_size=300), st.binary(min_size=4, max_size=4))
def test_masking_by_whole_numbers_is_masking_byte_by_byte(data: bytes, key: bytes) -> None:
    masked = bytearray(data)
    client().mask_slowly(memoryview(masked), len(data), key)
    assert masked == bytes(byte ^ key[i % 4] for i, byte in enumerate(data))


def test_uptime_goes_on_where_the_counter_wraps() -> None:
    period = 1 << 30
    now_us = 900_000_000

    def diff(later: int, earlier: int) -> int:
        return (later - earlier + period // 2) % period - period // 2

    uptime = client().Uptime(lambda: now_us // 1_000 % period, lambda: now_us % period, diff, period)
    begun = now_us
    rng = random.Random(3)
    for _ in range(300):
        now_us += rng.choice((1, 50, 20_000_000, 900_000_000, 5 * 86_400_000_000))
        assert uptime.us() == now_us - begun


def test_frames_of_readings_are_no_larger_than_every_hub_has_to_take() -> None:
    async def sizes() -> list[int]:
        channels = [("t", "Cel", "gauge"), ("note", "", "text"), ("place", "", "position")] * 90
        named = [(f"{name}{at}", unit, kind) for at, (name, unit, kind) in enumerate(channels)]
        device = client().Device("ws://hub", "board", "-", named, ram_bytes=1 << 20, batch_ms=1_000, on_log=lambda line: None)
        of_kind = {"gauge": 1 / 3, "text": "x" * 256, "position": [1 / 3, 1 / 7]}
        for at in range(20):
            device.send({name: of_kind[kind] for name, _, kind in named}, 1 << 60)
            device.send_pack("t0", [0.1 * n for n in range(500)], 10**9, 1 << 60 if at % 2 else None, "f8" if at % 3 else "f4")
        no = device.spool.current.no
        found = []
        while (frame := device.spool.next_frame(no)) is not None:
            device.spool.sent[no] = frame[1]
            found.append(len(frame[2]))
        return found

    found = asyncio.run(sizes())
    assert len(found) > 500
    assert 900 < max(found) <= MIN_FRAME_BYTES
