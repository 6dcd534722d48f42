"""What a mould reads is what decoding gives, whatever the bytes; and what it cannot be sure of it leaves to the decoder."""

import tracemalloc
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.wire.fields import BadMessage
from devices.wire.limits import MAX_TIME_US
from devices.wire.messages import Channel, Kind
from devices.wire.unpack import unpack
from hub.core.alike import NotPlainError
from hub.core.ingest import ChannelRules
from hub.core.mould import Mould

NOW_US = 1_700_000_000_000_000
HOUR_US = 3_600_000_000
CHANNELS = (*(Channel(f"c{number}") for number in range(6)), Channel("text", kind=Kind.TEXT))
ints = st.one_of(
    st.integers(0, 127), st.integers(-32, -1), st.integers(-(2**63), 2**63 - 1), st.sampled_from([200, 300, 70_000, 2**40, -200])
)
floats = st.one_of(st.floats(-1e30, 1e30), st.sampled_from([float("nan"), float("inf"), float("-inf")]))  # they fit into float32, too
numbers = st.one_of(ints, floats)


@st.composite
def frames(draw: st.DrawFn) -> dict[str, Any]:
    count = draw(st.integers(1, 6))
    body = {
        "e": draw(st.integers(0, 2**53)),
        "s": draw(st.integers(1, 2**40)),
        "op": "data",
        "t": NOW_US + draw(st.integers(-HOUR_US, HOUR_US)),
    }
    body |= {"c": draw(st.permutations(range(count))), "d": draw(st.lists(st.integers(-9_000, 9_000), min_size=count, max_size=count))}
    body["v"] = draw(st.lists(numbers, min_size=count, max_size=count))
    return {key: body[key] for key in draw(st.permutations(list(body)))}


def packed(body: dict[str, Any], *, is_single: bool = False) -> bytes:
    return bytes(msgpack.packb(body, use_single_float=is_single))


def decoded(rules: ChannelRules, body: bytes) -> tuple[int, int, int] | None:
    """Return what a session makes of a frame that it decodes."""
    try:
        said = unpack(body)
        if said["op"] != "data" or len(said) != 7 or not type(said["e"]) is type(said["s"]) is int:
            return None
        is_plain = rules.are_plain(said["t"], said["c"], said["d"], said["v"], NOW_US)
        return (said["e"], said["s"], said["t"] + max(said["d"])) if is_plain else None
    except (BadMessage, KeyError, TypeError):
        return None


def taught(body: bytes) -> ChannelRules:
    rules = ChannelRules(CHANNELS, 2 * HOUR_US)
    for _ in range(16):
        rules.learn(body)
    return rules


@given(frames(), frames(), st.booleans(), st.lists(st.tuples(st.integers(0, 200), st.integers(1, 255)), max_size=3))
def test_whatever_a_mould_reads_is_what_decoding_gives(
    first: dict[str, Any], other: dict[str, Any], is_single: bool, flips: list[tuple[int, int]]
) -> None:
    body = packed(first, is_single=is_single)
    rules = taught(body)
    if decoded(rules, body) is None:
        return  # such a frame is never learnt
    assert rules.read_plain(body, NOW_US) == decoded(rules, body)
    changed = bytearray(body)
    for at, bits in flips:
        changed[at % len(body)] ^= bits
    like = packed({key: other[key] if key in "est" else first[key] for key in first}, is_single=is_single)
    for each in (bytes(changed), like, packed(other)):
        if (found := rules.read_plain(each, NOW_US)) is not None:
            assert found == decoded(rules, each)


def frame(seq: int = 1_000, t: int = NOW_US, values: tuple[Any, ...] = (1.5, 7, -2.0), d: tuple[int, ...] = (0, 5, 3)) -> bytes:
    return packed({"e": 9, "s": seq, "op": "data", "t": t, "c": [0, 2, 1], "d": list(d), "v": list(values)})


def test_a_frame_that_differs_in_its_numbers_is_read_without_decoding() -> None:
    rules = taught(frame())
    assert rules.read_plain(frame(1_001, NOW_US + 9, (2.5, 8, 0.0)), NOW_US) == (9, 1_001, NOW_US + 14)


