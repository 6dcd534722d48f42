"""The registry on the real state store: tokens, presence, and changes that meet each other; a restart must find what was told."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing
from structlog.testing import capture_logs

from devices.wire.limits import CloseCode
from devices.wire.messages import Channel, Hello
from hub.core.entities import Entities
from hub.core.errors import Refusal
from hub.core.presence import LOOK_S, Pulse
from hub.core.registry import Registry
from hub.core.registry_facts import KIND
from hub.core.registry_series import SeriesBound
from hub.core.registry_tokens import OLD_TOKEN
from hub.state.sqlite import SQLiteStateStore

HELLO = Hello("pump", 7, (Channel("temp", "Cel"),), firmware="7.1", clock_us=1_500)


@asynccontextmanager
async def registry_on(
    directory: Path, now: Callable[[], int] = lambda: 1_000
) -> AsyncIterator[tuple[Registry, SQLiteStateStore, Entities]]:
    state, entities = SQLiteStateStore(directory / "state.db"), Entities()
    await state.start()
    try:
        registry = Registry(state, entities, now)
        await registry.load()
        yield registry, state, entities
    finally:
        await state.aclose()


def everything_in(directory: Path) -> bytes:
    return b"".join(path.read_bytes() for path in directory.iterdir())


def let_pass(registry: Registry, seconds: float) -> None:
    for _ in range(int(seconds / LOOK_S)):
        registry.look(LOOK_S)


def presence(registry: Registry) -> str | None:
    return (registry.item("pump") or {}).get("presence")


async def test_a_device_has_one_token_and_only_its_hash_is_kept(tmp_path: Path) -> None:
    async with registry_on(tmp_path) as (registry, _, _):
        token = await registry.add_device("pump")
        assert registry.device_of(token) == "pump"
        assert registry.device_of(token + "x") is None
        assert registry.device_of("\ud800") is None
    async with registry_on(tmp_path) as (registry, _, _):
        assert registry.device_of(token) == "pump"
    assert token.encode() not in everything_in(tmp_path)


@pytest.mark.parametrize(
    ("name", "code"), [("", "bad_name"), ("-x", "bad_name"), ("a b", "bad_name"), ("x" * 65, "bad_name"), ("pump", "exists")]
)
async def test_a_name_that_cannot_be_is_refused_and_nothing_is_added(tmp_path: Path, name: str, code: str) -> None:
    async with registry_on(tmp_path) as (registry, _, _):
        await registry.add_device("pump")
        with pytest.raises(Refusal) as refused:
            await registry.add_devices(["good", name])
        assert refused.value.code == code
        assert registry.names() == ["pump"]


async def test_a_new_token_replaces_the_old_one_and_tells_who_must_end_the_connection(tmp_path: Path) -> None:
    async with registry_on(tmp_path) as (registry, _, _):
        revoked: list[str] = []
        registry.on_revoked(lambda name, code, reason: revoked.append(name))
        old = await registry.add_device("pump")
        new = await registry.new_token("pump")
        assert (registry.device_of(old), registry.device_of(new), revoked) == (None, "pump", ["pump"])
        with pytest.raises(Refusal):
            await registry.new_token("nobody")


async def test_one_of_two_who_add_the_same_name_at_once_is_refused(tmp_path: Path) -> None:
    async with registry_on(tmp_path) as (registry, _, _):
        tokens: list[str] = []
        refused: list[str] = []

        async def add() -> None:
            try:
                tokens.append(await registry.add_device("pump"))
            except Refusal as refusal:
                refused.append(refusal.code)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(add)
            nursery.start_soon(add)
        assert (len(tokens), refused) == (1, ["exists"])


async def test_a_token_replaced_while_the_device_connects_is_the_one_that_a_restart_knows(tmp_path: Path) -> None:
    async with registry_on(tmp_path) as (registry, _, _):
        old = await registry.add_device("pump")
        async with trio.open_nursery() as nursery:
            new: list[str] = []

            async def renew() -> None:
                new.append(await registry.new_token("pump"))

            nursery.start_soon(renew)
            await trio.testing.wait_all_tasks_blocked()  # the new token is on its way to the disk
            nursery.start_soon(registry.connected, HELLO, Pulse())
        assert (registry.item("pump") or {})["firmware"] == "7.1"
    async with registry_on(tmp_path) as (registry, _, _):
        assert (registry.device_of(old), registry.device_of(new[0])) == (None, "pump")
        assert (registry.item("pump") or {})["firmware"] == "7.1"


async def test_a_device_removed_while_it_disconnects_stays_removed(tmp_path: Path) -> None:
    async with registry_on(tmp_path) as (registry, _, entities):
        token = await registry.add_device("pump")
        await registry.connected(HELLO, Pulse())
        async with trio.open_nursery() as nursery:
            nursery.start_soon(registry.remove_device, "pump")
            await trio.testing.wait_all_tasks_blocked()
            registry.disconnected("pump", CloseCode.NORMAL)
        assert entities.devices() == []
    async with registry_on(tmp_path) as (registry, _, _):
        assert registry.names() == []
        assert registry.device_of(token) is None


async def test_a_device_that_gets_a_removed_ones_name_begins_anew(tmp_path: Path) -> None:
    async with registry_on(tmp_path) as (registry, _, _):
        await registry.add_device("pump")
        await registry.connected(HELLO, Pulse())
        registry.disconnected("pump", CloseCode.NORMAL)
    async with registry_on(tmp_path) as (registry, _, _):
        assert presence(registry) == "unconfirmed"
        removed: list[str] = []
        registry.on_removed(removed.append)
        await registry.remove_device("pump")
        await registry.add_device("pump")
        assert removed == ["pump"]
        assert registry.item("pump") == {"device": "pump", "presence": "offline", "channels": [], "commands": []}


async def test_presence_follows_connections_and_outlives_a_restart_as_unconfirmed(tmp_path: Path) -> None:
    async with registry_on(tmp_path) as (registry, _, entities):
        await registry.add_device("pump")
        assert presence(registry) == "offline"
        await registry.connected(HELLO, Pulse())
        assert registry.is_connected("pump")
        item = entities.devices()[0]
        assert (item["presence"], item["connected_us"], item["clock_offset_us"]) == ("online", 1_000, 500)
    async with registry_on(tmp_path) as (registry, _, _):
        assert presence(registry) == "unconfirmed"
        let_pass(registry, 64)
        assert presence(registry) == "unconfirmed"
        let_pass(registry, 2)
        assert presence(registry) == "offline"
        assert (registry.item("pump") or {})["channels"][0]["name"] == "temp"


async def test_who_falls_silent_is_shown_with_when_it_was_last_heard_of_and_so_is_who_speaks_again(tmp_path: Path) -> None:
    async with registry_on(tmp_path) as (registry, _, entities):
        await registry.add_device("pump")
        pulse = Pulse()
        await registry.connected(replace(HELLO, interval_s=10.0), pulse)
        pulse.heard_us = 1_234
        let_pass(registry, 21)
        item = entities.devices()[0]
        assert (item["presence"], item["last_seen_us"], item["interval_s"]) == ("silent", 1_234, 10.0)
        pulse.frames, pulse.heard_us = 1, 5_000
        let_pass(registry, 1)
        assert (entities.devices()[0]["presence"], entities.devices()[0]["last_seen_us"]) == ("online", 5_000)


async def test_presence_goes_on_while_the_store_is_away(tmp_path: Path) -> None:
    async with registry_on(tmp_path) as (registry, state, _):
        await registry.add_device("pump")
        await state.aclose()
        with capture_logs() as lines:
            await registry.connected(HELLO, Pulse())
            assert presence(registry) == "online"
            registry.disconnected("pump", CloseCode.NORMAL)
            assert presence(registry) == "offline"
        assert [line["event"] for line in lines] == ["devices_not_stored"]
        await state.start()
        await registry.connected(HELLO, Pulse())
    async with registry_on(tmp_path) as (registry, _, _):
        assert (registry.item("pump") or {})["firmware"] == "7.1"


async def test_what_people_say_of_a_device_is_kept_and_shown(tmp_path: Path) -> None:
    said = {"title": "Pump of hall 3", "kind": "pump", "tags": ["outdoor", "floor=2"], "notes": "spare key:\n2nd drawer"}
    async with registry_on(tmp_path) as (registry, state, entities):
        await registry.add_device("pump")
        await registry.edit("pump", said, by="ann")
        item = entities.devices()[0]
        assert {key: item[key] for key in said} == {**said, "tags": ["floor=2", "outdoor"]}
        assert item["revision"] == 1
        await registry.edit("pump", {"notes": ""})
        done = (await state.audit(None, 9))[1]
        assert (done.who, done.action, done.what, done.detail) == ("ann", "edit device", "device pump", said)
    async with registry_on(tmp_path) as (registry, _, _):
        item = registry.item("pump") or {}
        assert (item["title"], item["revision"], "notes" in item) == ("Pump of hall 3", 2, False)


async def test_of_two_who_edit_the_same_revision_the_second_is_told_what_there_is(tmp_path: Path) -> None:
    async with registry_on(tmp_path) as (registry, _, _):
        await registry.add_device("pump")
        await registry.edit("pump", {"kind": "pump"}, revision=0)
        with pytest.raises(Refusal) as refused:
            await registry.edit("pump", {"kind": "valve"}, revision=0)
        assert (refused.value.code, refused.value.status) == ("conflict", 409)
        assert "revision 1, not 0" in refused.value.message
        assert "'pump'" in refused.value.message
        assert "'valve'" in refused.value.message
        await registry.edit("pump", {"kind": "pump"}, revision=1)
        assert (registry.item("pump") or {})["revision"] == 1  # nothing was changed


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"title": "x" * 129}, "bad_title"),
        ({"title": "a\nb"}, "bad_title"),
        ({"kind": "x" * 65}, "bad_kind"),
        ({"notes": "x" * 2_001}, "bad_notes"),
        ({"notes": "\x1b[31m"}, "bad_notes"),
        ({"notes": "\ud800"}, "bad_notes"),
        ({"tags": ["a b"]}, "bad_tag"),
    ],
)
async def test_what_cannot_be_said_is_refused_and_nothing_is_done(tmp_path: Path, changes: dict[str, Any], code: str) -> None:
    async with registry_on(tmp_path) as (registry, state, _):
        await registry.add_device("pump")
        with pytest.raises(Refusal) as refused:
            await registry.edit("pump", {"disabled": True, **changes})
        assert refused.value.code == code
        with pytest.raises(Refusal):
            await registry.add_devices(["valve", "fan"], {"fan": changes})
        assert registry.names() == ["pump"]
        assert await state.documents("device") == []
        assert not (await state.devices())[0].is_disabled


async def test_a_disabled_device_is_kept_out_until_it_is_enabled(tmp_path: Path) -> None:
    ended: list[tuple[str, CloseCode, str]] = []
    async with registry_on(tmp_path) as (registry, _, _):
        registry.on_revoked(lambda *end: ended.append(end))
        token = await registry.add_device("pump")
        admitted = registry.admission("pump")
        assert registry.ending("pump", admitted) is None
        await registry.edit("pump", {"disabled": True})
        assert ended == [("pump", CloseCode.DISABLED, "the device is disabled")]
    async with registry_on(tmp_path) as (registry, _, entities):
        with pytest.raises(Refusal) as refused:
            registry.device_of(token)
        assert (refused.value.code, refused.value.status) == ("disabled", 423)
        assert entities.devices()[0]["disabled"] is True
        assert registry.ending("pump", registry.admission("pump")) == (CloseCode.DISABLED, "the device is disabled")
        await registry.edit("pump", {"disabled": False})
        assert registry.device_of(token) == "pump"
        assert "disabled" not in entities.devices()[0]
        assert registry.ending("pump", registry.admission("pump")) is None


async def test_in_an_overlap_both_tokens_are_good_and_then_the_new_one(tmp_path: Path, autojump_clock: trio.testing.MockClock) -> None:
    ended: list[CloseCode] = []

    def now() -> int:
        return int(trio.current_time() * 1_000_000)

    async with registry_on(tmp_path, now) as (registry, _, entities), trio.open_nursery() as nursery:
        registry.on_revoked(lambda name, code, reason: ended.append(code))
        old = await registry.add_device("pump")
        await nursery.start(registry.run)
        await trio.sleep(100)
        new = await registry.new_token("pump", overlap_s=3_600)
        assert (registry.device_of(old), registry.device_of(new), ended) == ("pump", "pump", [])
        assert registry.ending("pump", registry.admission("pump")) is None
        over_us = entities.devices()[0]["old_token_until_us"]
        await trio.sleep(3_590)
        assert registry.device_of(old) == "pump"
        await trio.sleep(over_us / 1_000_000 - trio.current_time() + 5)
        assert (registry.device_of(old), registry.device_of(new), ended) == (None, "pump", [CloseCode.OLD_TOKEN])
        assert "old_token_until_us" not in entities.devices()[0]
        nursery.cancel_scope.cancel()
    async with registry_on(tmp_path, now) as (registry, _, _):
        assert (registry.device_of(old), registry.device_of(new)) == (None, "pump")


async def test_an_overlap_that_another_node_has_begun_ends_here_too(tmp_path: Path, autojump_clock: trio.testing.MockClock) -> None:
    ended: list[CloseCode] = []

    def now() -> int:
        return int(trio.current_time() * 1_000_000)

    async with registry_on(tmp_path, now) as (there, state, _), trio.open_nursery() as nursery:
        old = await there.add_device("pump")
        here = Registry(state, Entities(), now)
        await here.load()
        here.on_revoked(lambda name, code, reason: ended.append(code))
        await nursery.start(here.run)
        await trio.sleep(100)
        new = await there.new_token("pump", overlap_s=60)
        await here.refresh(OLD_TOKEN, ["pump"])
        assert (here.device_of(old), here.device_of(new), ended) == ("pump", "pump", [])
        await trio.sleep(65)
        assert (here.device_of(old), here.device_of(new), ended) == (None, "pump", [CloseCode.OLD_TOKEN])
        nursery.cancel_scope.cancel()


async def test_an_overlap_outlives_a_restart_and_ends_with_a_withdrawal(tmp_path: Path) -> None:
    async with registry_on(tmp_path) as (registry, _, _):
        first = await registry.add_device("pump")
        second = await registry.new_token("pump", overlap_s=60)
    async with registry_on(tmp_path) as (registry, _, _):
        assert (registry.device_of(first), registry.device_of(second)) == ("pump", "pump")
        third = await registry.new_token("pump", overlap_s=60)
        assert [registry.device_of(token) for token in (first, second, third)] == [None, "pump", "pump"]
        await registry.revoke("pump")
        assert [registry.device_of(token) for token in (first, second, third)] == [None, None, None]
        assert (registry.item("pump") or {})["has_token"] is False
    async with registry_on(tmp_path) as (registry, _, _):
        assert [registry.device_of(token) for token in (first, second, third, "")] == [None, None, None, None]
        fourth = await registry.new_token("pump", overlap_s=60)  # there is nothing to overlap with
        assert registry.device_of(fourth) == "pump"
        assert "old_token_until_us" not in (registry.item("pump") or {})
        for overlap_s in (-1.0, 1e9, float("nan")):
            with pytest.raises(Refusal):
                await registry.new_token("pump", overlap_s=overlap_s)


async def test_a_removed_device_leaves_nothing_to_who_gets_its_name(tmp_path: Path) -> None:
    async with registry_on(tmp_path) as (registry, state, _):
        old = await registry.add_device("pump")
        admitted = registry.admission("pump")
        await registry.edit("pump", {"kind": "pump"})
        await registry.new_token("pump", overlap_s=60)
        await registry.remove_device("pump", by="ann")
        assert await state.documents("device") == await state.documents("old_token") == []
        await registry.add_device("pump")
        assert registry.device_of(old) is None
        assert registry.ending("pump", admitted) == (CloseCode.REVOKED, "the token was withdrawn")
        assert "kind" not in (registry.item("pump") or {})
        assert [done.action for done in await state.audit(None, 9)] == [
            f"{word} device" for word in ("add", "remove", "token", "edit", "add")
        ]


async def test_devices_are_chosen_by_tags_and_by_what_they_are(tmp_path: Path) -> None:
    async with registry_on(tmp_path) as (registry, _, _):
        await registry.add_devices(
            ["pump", "fan", "valve"], {"pump": {"tags": ["floor=2"], "kind": "pump"}, "fan": {"tags": ["floor=2", "spare"]}}
        )
        await registry.connected(HELLO, Pulse())
        await registry.edit("valve", {"disabled": True})
        for where, names in {
            "floor=2": ["fan", "pump"],
            "floor=2 and not spare": ["pump"],
            "kind=pump": ["pump"],
            "presence=online": ["pump"],
            "firmware=7*": ["pump"],
            "disabled or name=f*": ["fan", "valve"],
            "floor=3": [],
        }.items():
            assert registry.select(where) == names, where
        with pytest.raises(Refusal):
            registry.select("floor=")


async def test_a_channel_with_another_unit_is_a_new_version_of_it(tmp_path: Path) -> None:
    async with registry_on(tmp_path) as (registry, _, _):
        await registry.add_device("pump")
        await registry.connected(HELLO, Pulse())
        assert "channel_versions" not in (registry.item("pump") or {})
        await registry.connected(Hello("pump", 8, (Channel("hum", "%"),)), Pulse())
        await registry.connected(Hello("pump", 9, (Channel("temp", "K"), Channel("hum", "%"))), Pulse())
    async with registry_on(tmp_path) as (registry, _, _):
        item = registry.item("pump") or {}
        assert item["channel_versions"] == {"temp": 2}
        change = {"channel": "temp", "version": 2, "at_us": 1_000}
        assert item["channel_changes"] == [
            {**change, "from": {"unit": "Cel", "kind": "gauge"}, "to": {"unit": "K", "kind": "gauge"}},
        ]


async def test_members_follow_tags_presence_and_removal(tmp_path: Path) -> None:
    async with registry_on(tmp_path) as (registry, _, _):
        await registry.add_device("pump")
        online, tagged, heard = registry.members("presence=online"), registry.members("floor=2"), list[str]()
        tagged.watch(heard.append)
        await registry.connected(HELLO, Pulse())
        assert (online.matches("pump"), tagged.matches("pump")) == (True, False)
        await registry.edit("pump", {"tags": ["floor=2"]})
        assert tagged.names == {"pump"}
        await registry.edit("pump", {"tags": ["floor=3"]})
        assert not len(tagged)
        await registry.add_devices(["fan"], {"fan": {"tags": ["floor=2"]}})
        registry.disconnected("pump", CloseCode.NORMAL)
        await registry.remove_device("fan")
        assert not len(online)
        assert heard == ["pump", "pump", "fan", "fan"]
    async with registry_on(tmp_path) as (registry, _, _):
        assert registry.members("floor=3").names == {"pump"}


class CountingStore(SQLiteStateStore):
    """Counts its changes: each is a sync."""

    changes = 0

    async def change(self, *args: Any, **more: Any) -> None:
        self.changes += 1
        await super().change(*args, **more)


async def test_a_fleet_that_comes_at_once_is_stored_in_a_few_changes_and_in_none_where_it_says_nothing_new(tmp_path: Path) -> None:
    state = CountingStore(tmp_path / "state.db")
    await state.start()
    registry = Registry(state, Entities(), lambda: 1_000)
    names = [f"d{number}" for number in range(1_000)]
    await registry.add_devices(names)
    for changes in (2, 0):
        state.changes = 0
        async with trio.open_nursery() as nursery:
            for name in names:
                nursery.start_soon(registry.connected, replace(HELLO, device=name), Pulse())
        for name in names:
            registry.disconnected(name, CloseCode.NORMAL)
        assert state.changes <= changes
    known = await state.devices()
    assert all(record.description["firmware"] == "7.1" for record in known)
    await state.aclose()


async def test_what_devices_declared_while_the_store_was_away_is_kept_when_all_is_read_again(tmp_path: Path) -> None:
    async with registry_on(tmp_path) as (registry, state, _):
        await registry.add_device("pump")
        await state.aclose()
        await registry.connected(HELLO, Pulse())
        await state.start()
        await registry.reload()
        assert [device.description["firmware"] for device in await state.devices()] == ["7.1"]
        assert (registry.item("pump") or {})["firmware"] == "7.1"


async def test_a_device_that_another_node_removed_and_added_anew_is_another_one(tmp_path: Path) -> None:
    removed, ended = list[str](), list[CloseCode]()
    async with registry_on(tmp_path) as (here, state, _):
        old = await here.add_device("pump")
        here.on_removed(removed.append)
        here.on_revoked(lambda name, code, reason: ended.append(code))
        there = Registry(state, Entities(), lambda: 2_000)
        await there.load()
        await there.remove_device("pump")
        new = await there.add_device("pump")
        await here.refresh("device", ["pump"])
        assert (removed, ended) == (["pump"], [CloseCode.REVOKED])
        assert (here.device_of(old), here.device_of(new)) == (None, "pump")


async def test_series_of_a_device_count_on_every_node_that_shares_the_state(tmp_path: Path) -> None:
    async with registry_on(tmp_path) as (_, state, _):
        here, there = (Registry(state, Entities(), lambda: 1_000, bound=SeriesBound(3)) for _ in range(2))
        await here.add_device("pump")
        await there.reload()
        for number in range(3):
            await here.connected(Hello("pump", 7 + number, (Channel(f"c{number}"),)), Pulse())
        assert there.refuses_series("pump", [(Channel("c3"),)]) is None  # it has not heard of it
        await there.refresh(KIND, ["pump"])
        assert "beside 3" in (there.refuses_series("pump", [(Channel("c3"),)]) or "")
        assert there.refuses_series("pump", [(Channel("c0"),)]) is None
        assert there.refuses_series("fan", [(Channel("c3"),)]) is None
