"""Packs that break a rule: the frame keeps its number, and the reason says what came and what is due."""

from typing import Any

import msgpack
import pytest

from devices.wire.codec import decode_from_device
from devices.wire.messages import Unreadable

GOOD = {"e": 1, "s": 2, "op": "pack", "t": 1_700_000_000_000_000, "c": 0, "step_ns": 1_000, "f": "f4", "v": bytes(8)}
OFFSETS = {"step_ns": None, "d": bytes(8)}


def read(**changes: Any) -> Any:
    said = {key: value for key, value in {**GOOD, **changes}.items() if value is not None}
    return decode_from_device(msgpack.packb(said))


def test_a_pack_has_a_step_or_offsets() -> None:
    assert (read().count, read().step_ns, read().offsets_us) == (2, 1_000, None)
    assert (read(**OFFSETS).step_ns, read(**OFFSETS).offsets_us) == (None, bytes(8))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"f": "f2"}, "f must be f4 or f8, not 'f2'"),
        ({"f": 4}, "f must be f4 or f8, not 4"),
        ({"v": bytes(7)}, "values of 4 bytes each, not 7 bytes"),
        ({"v": b""}, "values of 4 bytes each, not 0 bytes"),
        ({"v": "text"}, "values of 4 bytes each, not 'text'"),
        ({"d": bytes(8)}, "pack needs either step_ns or d"),
        ({"step_ns": None}, "pack needs either step_ns or d"),
        ({**OFFSETS, "d": b"123"}, "d must be binary with 4 bytes for each of the 2 values, not 3 bytes"),
        ({**OFFSETS, "d": "text"}, "d must be binary with 4 bytes for each of the 2 values, not 'text'"),
    ],
)
def test_what_is_wrong_with_a_pack_is_said(changes: dict[str, Any], reason: str) -> None:
    found = read(**changes)
    assert isinstance(found, Unreadable)
    assert (found.epoch, found.seq, found.code) == (1, 2, "bad_frame")
    assert reason in found.reason
