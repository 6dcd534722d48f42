"""Tests of hub/sessions/news.py."""

import json

import msgpack

from devices.link import Prepared
from hub.core.entities import Entities
from hub.sessions.greeting import EntityMail
from hub.sessions.news import News


def reader(sent: list[Prepared], *, is_json: bool = True) -> EntityMail:
    def try_send(prepared: Prepared) -> bool:
        sent.append(prepared)
        return True

    mail = EntityMail(lambda: None, try_send, is_json=is_json)
    mail.greeted()
    return mail


def test_a_change_is_encoded_once_for_all_of_one_encoding() -> None:
    entities, stirred, sent = Entities(), list[int](), [list[Prepared]() for _ in range(3)]
    news = News(entities, lambda: stirred.append(1))
    for number, each in enumerate(sent):
        news.add(reader(each, is_json=number != 2))
    for credit in ("open", "store_full"):
        entities.put_system({"credit": credit})
    assert len(stirred) == 2
    news.turn()
    news.turn()
    (first,), (second,), (third,) = sent
    assert first is second
    assert json.loads(first.message)["credit"] == "store_full"
    assert msgpack.unpackb(third.message)["credit"] == "store_full"


def test_a_removed_device_is_told() -> None:
    entities, sent = Entities(), list[Prepared]()
    news = News(entities, lambda: None)
    news.add(reader(sent))
    entities.put_device({"device": "pump"})
    entities.remove_device("pump")
    news.turn()
    assert json.loads(sent[0].message)["items"][0]["removed"] is True


def test_who_left_hears_nothing_and_nobody_is_watched_for_nobody() -> None:
    entities, sent = Entities(), list[Prepared]()
    news = News(entities, lambda: None)
    mail = reader(sent)
    news.add(mail)
    entities.put_system({"credit": "open"})
    news.remove(mail)
    news.turn()
    assert sent == []
    assert not entities._watchers
