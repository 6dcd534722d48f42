"""The plant of the pictures is one that a hub takes."""

from hub.core.dashboard import checked
from hub.core.rules import rule_in
from simulators.pictures.plant import BOARD, MEMBERS, PAST_S, RULES


def test_every_device_says_each_of_its_channels_at_every_time() -> None:
    for member in MEMBERS:
        for time_s in (-float(PAST_S), -1.0, 0.0, 600.0):
            assert set(member.at(time_s)) == {channel.name for channel in member.channels}


def test_its_dashboard_and_rules_are_good_and_of_devices_that_are_there() -> None:
    names = {member.name for member in MEMBERS}
    for tile in checked(BOARD)["tiles"]:
        assert set(tile["config"]["source"]["devices"]) <= names
    for rule in RULES:
        assert rule_in(rule["rule"], {key: value for key, value in rule.items() if key != "rule"}).name == rule["rule"]


def test_what_the_pictures_are_to_show_is_wrong_by_now() -> None:
    now = {member.name: member.at(5.0) for member in MEMBERS}
    assert now["boiler-2"]["temperature"] > 88
    assert now["greenhouse"]["soil"] < 30
