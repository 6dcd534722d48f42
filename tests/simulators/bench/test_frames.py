"""The frames of the load are what docs/protocol.md says, masked as RFC 6455 says."""

import msgpack
import pytest

from devices.wire.codec import decode_from_device
from devices.wire.messages import Data, Hello
from simulators.bench.frames import TEMPLATES, FrameMaker, hello, masked_message


def unmasked(frame: bytes) -> bytes:
    at = 4 if frame[1] & 0x7F == 126 else 2
    mask, payload = frame[at : at + 4], frame[at + 4 :]
    assert len(payload) == (int.from_bytes(frame[2:4], "big") if at == 4 else frame[1] & 0x7F)
    return bytes(byte ^ mask[number % 4] for number, byte in enumerate(payload))


@pytest.mark.parametrize("seq", [1, 2, TEMPLATES + 1, 2**31 + 5])
def test_patched_frame_decodes_to_its_numbers(seq: int) -> None:
    maker = FrameMaker(readings=10, seed=3)
    frame = decode_from_device(unmasked(bytes(maker.frame(2**62 + 17, seq, 1_700_000_000_000_000))))
    assert isinstance(frame, Data)
    assert (frame.epoch, frame.seq, frame.base_us, len(frame.values)) == (2**62 + 17, seq, 1_700_000_000_000_000, 10)


def test_frame_of_10_readings_is_as_long_as_the_floor_was_measured_with() -> None:
    assert 100 <= FrameMaker(readings=10, seed=1).payload_bytes <= 170


@pytest.mark.parametrize("size", [0, 1, 125, 126, 60_000])
def test_masked_message_unmasks_to_its_payload(size: int) -> None:
    payload = bytes(number % 251 for number in range(size))
    assert unmasked(masked_message(payload)) == payload


def test_hello_is_understood() -> None:
    said = decode_from_device(hello("bench-1", 7, 3, 0.2))
    assert isinstance(said, Hello)
    assert len(said.channels) == 3
    assert msgpack.unpackb(hello("bench-1", 7, 3, 0.2))["op"] == "hello"
