"""Tests of hub/core/entities.py."""

from collections.abc import Mapping
from typing import Any

import pytest

from hub.core.entities import MAX_COMMANDS, Entities


def command(number: int, version: int = 1) -> dict[str, Any]:
    return {"id": f"c{number}", "version": version, "device": "a", "state": "queued", "created_us": number}


def test_versions_rise_with_each_change_and_start_where_told() -> None:
    entities = Entities(first_version=1_000)
    entities.put_device({"device": "b", "presence": "online"})
    entities.put_device({"device": "a", "presence": "online"})
    entities.put_device({"device": "b", "presence": "offline"})
    assert [(item["device"], item["presence"], item["version"]) for item in entities.devices()] == [
        ("a", "online", 1_001),
        ("b", "offline", 1_002),
    ]


def test_an_equal_item_is_no_change() -> None:
    entities = Entities()
    seen: list[str] = []
    entities.watch(lambda what, item: seen.append(what))
    for _ in range(2):
        entities.put_device({"device": "a"})
        entities.put_system({"credit": "open", "store_lag": 0, "notes": []})
    assert seen == ["device", "system"]


def test_a_lower_version_of_a_command_is_ignored() -> None:
    entities = Entities()
    entities.put_command({**command(1, version=3), "state": "done"})
    entities.put_command({**command(1, version=2), "state": "sent"})
    assert [item["state"] for item in entities.commands()] == ["done"]


def test_only_the_newest_commands_stay_whatever_order_they_came_in() -> None:
    entities = Entities()
    for number in reversed(range(MAX_COMMANDS + 50)):
        entities.put_command(command(number))
    kept = [item["created_us"] for item in entities.commands()]
    assert kept == list(reversed(range(50, MAX_COMMANDS + 50)))


def test_a_removed_device_is_told_with_a_higher_version_and_takes_its_commands_along() -> None:
    entities = Entities()
    seen: list[Mapping[str, Any]] = []
    entities.put_device({"device": "a"})
    entities.put_command(command(1))
    entities.watch(lambda what, item: seen.append(item))
    entities.remove_device("a")
    entities.remove_device("a")
    assert seen == [{"device": "a", "removed": True, "version": 2}]
    assert entities.devices() == []
    assert entities.commands() == []


def test_a_watcher_that_ended_is_told_nothing() -> None:
    entities = Entities()
    seen: list[str] = []
    unwatch = entities.watch(lambda what, item: seen.append(what))
    unwatch()
    unwatch()
    entities.put_device({"device": "a"})
    assert seen == []


def test_a_shadow_has_a_version_is_told_on_change_and_goes_with_its_device() -> None:
    entities, told = Entities(), list[tuple[str, Mapping[str, Any]]]()
    entities.put_device({"device": "pump"})
    entities.watch(lambda what, item: told.append((what, item)))
    entities.put_shadow({"device": "pump", "delta": {"a": 1}})
    entities.put_shadow({"device": "pump", "delta": {"a": 1}})
    entities.put_shadow({"device": "pump", "delta": {}})
    assert [what for what, _ in told] == ["shadow", "shadow"]
    assert entities.shadows() == [told[1][1]]
    assert told[0][1]["version"] < told[1][1]["version"]
    entities.remove_device("pump")
    assert entities.shadows() == []


@pytest.mark.parametrize(
    ("what", "key", "is_versioned_by_itself"),
    [
        *[("command", "id", True), ("alert", "id", True), ("dashboard", "name", True)],
        *[("group_command", "id", False), ("device", "device", False), ("shadow", "device", False)],
    ],
)
def test_each_change_of_each_kind_is_told_once_with_a_higher_version(what: str, key: str, is_versioned_by_itself: bool) -> None:
    entities, told = Entities(), list[tuple[str, Mapping[str, Any]]]()
    entities.watch(lambda what, item: told.append((what, item)))
    items = [{key: "it", "device": "it", "state": state, "created_us": 1, "version": at} for at, state in enumerate("ab", 1)]
    for item in (items[0], items[0], items[1], items[1]):
        getattr(entities, f"put_{what}")(item if is_versioned_by_itself else {name: item[name] for name in item if name != "version"})
    assert [(name, item["state"]) for name, item in told] == [(what, "a"), (what, "b")]
    assert told[0][1]["version"] < told[1][1]["version"]


@pytest.mark.parametrize(("what", "at"), [("command", "created_us"), ("group_command", "created_us"), ("alert", "raised_us")])
def test_the_newest_come_first_and_of_one_moment_in_one_order(what: str, at: str) -> None:
    entities = Entities()
    for id_, time_us in (("b", 5), ("a", 5), ("d", 3), ("c", 9)):
        getattr(entities, f"put_{what}")({"id": id_, at: time_us, "version": 1})
    assert [item["id"] for item in getattr(entities, f"{what}s")()] == ["c", "b", "a", "d"]
