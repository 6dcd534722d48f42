"""What a viewer for some devices only is told of: theirs whole, what comes and goes, and of others nothing."""

from typing import Any

from devices.link import Prepared
from hub.core.entities import Entities
from hub.core.members import Asked
from hub.core.reach import Part, Reach
from hub.sessions.greeting import Changes, EntityMail
from hub.sessions.in_reach import InReach


class Stage:
    """A pump on floor 2 and a valve on floor 3, each with a command; a viewer for floor 2."""

    def __init__(self, *, is_guest: bool = False) -> None:
        self.entities, self.asked = Entities(), Asked()
        self.part = Part(self.asked.members("floor=2"), frozenset({"temp"}) if is_guest else None)
        self.sent: list[Prepared] = []
        for name, floor in (("pump", "2"), ("valve", "3")):
            self.put(name, floor)
            self.entities.put_command({"id": f"c-{name}", "device": name, "version": 1, "created_us": 1})
        in_reach = InReach(Reach([self.part], is_guest=is_guest), self.entities)
        self.mail = EntityMail(lambda: None, self.take, is_json=True, in_reach=in_reach)
        self.mail.greeted()

    def take(self, prepared: Prepared) -> bool:
        self.sent.append(prepared)
        return True

    def put(self, name: str, floor: str) -> None:
        self.entities.put_device({"device": name, "tags": [f"floor={floor}"]})
        self.asked.put(name, {"name": name, "floor": floor})

    def told(self) -> list[tuple[str, Any]]:
        return [(message["op"], item) for message in self.mail.take() for item in message.get("items", [None])]


def names(told: list[tuple[str, Any]]) -> list[tuple[str, str]]:
    return [(op, item["device"]) for op, item in told if item]


def test_the_greeting_tells_of_what_is_in_reach_and_the_state_of_the_hub() -> None:
    stage = Stage()
    stage.entities.put_alert({"id": "a", "device": "valve", "version": 1, "raised_us": 1})
    stage.entities.put_system({"credit": "open"})
    *most, system = stage.mail.greeting(stage.entities)
    told = [(message["op"], item["device"]) for message in most for item in message["items"]]
    assert told == [("devices", "pump"), ("commands", "pump")]
    assert system["credit"] == "open"


def test_changes_of_others_are_not_told_and_nothing_prepared_for_all_is_sent() -> None:
    stage = Stage()
    changes: Changes = {
        (what, name): {"device": name, "version": 9} for what in ("device", "command", "new kind") for name in ("pump", "valve")
    }
    changes |= {("system", ""): {"credit": "open"}, ("device", "nobody"): {"version": 9}}
    stage.mail.tell(changes, [Prepared(b"everything")])
    assert stage.sent == []
    assert names(stage.told()) == [("devices", "pump"), ("commands", "pump")]


def test_a_device_that_comes_is_told_whole_and_one_that_leaves_is_gone_by_a_higher_version() -> None:
    stage = Stage()
    stage.put("valve", "2")
    told = stage.told()
    assert names(told) == [("devices", "valve"), ("commands", "valve")]
    stage.put("valve", "3")
    [(op, gone)] = stage.told()
    assert (op, gone["device"], gone["removed"]) == ("devices", "valve", True)
    assert gone["version"] > told[0][1]["version"]
    stage.put("valve", "2")
    assert stage.told()[0][1]["version"] > gone["version"]


def test_what_waits_of_a_device_that_leaves_is_not_told() -> None:
    stage = Stage()
    stage.mail.tell({("command", "c-pump"): {"id": "c-pump", "device": "pump", "version": 2}}, [])
    stage.put("pump", "9")
    assert [(op, item.get("removed")) for op, item in stage.told()] == [("devices", True)]
    stage.mail.close()
    stage.put("pump", "2")
    assert stage.told() == []


def test_a_guest_is_told_of_devices_and_of_nothing_else() -> None:
    stage = Stage(is_guest=True)
    stage.entities.put_alert({"id": "a", "device": "pump", "version": 1, "raised_us": 1})
    stage.entities.put_system({"credit": "open"})
    stage.entities.put_shadow({"device": "pump", "desired": {}})
    greeting = list(stage.mail.greeting(stage.entities))
    assert [message["op"] for message in greeting] == ["devices"]
    assert [set(item) for item in greeting[0]["items"]] == [{"device", "version", "channels"}]
    kinds = ("device", "command", "alert", "shadow", "group_command")
    changes: Changes = {(what, name): {"device": name, "version": 9, "tags": ["x"]} for what in kinds for name in ("pump", "valve")}
    stage.mail.tell(changes | {("system", ""): {"credit": "open"}}, [Prepared(b"everything")])
    assert stage.sent == []
    assert stage.told() == [("devices", {"device": "pump", "version": 9, "channels": []})]
    stage.put("valve", "2")
    stage.put("pump", "3")
    assert [(op, item.get("removed"), "tags" in item) for op, item in stage.told()] == [("devices", None, False), ("devices", True, False)]
