"""What is known of a series goes on from what another node has kept of it, and never back."""

from hub.core.rules import rule_in
from hub.core.rules_standing import Standing

KEY = ("pump", "temp")
RULE = rule_in("r", {"kind": "above", "limit": 10, "for_s": 5})
SPELL = {"spells": [["temp", 100, 200, 12.0]]}


def a_standing(*is_open: tuple[str, str]) -> Standing:
    return Standing(RULE, {}, is_open, 0.0)


def test_what_another_node_has_kept_is_gone_on_from() -> None:
    standing = a_standing()
    standing.join("pump", SPELL | {"last": [["hum", 150, 3.0]]}, 1.0)
    assert standing.kept({"pump", "fan"}) == {"pump": SPELL | {"last": [["hum", 150, 3.0]]}}
    assert standing.devices() == {"pump"}
    assert standing.changed == set()


def test_a_stretch_that_is_known_here_begins_where_the_other_node_saw_it_begin() -> None:
    standing = Standing(RULE, {"pump": {"spells": [["temp", 180, 300, 14.0]]}}, (), 0.0)
    standing.join("pump", SPELL, 1.0, has_judged=True)
    assert standing.kept({"pump"}) == {"pump": {"spells": [["temp", 100, 300, 14.0]]}}


def test_a_stretch_is_over_where_readings_were_judged_since() -> None:
    standing = a_standing()
    standing.join("pump", SPELL, 1.0, has_judged=True)
    assert standing.kept({"pump"}) == {}


def test_no_stretch_is_gone_on_from_that_is_an_alert_and_the_newest_reading_counts() -> None:
    standing = a_standing(KEY)
    standing.join("pump", SPELL | {"open": [["temp", 300], ["hum", 5]]}, 1.0)
    standing.join("pump", {"open": [["temp", 200]], "last": [["temp", 300, 1.0]]}, 1.0)
    standing.join("pump", {"last": [["temp", 250, 2.0]]}, 1.0)
    assert standing.kept({"pump"}) == {"pump": {"open": [["temp", 300]], "last": [["temp", 300, 1.0]]}}


def test_an_alert_of_another_node_is_one_here_until_it_says_that_it_is_over() -> None:
    standing = Standing(RULE, {"pump": SPELL}, (), 0.0)
    standing.heard(KEY, is_open=True)
    assert standing.is_open(KEY)
    assert standing.kept({"pump"}) == {"pump": {"open": [["temp", 200]]}}
    standing.heard(KEY, is_open=False)
    assert not standing.is_open(KEY)
    assert standing.kept({"pump"}) == {}


def test_of_a_device_that_left_only_its_alerts_are_known() -> None:
    standing = Standing(RULE, {"pump": SPELL | {"last": [["hum", 1, 1.0]]}}, [("pump", "hum")], 0.0)
    standing.forget_stretches("pump")
    assert standing.devices() == {"pump"}
    assert standing.kept({"pump"}) == {}
    standing.forget("pump")
    assert standing.devices() == set()
    assert standing.changed == {"pump"}
