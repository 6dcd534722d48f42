"""Thrift's compact protocol, byte by byte."""

import pytest

from hub.core.exchange.thrift import I64, struct, varint


@pytest.mark.parametrize(("number", "written"), [(0, "00"), (127, "7f"), (128, "8001"), (300, "ac02"), (2**63, "80808080808080808001")])
def test_numbers_take_seven_bits_a_byte(number: int, written: str) -> None:
    assert varint(number).hex() == written


def test_fields_carry_their_step_and_type() -> None:
    said = struct({1: -1, 2: I64(300), 3: True, 4: False, 5: "ab", 6: [1, 2], 7: {1: 0}, 30: 1, 31: [True and 1] * 20, 32: []})
    assert said.hex() == (
        "1501" "16d804" "11" "12" "18026162" "19250204" "1c150000" "053c02" "19f514" + "02" * 20 + "1905" + "00"
    )  # fmt: skip


def test_what_thrift_does_not_know_is_a_mistake_of_ours() -> None:
    with pytest.raises(TypeError):
        struct({1: 1.5})  # type: ignore[dict-item]
