"""The frames of the load are what docs/protocol.md says, masked as RFC 6455 says."""

import msgpack
import pytest

from devices.wire.codec import decode_from_device
from devices.wire.limits import MAX_MESSAGE_BYTES
from devices.wire.messages import Data, Hello, Pack
from simulators.bench.frames import SPIKE, TEMPLATES, FrameMaker, data_bodies, hello, masked_message, pack_bodies, spike_body


def unmasked(frame: bytes) -> bytes:
    at = 4 if frame[1] & 0x7F == 126 else 2
    mask, payload = frame[at : at + 4], frame[at + 4 :]
    assert len(payload) == (int.from_bytes(frame[2:4], "big") if at == 4 else frame[1] & 0x7F)
    return bytes(byte ^ mask[number % 4] for number, byte in enumerate(payload))


TIME_US = 1_700_000_000_000_000
EPOCH = 2**62 + 17


@pytest.mark.parametrize("seq", [1, 2, TEMPLATES + 1, 2**31 + 5])
def test_patched_frame_decodes_to_its_numbers(seq: int) -> None:
    maker = FrameMaker(data_bodies(10, seed=3), seed=3)
    frame = decode_from_device(unmasked(bytes(maker.frame(EPOCH, seq, TIME_US))))
    assert isinstance(frame, Data)
    assert (frame.epoch, frame.seq, frame.base_us, len(frame.values)) == (EPOCH, seq, TIME_US, 10)


def test_block_is_its_frames_end_to_end() -> None:
    maker = FrameMaker(data_bodies(10, seed=4), seed=4)
    block = bytes(maker.block(EPOCH, TEMPLATES - 2, 5, TIME_US, 7))
    assert len(block) == 5 * maker.frame_bytes
    for at in range(5):
        alone = bytes(maker.frame(EPOCH, TEMPLATES - 2 + at, TIME_US + 7 * at))
        assert block[at * maker.frame_bytes : (at + 1) * maker.frame_bytes] == alone


def test_pack_frame_is_understood() -> None:
    maker = FrameMaker(pack_bodies(8_000, 10_000, seed=5), seed=5)
    frame = decode_from_device(unmasked(bytes(maker.block(EPOCH, 9, 1, TIME_US, 80_000))))
    assert isinstance(frame, Pack)
    assert (frame.epoch, frame.seq, frame.base_us) == (EPOCH, 9, TIME_US)
    assert maker.payload_bytes < MAX_MESSAGE_BYTES


def test_spike_is_the_first_reading_of_its_frame() -> None:
    frame = decode_from_device(unmasked(bytes(FrameMaker([spike_body(3)], seed=6).frame(EPOCH, 1, TIME_US))))
    assert isinstance(frame, Data)
    assert list(frame.values) == [SPIKE, 20.0, 20.0]


def test_frame_of_10_readings_is_as_long_as_the_floor_was_measured_with() -> None:
    assert 100 <= FrameMaker(data_bodies(10, seed=1), seed=1).payload_bytes <= 170


@pytest.mark.parametrize("size", [0, 1, 125, 126, 60_000])
def test_masked_message_unmasks_to_its_payload(size: int) -> None:
    payload = bytes(number % 251 for number in range(size))
    assert unmasked(masked_message(payload)) == payload


def test_hello_is_understood() -> None:
    said = decode_from_device(hello("bench-1", 7, 3, 0.2))
    assert isinstance(said, Hello)
    assert len(said.channels) == 3
    assert msgpack.unpackb(hello("bench-1", 7, 3, 0.2))["op"] == "hello"
