"""The packets of the MQTT load are those of the standard."""

import pytest

from simulators.bench.peers.mqtt_sender import packet, text


@pytest.mark.parametrize(
    ("length", "said"),
    [(0, b"\x00"), (127, b"\x7f"), (128, b"\x80\x01"), (16_383, b"\xff\x7f"), (16_384, b"\x80\x80\x01"), (2_097_152, b"\x80\x80\x80\x01")],
)
def test_length_of_a_packet_is_written_in_groups_of_seven_bits(length: int, said: bytes) -> None:
    made = packet(0x30, bytes(length))
    assert made[0] == 0x30
    assert made[1 : 1 + len(said)] == said
    assert len(made) == 1 + len(said) + length


def test_text_has_its_length_before_it() -> None:
    assert text("Gerät") == b"\x00\x06Ger\xc3\xa4t"
