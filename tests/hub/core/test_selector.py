"""Tests of hub/core/selector.py."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.wire.messages import Kind
from hub.core.errors import Refusal
from hub.core.members import Asked
from hub.core.records import Series
from hub.core.selector import MAX_NAMES, Request, Selector, is_id, read_subscribe

ASKED = Asked()
GOOD = {"op": "subscribe", "id": "a", "devices": ["pump"]}


def read(message: dict[str, Any]) -> Request:
    return read_subscribe(message, ASKED.members)


def test_a_request_has_the_defaults_of_the_protocol() -> None:
    request = read(GOOD)
    assert request.selector == Selector(frozenset({"pump"}), None)
    assert (request.span_us, request.width_us, request.cursor) == (300_000_000, 0, None)


def test_a_star_means_all_whatever_stands_beside_it() -> None:
    assert read(GOOD | {"devices": ["*", "x"], "channels": ["temp"]}).selector == Selector(None, frozenset({"temp"}))


def test_a_selector_matches_device_and_channel() -> None:
    selector = Selector(frozenset({"pump"}), frozenset({"temp"}))
    names = [("pump", "temp"), ("pump", "hum"), ("fan", "temp")]
    assert [selector.matches(Series(*name, "", Kind.GAUGE)) for name in names] == [True, False, False]
    assert selector.wants("pump")
    assert not selector.wants("fan")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"id": ""}, "id"),
        ({"id": "x" * 65}, "id"),
        ({"id": "\ud800"}, "id"),
        ({"id": 7}, "id"),
        ({"devices": None}, "devices"),
        ({"devices": []}, "devices"),
        ({"devices": [7]}, "devices"),
        ({"devices": ["x"] * (MAX_NAMES + 1)}, "devices"),
        ({"channels": "temp"}, "channels"),
        ({"span_s": -1}, "span_s"),
        ({"span_s": float("nan")}, "span_s"),
        ({"span_s": 10**9}, "span_s"),
        ({"span_s": True}, "span_s"),
        ({"width_us": 7}, "width_us"),
        ({"width_us": [0]}, "width_us"),
        ({"cursor": 7}, "cursor"),
        ({"where": 7}, "where"),
        ({"where": "floor=2"}, "devices"),
    ],
)
def test_what_is_wrong_is_named_with_its_limit(change: dict[str, Any], named: str) -> None:
    with pytest.raises(Refusal, match=f"`{named}`") as caught:
        read(GOOD | change)
    assert caught.value.hint


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=3), max_leaves=5
)


@given(st.dictionaries(st.sampled_from(["id", "devices", "channels", "span_s", "width_us", "cursor", "where"]), JSON))
def test_any_message_is_a_request_or_a_refusal(message: dict[str, Any]) -> None:
    with suppress(Refusal):
        assert read(message).id == message["id"]


def test_an_id_is_counted_in_bytes() -> None:
    assert is_id("ä" * 32)
    assert not is_id("ä" * 33)


def test_an_expression_means_devices_and_a_settled_request_has_those_of_now() -> None:
    asked = Asked()
    asked.put("pump", {"floor": "2"})
    request = read_subscribe({"op": "subscribe", "id": "a", "where": "floor=2"}, asked.members)
    assert request.selector == Selector(frozenset({"pump"}), None)
    assert request.is_settled
    asked.put("fan", {"floor": "2"})
    assert not request.is_settled
    assert request.settled().selector.devices == {"pump", "fan"}
    assert request.settled().is_settled
    asked.remove("fan")
    assert request.is_settled
    assert read(GOOD).settled() == read(GOOD)


def test_an_expression_that_cannot_be_read_is_refused_with_its_place() -> None:
    with pytest.raises(Refusal, match="needs a value after character 6") as refused:
        read({"id": "a", "where": "floor="})
    assert refused.value.code == "bad_where"
