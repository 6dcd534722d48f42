"""Tests of hub/sessions/greeting.py."""

from devices.link import Prepared
from hub.core.entities import Entities
from hub.sessions.greeting import MAX_ITEMS, Changes, EntityMail, messages_of, note

CHANGES: Changes = {("system", ""): {"credit": "open"}}


def test_everything_is_told_on_entering_and_cut_into_messages() -> None:
    entities = Entities()
    for number in range(MAX_ITEMS + 1):
        entities.put_device({"device": f"d{number:03}"})
    messages = list(EntityMail(lambda: None, lambda _: True, is_json=True).greeting(entities))
    told = ["devices", "devices", "commands", "group_commands", "alerts", "shadows", "dashboards", "system"]
    assert [message["op"] for message in messages] == told
    assert [len(message["items"]) for message in messages[:3]] == [MAX_ITEMS, 1, 0]


def test_of_what_changes_the_newest_is_told_once() -> None:
    changes: Changes = {}
    for presence in ("online", "offline"):
        note(changes, "device", {"device": "pump", "presence": presence})
    note(changes, "command", {"id": "c", "version": 1, "device": "pump", "created_us": 1})
    for credit in ("open", "store_full"):
        note(changes, "system", {"credit": credit})
    devices, commands, system = messages_of(changes)
    assert [item["presence"] for item in devices["items"]] == ["offline"]
    assert [item["id"] for item in commands["items"]] == ["c"]
    assert system == {"op": "system", "credit": "store_full"}


def test_a_viewer_that_is_not_greeted_yet_is_told_afterwards_by_its_own_task() -> None:
    woken, sent = list[int](), list[Prepared]()

    def try_send(prepared: Prepared) -> bool:
        sent.append(prepared)
        return True

    mail = EntityMail(lambda: woken.append(1), try_send, is_json=True)
    mail.tell(CHANGES, [Prepared("x")])
    assert (len(woken), sent) == (1, [])
    assert list(mail.take()) == [{"op": "system", "credit": "open"}]
    assert list(mail.take()) == []
    mail.greeted()
    mail.tell(CHANGES, [Prepared("x")])
    assert (len(woken), len(sent)) == (1, 1)
    assert list(mail.take()) == []


def test_what_a_busy_link_does_not_take_waits() -> None:
    mail = EntityMail(lambda: None, lambda _: False, is_json=True)
    mail.greeted()
    mail.tell(CHANGES, [Prepared("x")])
    assert list(mail.take()) == [{"op": "system", "credit": "open"}]
