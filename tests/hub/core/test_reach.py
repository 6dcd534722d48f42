"""How a wish for devices is narrowed to those in reach, and that no wish widens it."""

from typing import Any

import pytest

from hub.core.errors import Refusal
from hub.core.members import Asked
from hub.core.reach import MAX_WHERE, Reach, Reaches, check_where
from hub.core.tile_sources import Source

LIMIT = "floor=2 or name=pump-1"
FACTS: list[dict[str, str]] = [{"name": "pump-1"}, {"name": "pump-2", "floor": "2"}, {"name": "valve", "floor": "3"}, {"name": "or"}]
SOURCES = [
    Source(frozenset({"pump-1", "nobody"}), "", frozenset({"temp"})),
    Source(frozenset(), "floor=2", frozenset({"temp", "flow"})),
    Source(frozenset({"valve"}), "", frozenset()),
]


class Stage:
    """A limited token, a guest, and the devices they ask for."""

    def __init__(self) -> None:
        self.asked = Asked()
        self.sources: list[Source] = list(SOURCES)
        for facts in FACTS:
            self.asked.put(facts["name"], facts)
        self.reaches = Reaches(self.asked.members, lambda share: self.sources)

    def limited(self) -> Reach:
        return found(self.reaches.of(LIMIT, ""))

    def guest(self) -> Reach:
        return found(self.reaches.of("", "link"))

    def meant(self, reach: Reach, message: dict[str, Any]) -> list[str]:
        request = reach.request({"op": "subscribe", "id": "a", **message}, self.asked.members)
        assert request.is_settled
        return sorted(request.selector.devices or ())


def found(reach: Reach | None) -> Reach:
    assert reach is not None
    return reach


@pytest.mark.parametrize(
    ("message", "names"),
    [
        ({"devices": ["*"]}, ["pump-1", "pump-2"]),
        ({"devices": ["pump-1", "*"]}, ["pump-1", "pump-2"]),
        ({"devices": ["pump-2", "valve"]}, ["pump-2"]),
        ({"devices": ["valve"]}, []),
        ({"devices": ["or"]}, []),
        ({"where": "name=pump-*"}, ["pump-1", "pump-2"]),
        ({"where": "floor=3 or name=valve"}, []),
        ({"where": "not floor=9"}, ["pump-1", "pump-2"]),
    ],
)
def test_what_a_limited_token_asks_for_is_narrowed_to_what_is_in_reach(message: dict[str, Any], names: list[str]) -> None:
    stage = Stage()
    assert stage.meant(stage.limited(), message) == names


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"devices": []},
        {"devices": [1]},
        {"devices": "pump-1"},
        {"devices": None, "where": 5},
        {"devices": ["*"], "where": "floor=3"},
        {"devices": ['x" or name="valve']},
        {"devices": ['x") or (floor=3']},
        {"where": "floor=3) or (floor=2"},
        {"where": "floor=3) or (not none"},
        {"where": '"'},
        {"where": ""},
        {"where": "(" * 40 + "floor=3" + ")" * 40},
    ],
)
def test_what_would_widen_it_or_says_nothing_is_refused(message: dict[str, Any]) -> None:
    stage = Stage()
    for reach in (stage.limited(), stage.guest()):
        with pytest.raises(Refusal):
            stage.meant(reach, message)


def test_many_named_devices_are_narrowed_too() -> None:
    stage = Stage()
    assert stage.meant(stage.limited(), {"devices": ["pump-1", *(f"a-name-of-some-length-{each}" for each in range(255))]}) == ["pump-1"]


@pytest.mark.parametrize(
    ("message", "names"),
    [
        ({"devices": ["pump-1"], "channels": ["temp"]}, ["pump-1"]),
        ({"devices": ["*"], "channels": ["temp"]}, ["pump-1", "pump-2"]),
        ({"devices": ["*"], "channels": ["flow"]}, ["pump-2"]),  # of pump-1 no tile shows it
        ({"devices": ["pump-1", "pump-2"], "channels": ["temp", "flow"]}, ["pump-2"]),
        ({"where": "floor=2", "channels": ["temp"]}, ["pump-2"]),
        ({"devices": ["valve"], "channels": ["temp"]}, []),
    ],
)
def test_a_guest_gets_of_each_device_what_tiles_show(message: dict[str, Any], names: list[str]) -> None:
    stage = Stage()
    assert stage.meant(stage.guest(), message) == names


