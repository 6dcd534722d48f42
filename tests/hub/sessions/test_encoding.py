"""Tests of hub/sessions/encoding.py."""

import json

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.sessions.encoding import ViewerEnd, decoded, encoded

MESSAGE = {"op": "drawn", "id": "ä", "n": 1, "list": [1.5, None, True]}


@pytest.mark.parametrize("is_json", [True, False])
def test_a_message_comes_back_as_it_was(is_json: bool) -> None:
    assert decoded(encoded(MESSAGE, is_json=is_json), is_json=is_json) == MESSAGE


@pytest.mark.parametrize("is_json", [True, False])
def test_a_number_that_cannot_be_said_is_null_and_harms_no_later_message(is_json: bool) -> None:
    said = decoded(encoded({"value": [float("nan"), 1.5, {"x": 10**30}]}, is_json=is_json), is_json=is_json)
    assert said["value"][1:] in ([1.5, {"x": 10**30}], [1.5, {"x": None}])
    assert is_json is False or said["value"][0] is None
    assert decoded(encoded(MESSAGE, is_json=is_json), is_json=is_json) == MESSAGE


def test_bytes_of_a_device_are_text_in_json_and_bytes_in_msgpack() -> None:
    message = {"op": "commands", "items": [{"value": {"raw": b"\xff\xfe", b"key": 1}}]}
    said = json.loads(encoded(message, is_json=True))
    assert said["items"][0]["value"] == {"raw": "__4=", "a2V5": 1}
    assert msgpack.unpackb(encoded(message, is_json=False), strict_map_key=False) == message


def test_half_a_character_harms_nobody() -> None:
    message = {"args": {"\ud800": "a\udc00"}}
    raw = encoded(message, is_json=True)
    assert isinstance(raw, str)
    assert raw.encode()
    assert decoded(encoded(message, is_json=False), is_json=False) == {"args": {"?": "a?"}}


@pytest.mark.parametrize(
    ("raw", "is_json", "code"),
    [
        (b"{}", True, 1003),
        ("{}", False, 1003),
        ("[1]", True, 1007),
        ("[" * 60_000, True, 1007),
        ("1" * 60_000, True, 1007),
        (b"\x91\x01", False, 1007),
        (json.dumps({"op": "x" * 70_000}), True, 1009),
        (msgpack.packb("x" * 70_000), False, 1009),
    ],
)
def test_garbage_ends_the_connection_with_its_code(raw: bytes | str, is_json: bool, code: int) -> None:
    with pytest.raises(ViewerEnd) as caught:
        decoded(raw, is_json=is_json)
    assert caught.value.code == code


@given(st.binary(max_size=200), st.text(max_size=200))
def test_any_bytes_are_a_map_or_an_end(raw: bytes, text: str) -> None:
    for each in (raw, text):
        try:
            message = decoded(each, is_json=isinstance(each, str))
        except ViewerEnd:
            continue
        assert isinstance(message, dict)
