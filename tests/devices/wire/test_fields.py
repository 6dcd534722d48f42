"""Each field is taken up to its limit, and one past it refused: both ends of every number, text, array and depth a device may send."""

from collections.abc import Callable
from typing import Any

import msgpack
import pytest

from devices.wire.codec import BadMessage, decode_from_device
from devices.wire.fields import shown
from devices.wire.messages import Unreadable

HELLO = {"op": "hello", "device": "a", "epoch": 1, "channels": []}
MAX_TIME_US = 2**63 // 1000 - 1
DATA = {"e": 1, "s": 1, "op": "data", "t": 0, "c": [0], "d": [0], "v": [1.0]}
RESULT = {"e": 1, "s": 1, "op": "result", "id": "i", "state": "done"}
LOG = {"e": 1, "s": 1, "op": "log", "level": "info", "t": 0, "text": ""}
GAP = {"e": 1, "s": 4, "op": "gap", "last": 4, "readings": 0, "from_us": None, "to_us": None, "reason": ""}
OF = GAP | {"of": 2, "of_last": 1}
REPORTED = {"e": 1, "s": 1, "op": "reported", "n": 1, "version": 0, "document": {}}
PACK = {"e": 1, "s": 1, "op": "pack", "t": 0, "c": 0, "step_ns": 1, "f": "f4", "v": b"1234"}


def is_taken(message: dict[str, Any]) -> bool:
    try:
        return not isinstance(decode_from_device(msgpack.packb(message)), Unreadable)
    except BadMessage:
        return False


@pytest.mark.parametrize(
    ("message", "field", "low", "high"),
    [
        (DATA, "e", 1, 2**63 - 1),
        (DATA, "s", 1, 2**53 - 1),
        (DATA, "t", -MAX_TIME_US, MAX_TIME_US),
        (LOG, "t", -MAX_TIME_US, MAX_TIME_US),
        (GAP, "last", 4, 2**53 - 1),
        (GAP, "readings", 0, 2**53 - 1),
        (GAP, "from_us", -MAX_TIME_US, MAX_TIME_US),
        (GAP, "to_us", -MAX_TIME_US, MAX_TIME_US),
        (OF, "of", 2, 2**63 - 1),
        (OF, "of_last", 1, 2**53 - 1),
        (OF, "last", 4, 4),
        (REPORTED, "n", 1, 2**53 - 1),
        (REPORTED, "version", 0, 2**53 - 1),
        (PACK, "c", 0, 1_023),
        (PACK, "step_ns", 1, 10**14),
        (HELLO, "epoch", 1, 2**63 - 1),
        (HELLO, "clock_us", -MAX_TIME_US, MAX_TIME_US),
        (HELLO, "uptime_us", 0, MAX_TIME_US),
        (HELLO, "interval_s", 0, 366 * 86_400),
        (HELLO, "sleep_s", 0, 366 * 86_400),
        (HELLO, "max_message_bytes", 1_024, 2**31),
        (HELLO, "fence", 0, 2**53 - 1),
    ],
)
def test_a_number_is_taken_from_its_lowest_to_its_highest(message: dict[str, Any], field: str, low: int, high: int) -> None:
    assert [is_taken(message | {field: value}) for value in (low, high)] == [True, True]
    assert [is_taken(message | {field: value}) for value in (low - 1, high + 1)] == [False, False]


@pytest.mark.parametrize("field", ["version", "reported"])
def test_a_shadow_in_hello_counts_from_0_and_absent_is_0(field: str) -> None:
    assert [is_taken(HELLO | {"shadow": {field: value}}) for value in (-1, 0, 2**53 - 1, 2**53)] == [False, True, True, False]
    assert decode_from_device(msgpack.packb(HELLO | {"shadow": {}})) == decode_from_device(
        msgpack.packb(HELLO | {"shadow": {"version": 0, "reported": 0}})
    )


