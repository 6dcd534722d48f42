"""A command as it is asked for: what no device takes is refused with the limit and the value, a key stands for one command."""

from dataclasses import replace
from typing import Any

import pytest

from hub.core.errors import Refusal
from hub.core.wanted import MAX_KEY, MAX_TTL_S, Wanted
from hub.ports import DeviceRecord

TURN = {"name": "turn", "args": {"by": {"type": "number", "max": 90}, "how": {"type": "text", "default": "slow"}}}
PUMP = DeviceRecord("pump", 1, b"", {"commands": [TURN], "max_message_bytes": 1_024})
WANTED = Wanted("turn", {"by": 5}, 60.0, "ann", "k1")


def refused(wanted: Wanted, device: DeviceRecord = PUMP) -> Refusal:
    with pytest.raises(Refusal) as error:
        wanted.record_for(device, "c1", 1_000)
    return error.value


def test_a_command_begins_queued_with_its_defaults_and_its_end() -> None:
    record = WANTED.record_for(PUMP, "c1", 1_000)
    assert (record.state, record.version, record.by, record.args) == ("queued", 1, "ann", {"by": 5, "how": "slow"})
    assert (record.created_us, record.expires_us, record.reached) == (1_000, 60_001_000, {"queued": 1_000})


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        ({"name": "fly"}, "unknown_command", "device pump takes no command 'fly'"),
        ({"args": {"by": 91}}, "bad_argument", "by must be at most 90, not 91"),
        ({"args": {}}, "bad_argument", "turn needs the argument by (number)"),
        ({"args": {"by": 1, "how": "x" * 2_000}}, "too_large", "device pump takes 1024"),
        ({"ttl_s": 0.0}, "bad_ttl", f"at most {MAX_TTL_S:.0f}, not 0"),
        ({"ttl_s": float("nan")}, "bad_ttl", "not nan"),
    ],
)
def test_what_the_device_would_not_take_is_refused(change: dict[str, Any], code: str, said: str) -> None:
    refusal = refused(replace(WANTED, **change))
    assert refusal.code == code
    assert said in refusal.message


def test_a_disabled_device_takes_none() -> None:
    refusal = refused(WANTED, replace(PUMP, is_disabled=True))
    assert (refusal.code, refusal.status, "tributary device enable pump" in refusal.hint) == ("disabled", 409, True)


def test_a_key_is_of_whoever_sends_it() -> None:
    assert WANTED.new_id() == replace(WANTED, name="other").new_id()
    assert WANTED.new_id() != replace(WANTED, by="bob").new_id()
    keyless = replace(WANTED, key=None)
    assert keyless.new_id() != keyless.new_id()


@pytest.mark.parametrize("key", ["", "k" * (MAX_KEY + 1), "a\nb"])
def test_what_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(Refusal, match="1 to 128 printable characters"):
        replace(WANTED, key=key).new_id()


def test_the_same_key_stands_for_the_same_command_only() -> None:
    record = WANTED.record_for(PUMP, "c1", 1_000)
    WANTED.check_same(record, PUMP)
    replace(WANTED, args={"by": 5, "how": "slow"}).check_same(record, PUMP)  # a default, said or not
    for change in ({"name": "fly"}, {"args": {"by": 6}}, {"ttl_s": 61.0}):
        with pytest.raises(Refusal, match="stands for another command"):
            replace(WANTED, **change).check_same(record, PUMP)
    with pytest.raises(Refusal):
        WANTED.check_same(record, replace(PUMP, name="fan"))


def test_of_the_arguments_their_size_is_told() -> None:
    assert WANTED.args_bytes() == len('{"by": 5}')


def test_who_names_an_unknown_command_is_told_which_there_are() -> None:
    wanted = replace(WANTED, name="fly")
    two = replace(PUMP, description={"commands": [TURN, {"name": "blink", "args": {}}]})
    assert refused(wanted, two).hint == "it takes: blink, turn"
    assert refused(wanted, replace(PUMP, description={})).hint == "it takes: none"


def test_a_command_may_live_as_long_as_a_week_and_no_longer() -> None:
    assert replace(WANTED, ttl_s=MAX_TTL_S).record_for(PUMP, "c1", 0).expires_us == 7 * 86_400_000_000
    assert refused(replace(WANTED, ttl_s=MAX_TTL_S + 1)).code == "bad_ttl"
