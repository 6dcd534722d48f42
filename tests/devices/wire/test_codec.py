"""The codec on the published vectors, on garbage, and back and forth."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.wire.codec import BadMessage, decode_from_device, decode_from_hub, encode
from devices.wire.limits import MAX_MESSAGE_BYTES
from devices.wire.messages import (
    Ack,
    Channel,
    CommandSpec,
    CommandState,
    Credit,
    Data,
    Gap,
    Hello,
    Kind,
    Log,
    Outcome,
    Result,
    Unfinished,
    UnknownOp,
    Unreadable,
    Window,
)
from tests.vectors.make import PATH, vectors

VECTORS: dict[str, Any] = json.loads(PATH.read_text())
GOOD = [pytest.param(v, id=v["meaning"]) for v in VECTORS["good"]]
REFUSED = [pytest.param(v, id=v["meaning"]) for v in VECTORS["refused"]]


def test_published_vectors_are_those_that_the_program_makes() -> None:
    assert json.loads(json.dumps(vectors())) == VECTORS
    assert Path(PATH).name == "vectors.json"


@pytest.mark.parametrize("vector", GOOD)
def test_good_vector_survives_decode_and_encode(vector: dict[str, Any]) -> None:
    message = bytes.fromhex(vector["hex"])
    decoded = (decode_from_device if vector["from"] == "device" else decode_from_hub)(message)
    assert not isinstance(decoded, UnknownOp | Unreadable)
    again = msgpack.unpackb(encode(decoded))
    assert {key: again[key] for key in vector["message"]} == {key: of_json(value) for key, value in vector["message"].items()}
    assert vector["from"] != "device" or [*again][:3] == [*vector["message"]][:3]


def of_json(value: Any) -> Any:
    is_binary = isinstance(value, dict) and value.keys() == {"bin"}
    return bytes.fromhex(value["bin"]) if is_binary else value


@pytest.mark.parametrize("vector", REFUSED)
def test_refused_vector_gets_its_answer(vector: dict[str, Any]) -> None:
    message = bytes.fromhex(vector["hex"])
    if vector["answer"].startswith("close"):
        with pytest.raises(BadMessage):
            decode_from_device(message)
    else:
        decoded = decode_from_device(message)
        assert isinstance(decoded, Unreadable)
        assert f"reject {decoded.code}" == vector["answer"]


@given(st.binary(max_size=300))
def test_any_bytes_give_a_message_or_the_one_error(message: bytes) -> None:
    for decode in (decode_from_device, decode_from_hub):
        with suppress(BadMessage):
            assert decode(message) is not None


_values = st.one_of(st.floats(allow_nan=False), st.integers(-(2**63), 2**63 - 1), st.booleans(), st.text(max_size=20))
_readings = st.lists(st.tuples(st.integers(0, 1000), st.integers(-(10**6), 10**6), _values), min_size=1, max_size=30)


@given(st.integers(1, 2**63 - 1), st.integers(1, 2**53 - 1), st.none() | st.integers(0, 2**52), _readings)
def test_data_is_the_same_after_the_wire(epoch: int, seq: int, base_us: int | None, readings: list[tuple[int, int, Any]]) -> None:
    channels, offsets, values = ([reading[i] for reading in readings] for i in range(3))
    sent = Data(epoch, seq, base_us, channels, offsets, values)
    assert decode_from_device(encode(sent)) == sent


@given(st.integers(1, 2**63 - 1), st.integers(1, 2**53 - 1), st.integers(13, 60))
def test_frame_cut_anywhere_after_its_number_still_has_it(epoch: int, seq: int, keep: int) -> None:
    whole = encode(Data(epoch, seq, 10**15, [0, 1, 2], [0, 0, 0], [1.0, 2.0, 3.0]))
    number_end = whole.index(b"\xa2op")
    decoded = decode_from_device(whole[: max(number_end, min(keep, len(whole) - 1))])
    assert isinstance(decoded, Unreadable)
    assert (decoded.epoch, decoded.seq, decoded.code) == (epoch, seq, "bad_frame")


@pytest.mark.parametrize(
    "message",
    [
        Hello(
            "dev",
            5,
            (Channel("temp", "Cel", Kind.GAUGE, -40, 125, 0.1), Channel("mode", "", Kind.STATE, values=("off", "on"))),
            (Unfinished(3, 1, 4, (Channel("old"),)),),
            (CommandSpec("set", "sets", {"x": {"type": "number", "min": 0}}),),
            (Outcome("id", CommandState.RUNNING, 0.5),),
            "fw 1",
            uptime_us=12,
            interval_s=0.5,
        ),
        Result(1, 2, Outcome("id", CommandState.DONE, value={"a": [1, "b"]})),
        Log(1, 2, "info", None, "text"),
        Gap(1, 2, 9, 80, 5, 6, "spool_full"),
        Ack(((1, 2),), Credit(Window(0, 0), Window(1, 2), "store_full")),
    ],
    ids=lambda message: type(message).__name__,
)
def test_message_is_the_same_after_the_wire(message: Any) -> None:
    decode = decode_from_hub if isinstance(message, Ack) else decode_from_device
    assert decode(encode(message)) == message


def test_oversize_message_is_refused_by_its_size_alone() -> None:
    with pytest.raises(BadMessage, match=r"65537 bytes is over the limit of 65536"):
        decode_from_device(b"\xc0" * (MAX_MESSAGE_BYTES + 1))


@pytest.mark.parametrize("filler", [b"\x80", b"\x90", b"\x91", b"\x81\xa0"], ids=["maps", "arrays", "nested arrays", "nested maps"])
def test_amplifying_body_is_refused_with_its_number(filler: bytes) -> None:
    message = b"\x84\xa1e\x01\xa1s\x01\xa2op\xa6result\xa5value\xdc\x0f\xff" + filler * 60_000
    decoded = decode_from_device(message[:MAX_MESSAGE_BYTES])
    assert isinstance(decoded, Unreadable)
    assert decoded.code == "bad_frame"


@pytest.mark.parametrize(
    ("field", "value", "part"),
    [
        ("device", "no blanks", "device must be"),
        ("epoch", 0, "epoch must be an integer from 1"),
        ("channels", [{"name": "a"}, {"name": "a"}], "'a' twice"),
        ("channels", [{"name": "bad\n"}], "name must be 1 to 64 bytes"),
        ("unfinished", [{"epoch": 1, "first": 5, "last": 3}], "last 3 below first 5"),
        ("max_message_bytes", 10, "max_message_bytes must be an integer from 1024"),
        ("interval_s", float("nan"), "not a finite number"),
        ("commands", [{"name": "x", "args": {"a": {"type": "odd"}}}], "type must be one of"),
        ("commands", [{"name": "x", "args": {"a": {"type": "number", "min": "low"}}}], "min must be a number"),
    ],
)
def test_bad_hello_names_the_field_and_the_limit(field: str, value: Any, part: str) -> None:
    hello = {"op": "hello", "device": "a", "epoch": 1, "channels": [], field: value}
    with pytest.raises(BadMessage) as caught:
        decode_from_device(msgpack.packb(hello))
    assert part in str(caught.value)