@pytest.mark.parametrize(
    ("message", "field", "most", "make"),
    [
        (RESULT, "id", 64, "i".__mul__),
        (RESULT, "reason", 1_024, "r".__mul__),
        (LOG, "text", 4_096, "t".__mul__),
        (GAP, "reason", 1_024, "r".__mul__),
        (REPORTED, "error", 1_024, "e".__mul__),
        (PACK, "v", 1, lambda count: b"1234" * count + b"5" * (count - 1)),
        (DATA, "x", 256, lambda count: {str(key): 0 for key in range(count)}),
        (HELLO, "device", 64, "d".__mul__),
        (HELLO, "firmware", 128, "f".__mul__),
        (HELLO, "channels", 1_024, lambda count: [{"name": str(number)} for number in range(count)]),
        (HELLO, "unfinished", 64, lambda count: [{"epoch": 1 + number, "first": 1, "last": 1} for number in range(count)]),
        (HELLO, "commands", 256, lambda count: [{"name": str(number)} for number in range(count)]),
        (HELLO, "results", 1_024, lambda count: [{"id": str(number), "state": "done"} for number in range(count)]),
        (HELLO, "channels", 64, lambda count: [{"name": "n" * count}]),
        (HELLO, "channels", 64, lambda count: [{"name": "n", "unit": "u" * count}]),
        (HELLO, "channels", 256, lambda count: [{"name": "n", "kind": "state", "values": ["t" * count]}]),
        (HELLO, "channels", 256, lambda count: [{"name": "n", "kind": "state", "values": ["t"] * count}]),
        (HELLO, "commands", 64, lambda count: [{"name": "c" * count}]),
        (HELLO, "commands", 64, lambda count: [{"name": "c", "args": {"a" * count: {"type": "number"}}}]),
        (HELLO, "commands", 256, lambda count: [{"name": "c", "description": "d" * count}]),
    ],
)
def test_what_has_a_size_is_taken_up_to_it(message: dict[str, Any], field: str, most: int, make: Callable[[int], Any]) -> None:
    assert is_taken(message | {field: make(most)})
    assert not is_taken(message | {field: make(most + 1)})


def nested(depth: int) -> Any:
    return [nested(depth - 1)] if depth else 0


def test_a_frame_is_four_containers_deep_at_most_and_hello_one_deeper() -> None:
    assert is_taken(RESULT | {"value": nested(3)})
    assert not is_taken(RESULT | {"value": nested(4)})
    assert is_taken(DATA | {"later": nested(3)})
    assert not is_taken(DATA | {"later": nested(4)})
    command = {"name": "c", "args": {"a": {"type": "number", "min": 0}}}
    assert is_taken(HELLO | {"commands": [command]})
    assert not is_taken(HELLO | {"commands": [command | {"args": {"a": {"type": "number", "default": [0]}}}]})


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -0.1, 1.1, "1", True])
def test_progress_is_a_finite_number_from_0_to_1(number: Any) -> None:
    assert is_taken(RESULT | {"progress": 0})
    assert is_taken(RESULT | {"progress": 1})
    assert not is_taken(RESULT | {"progress": number})


@pytest.mark.parametrize("name", ["", " a", "a ", "a\x1fb", "a\x7fb", "a\x9fb", 5, None])
def test_a_name_has_no_control_characters_and_no_outer_blank(name: object) -> None:
    assert not is_taken(HELLO | {"channels": [{"name": name}]})
    for good in ("a b", "~", "°C", "a\xa0b", "\xa1"):
        assert is_taken(HELLO | {"channels": [{"name": good}]})


@pytest.mark.parametrize("name", ["", "-a", ".a", "a b", "ä", "a\n", 7])
def test_a_device_name_begins_with_a_letter_or_digit_of_ascii(name: object) -> None:
    assert not is_taken(HELLO | {"device": name})
    assert is_taken(HELLO | {"device": "0.a_B:c-9"})


@pytest.mark.parametrize("broken", [{"of": 2}, {"of_last": 2}, {"of": 1, "of_last": 2}])
def test_a_gap_gives_up_another_epoch_whole_or_none(broken: dict[str, int]) -> None:
    assert not is_taken(GAP | broken)


@pytest.mark.parametrize("message", [{"e": 5}, {"s": 5}, {"e": 5, "op": "dance"}, {"s": 5, "op": "hello"}])
def test_a_message_with_half_a_number_is_no_message_without_one(message: dict[str, Any]) -> None:
    with pytest.raises(BadMessage, match="must be an integer from 1 to"):
        decode_from_device(msgpack.packb(message))


def test_a_wrong_value_is_repeated_as_far_as_40_characters() -> None:
    assert shown("a" * 38) == repr("a" * 38)
    assert shown("a" * 39) == repr("a" * 39)[:40] + "..."


@pytest.mark.parametrize(
    ("key", "named"), [("value", "value holds nan"), ("two words", "'two words' holds nan"), ("x" * 41, f"'{'x' * 39}... holds nan")]
)
def test_a_wrong_field_is_named_by_its_key_which_is_quoted_where_it_is_no_plain_word(key: str, named: str) -> None:
    decoded = decode_from_device(msgpack.packb(RESULT | {key: float("nan")}))
    assert isinstance(decoded, Unreadable)
    assert decoded.reason.startswith(named)