@pytest.mark.parametrize(
    "message",
    [
        {"devices": ["pump-1"]},  # all channels
        {"devices": ["pump-1"], "channels": ["*"]},
        {"devices": ["*"], "channels": ["temp", "secret"]},
        {"devices": ["*"], "channels": ["(presence)"]},
        {"where": "floor=2 and name=pump-2", "channels": ["temp"]},  # tags would be guessed by what comes of such
        {"where": "floor=3", "channels": ["temp"]},
    ],
)
def test_what_no_tile_asks_for_is_out_of_reach_of_a_guest(message: dict[str, Any]) -> None:
    stage = Stage()
    with pytest.raises(Refusal) as caught:
        stage.meant(stage.guest(), message)
    assert caught.value.code == "out_of_reach"


def test_over_http_each_channel_of_each_device_is_asked_for_by_name() -> None:
    guest = Stage().guest()
    guest.check("pump-1", ["temp"])
    guest.check("pump-2", ["flow", "temp"])
    for device, channels in (("pump-1", []), ("pump-1", ["flow"]), ("pump-2", ["temp", "x"]), ("valve", ["temp"]), ("or", ["temp"])):
        with pytest.raises(Refusal):
            guest.check(device, channels)


def test_over_http_an_expression_is_one_of_a_tile() -> None:
    stage = Stage()
    stage.guest().check_where("floor=2", ["temp"])
    for where, channels in (("floor=2", []), ("floor=2", ["x"]), ("floor=2 ", ["temp"]), ("name=pump-1", ["temp"]), ("", ["temp"])):
        with pytest.raises(Refusal):
            stage.guest().check_where(where, channels)
    with pytest.raises(Refusal):
        stage.limited().check_where(LIMIT, [])


def test_over_http_a_tile_of_all_devices_is_asked_for_by_the_expression_that_means_all() -> None:
    stage = Stage()
    with pytest.raises(Refusal):
        stage.guest().check_where("name=*", ["temp"])
    stage.sources.append(Source(None, "", frozenset({"temp"})))
    everywhere = Reaches(stage.asked.members, lambda share: stage.sources).of("", "link")
    found(everywhere).check_where("name=*", ["temp"])
    for channels in ([], ["temp", "flow"]):
        with pytest.raises(Refusal):
            found(everywhere).check_where("name=*", channels)


def test_a_device_that_comes_into_reach_is_in_an_open_subscription_and_one_that_leaves_is_not() -> None:
    stage = Stage()
    request = stage.guest().request({"op": "subscribe", "id": "a", "devices": ["*"], "channels": ["flow"]}, stage.asked.members)
    stage.asked.put("valve", {"name": "valve", "floor": "2"})
    assert not request.is_settled
    assert request.settled().selector.devices == frozenset({"pump-2", "valve"})
    stage.asked.put("pump-2", {"name": "pump-2"})
    assert request.settled().selector.devices == frozenset({"valve"})


def test_of_a_device_a_guest_is_told_the_channels_of_its_tiles_and_no_facts() -> None:
    guest, channels = Stage().guest(), [{"name": name, "unit": ""} for name in ("temp", "flow", "secret")]
    item = {"device": "pump-1", "version": 7, "presence": "online", "title": "One", "tags": ["floor=1"], "firmware": "2", "notes": "x"}
    told = guest.told({**item, "channels": channels, "commands": [{"name": "go"}], "address": "10.0.0.1", "interval_s": 5})
    assert told == {"device": "pump-1", "version": 7, "presence": "online", "title": "One", "interval_s": 5, "channels": channels[:1]}
    assert guest.told({"device": "valve", "presence": "offline", "channels": channels})["channels"] == []
    gone = {"device": "pump-1", "removed": True, "version": 8}
    assert guest.told(gone) == gone


def test_a_tile_of_all_devices_and_channels_reaches_them() -> None:
    stage = Stage()
    stage.sources = [Source(None, "", None)]
    assert stage.meant(stage.guest(), {"devices": ["*"]}) == ["or", "pump-1", "pump-2", "valve"]
    stage.guest().check("valve", ["anything"])
    stage.guest().check("valve")


def test_what_a_link_reaches_is_looked_up_each_time() -> None:
    stage = Stage()
    assert stage.guest() is stage.guest()
    stage.sources = []
    assert not stage.guest().matches("pump-1")


def test_a_limit_is_checked_when_it_is_made() -> None:
    assert check_where("  ") == ""
    assert check_where(LIMIT) == LIMIT
    for wrong in ("floor=", "(a", "a" * (MAX_WHERE + 1)):
        with pytest.raises(Refusal) as caught:
            check_where(wrong)
        assert caught.value.status == 422
