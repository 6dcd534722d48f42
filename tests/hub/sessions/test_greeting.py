"""Tests of hub/sessions/greeting.py."""

from hub.core.entities import Entities
from hub.sessions.greeting import MAX_ITEMS, EntityMail


def test_everything_is_told_on_entering_and_cut_into_messages() -> None:
    entities = Entities()
    for number in range(MAX_ITEMS + 1):
        entities.put_device({"device": f"d{number:03}"})
    messages = list(EntityMail(entities, lambda: None).open())
    assert [message["op"] for message in messages] == ["devices", "devices", "commands", "system"]
    assert [len(message["items"]) for message in messages[:3]] == [MAX_ITEMS, 1, 0]


def test_of_what_changes_the_newest_is_told_once() -> None:
    entities, woken = Entities(), list[int]()
    mail = EntityMail(entities, lambda: woken.append(1))
    list(mail.open())
    for presence in ("online", "offline"):
        entities.put_device({"device": "pump", "presence": presence})
    entities.put_command({"id": "c", "version": 1, "device": "pump", "created_us": 1})
    entities.put_system({"credit": "open"})
    entities.put_system({"credit": "store_full"})
    assert len(woken) == 5
    devices, commands, system = mail.take()
    assert [item["presence"] for item in devices["items"]] == ["offline"]
    assert [item["id"] for item in commands["items"]] == ["c"]
    assert system["credit"] == "store_full"
    assert list(mail.take()) == []


def test_a_removed_device_is_told() -> None:
    entities = Entities()
    entities.put_device({"device": "pump"})
    mail = EntityMail(entities, lambda: None)
    list(mail.open())
    entities.remove_device("pump")
    (devices,) = mail.take()
    assert devices["items"][0]["removed"] is True


def test_closed_mail_watches_no_more() -> None:
    entities = Entities()
    mail = EntityMail(entities, lambda: None)
    list(mail.open())
    mail.close()
    entities.put_system({"credit": "open"})
    assert list(mail.take()) == []
