"""A rule is read strictly, and written as it was read."""

from typing import Any

import pytest

from devices.wire.messages import Kind
from hub.core.errors import Refusal
from hub.core.records import Series
from hub.core.rules import rule_in

HOT: dict[str, Any] = {"kind": "above", "channels": ["temp"], "limit": 80, "hysteresis": 2, "for_s": 10, "severity": "critical"}


@pytest.mark.parametrize(
    "body",
    [
        HOT,
        {"kind": "text", "text": "*error*", "note": "look at the log"},
        {"kind": "no_data", "for_s": 60, "devices": ["pump", "fan"]},
        {"kind": "offline"},
        {"kind": "falling", "limit": -1.5, "late_s": 5},
    ],
)
def test_a_rule_is_written_as_it_was_read(body: dict[str, Any]) -> None:
    rule = rule_in("r", body)
    written = rule.body()
    assert rule_in("r", written) == rule
    assert body.items() <= written.items() or rule.selector.devices is not None


def test_a_rule_means_the_devices_and_channels_it_names() -> None:
    rule = rule_in("hot", HOT)
    assert rule.selector.matches(Series("any", "temp", "Cel", Kind.GAUGE))
    assert not rule.selector.matches(Series("any", "hum", "%", Kind.GAUGE))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"kind": "hot"}, "kind must be one of above"),
        ({"limit": "80"}, "limit must be a number"),
        ({"limit": float("nan")}, "limit must be a number"),
        ({"limit": 10**400}, "limit must be a number"),
        ({"limit": True}, "limit must be a number"),
        ({"hysteresis": -1}, "hysteresis must be a number from 0"),
        ({"for_s": 1e9}, "for_s must be a number from 0 to 604800"),
        ({"severity": "bad"}, "severity must be one of info, warning, critical"),
        ({"severity": ["info"]}, "severity must be one of"),
        ({"channels": "temp"}, "channels must be an array"),
        ({"channels": []}, "channels of 0 names"),
        ({"devices": ["x"] * 300}, "devices of 300 names is outside 1 to 256"),
        ({"text": "x"}, "has no field 'text'"),
        ({"note": "x" * 501}, "note must be a text of 0 to 500"),
        ({"note": "\ud800"}, "note must be a text"),
        ({"late_s": None}, "late_s must be a number"),
        ({"kind": "no_data", "for_s": 0.5, "limit": 1}, "has no field"),
    ],
)
def test_a_wrong_field_is_refused_with_the_limit_and_the_value(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(Refusal, match=said) as refused:
        rule_in("hot", HOT | changes)
    assert refused.value.status == 422
    assert refused.value.hint


@pytest.mark.parametrize("body", [{"kind": "above"}, {"kind": "no_data"}, {"kind": "text"}, {"kind": "no_data", "for_s": 0.5}, {}])
def test_what_a_kind_needs_must_be_given(body: dict[str, Any]) -> None:
    with pytest.raises(Refusal):
        rule_in("r", body)


@pytest.mark.parametrize("name", ["", "-x", "a b", "x" * 65, "ä", "a\n"])
def test_a_name_that_cannot_be_is_refused(name: str) -> None:
    with pytest.raises(Refusal, match="the name of a rule"):
        rule_in(name, HOT)