@pytest.mark.parametrize(
    "body",
    [
        frame(values=(float("nan"), 7, 1.0)),
        frame(values=(float("inf"), 7, 1.0)),
        frame(values=(1.5, True, -2.0)),
        frame(t=NOW_US + HOUR_US * 24 * 400),
        frame(t=NOW_US - HOUR_US * 3),
        frame().replace(b"\xa1s", b"\xa1x"),
        frame().replace(b"\x93\x00\x02\x01", b"\x93\x00\x02\x06"),
        frame(seq=5),
    ],
)
def test_what_may_be_bad_or_is_of_another_form_is_left_to_the_decoder(body: bytes) -> None:
    assert taught(frame()).read_plain(body, NOW_US) is None


@pytest.mark.parametrize(
    ("learnt", "body"),
    [
        (frame(values=(1.5, 2**63 - 1, -2.0)), frame(values=(1.5, 2**63, -2.0))),  # no int64
        (frame(values=(1.5, -1, -2.0)), frame(values=(1.5, True, -2.0))),
        (frame(values=(1.5, -1, -2.0)), frame(values=(1.5, None, -2.0))),
        (frame(values=(1.5, 1, -2.0)), frame(values=(1.5, -1, -2.0))),
        (frame(d=(-(2**32),) * 3), frame(t=MAX_TIME_US + 1, d=(NOW_US - MAX_TIME_US - 1,) * 3)),
    ],
)
def test_so_is_what_differs_from_it_by_a_bit_or_is_out_of_bounds(learnt: bytes, body: bytes) -> None:
    rules = taught(learnt)
    assert rules.read_plain(learnt, NOW_US) is not None
    assert len(body) == len(learnt)
    assert rules.read_plain(body, NOW_US) is None


def test_a_frame_is_learnt_when_some_of_its_length_had_to_be_decoded() -> None:
    rules = ChannelRules(CHANNELS)
    for _ in range(15):
        rules.learn(frame())
        assert rules.read_plain(frame(), NOW_US) is None
    rules.learn(frame())
    assert rules.read_plain(frame(), NOW_US) is not None
    for size in range(1_000):
        rules.learn(b"\x80" * (200 + size))
    assert rules.read_plain(frame(), NOW_US) is not None
    for _ in range(16):
        rules.learn(frame(values=(1.5, 700, -2.0)))
    assert rules.read_plain(frame(values=(1.5, 800, -2.0)), NOW_US) is not None


def test_moulds_of_a_channel_list_do_not_pile_up() -> None:
    def of(count: int) -> bytes:
        return packed({"e": 9, "s": 1, "op": "data", "t": NOW_US, "c": list(range(count)), "d": [0] * count, "v": [1.5] * count})

    rules = ChannelRules([Channel(f"c{number}") for number in range(300)])
    tracemalloc.start()
    try:
        before_bytes, _ = tracemalloc.get_traced_memory()
        for count in range(1, 300):
            for _ in range(16):
                rules.learn(of(count))
        held_bytes = tracemalloc.get_traced_memory()[0] - before_bytes
    finally:
        tracemalloc.stop()
    assert held_bytes < 50_000
    assert rules.read_plain(of(1), NOW_US) is None
    assert rules.read_plain(of(300), NOW_US) is None
    for _ in range(16):
        rules.learn(of(3))
    assert rules.read_plain(of(3), NOW_US) is not None


@pytest.mark.parametrize("values", [["text"], [True], [None]])
def test_there_is_no_mould_of_what_is_no_number(values: list[Any]) -> None:
    with pytest.raises(NotPlainError):
        Mould(packed({"e": 9, "s": 1, "op": "data", "t": NOW_US, "c": [0], "d": [0], "v": values}))


def test_a_float_beyond_64_bits_beside_integers_is_as_good_decoded_as_it_is_not() -> None:
    body = packed({"e": 256, "s": 65_536, "op": "data", "t": NOW_US, "c": [0, 1], "d": [0, 1], "v": [3.7e19, -129]})
    rules = taught(body)
    assert decoded(rules, body) == rules.read_plain(body, NOW_US) == (256, 65_536, NOW_US + 1)
