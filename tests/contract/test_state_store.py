"""What every state store must do: one suite, run on each adapter."""

import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from hub.core.records import Cursor
from hub.ports import (
    Audited,
    AuditWanted,
    CommandRecord,
    CommandsWanted,
    Conflict,
    ConnectionRecord,
    DeviceRecord,
    Document,
    LogLine,
    StateStore,
    StoreUnavailable,
    WebSession,
)
from hub.state.redis import RedisStateStore
from hub.state.sqlite import SQLiteStateStore
from tests.support.redis import connected

DEVICE = DeviceRecord("pump", 1_000, b"\x00hash", {"channels": [{"name": "temp", "unit": "Cel"}]}, last_seen_us=5)
COMMAND = CommandRecord("c1", "pump", "blink", {"n": 3}, "queued", 1, "ann", 10, 11, 99)


@pytest.fixture(params=["SQLite", pytest.param("Redis", marks=pytest.mark.needs_server("redis-server"))])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[StateStore]:
    async with AsyncExitStack() as stack:
        store: StateStore
        if request.param == "SQLite":
            store = SQLiteStateStore(tmp_path / "state.db")
        else:
            redis = await stack.enter_async_context(connected(request.getfixturevalue("redis_url"), f"{{{secrets.token_hex(8)}}}:"))
            store = RedisStateStore(redis, "one")
        await store.start()
        yield store
        await store.aclose()


async def test_devices_are_kept_replaced_and_deleted_with_their_commands(store: StateStore) -> None:
    await store.put_device(DEVICE)
    await store.put_device(replace(DEVICE, last_seen_us=None, is_disabled=True))
    assert await store.devices() == [replace(DEVICE, last_seen_us=None, is_disabled=True)]
    await store.put_commands([COMMAND])
    assert await store.delete_device("pump")
    assert not await store.delete_device("pump")
    assert await store.devices() == []
    assert await store.command("c1") is None


async def test_a_command_comes_back_as_it_was(store: StateStore) -> None:
    done = replace(COMMAND, state="done", progress=1.0, value={"lit": [1, 2.5, None]}, reason="r", note="n")
    await store.put_commands([done])
    assert await store.command("c1") == done


async def test_a_command_is_changed_by_whoever_knows_it_as_it_is_kept(store: StateStore) -> None:
    with pytest.raises(Conflict):
        await store.put_commands([replace(COMMAND, version=2)])
    await store.put_commands([COMMAND])
    sent, cancelled = replace(COMMAND, state="sent", version=2), replace(COMMAND, state="cancelled", version=2)
    await store.put_commands([sent])
    other = replace(COMMAND, id="c2")
    for wrong in (cancelled, COMMAND, replace(sent, version=4)):
        with pytest.raises(Conflict) as conflict:
            await store.put_commands([other, wrong], puts=[GROUP], cursor=Cursor("j", 9), audited=[DONE])
        assert (conflict.value.kind, conflict.value.key) == ("command", "c1")
    assert await store.command("c1") == sent
    assert (await store.command("c2"), await store.document("group command", "g1"), await store.audit(None, 9)) == (None, None, [])
    assert await store.cursor_of("ledger") is None
    await store.put_commands([other, replace(sent, state="done", version=3)])
    assert [record.id for record in await store.open_commands()] == ["c2"]


async def test_newest_commands_come_first_and_open_ones_are_found(store: StateStore) -> None:
    for number in range(5):
        state = "done" if number % 2 else "sent"
        await store.put_commands([replace(COMMAND, id=f"c{number}", created_us=number, state=state, device=f"d{number % 2}")])
    assert [command.id for command in (await store.commands(CommandsWanted(), 3)).records] == ["c4", "c3", "c2"]
    assert [command.id for command in (await store.commands(CommandsWanted("d1"), 9)).records] == ["c3", "c1"]
    assert [command.id for command in await store.open_commands()] == ["c0", "c2", "c4"]


async def test_results_and_the_cursor_are_one(store: StateStore) -> None:
    assert await store.cursor_of("ledger") is None
    await store.put_commands([COMMAND], cursor=Cursor("j", 7))
    assert await store.cursor_of("ledger") == Cursor("j", 7)
    assert await store.command("c1") == COMMAND


async def test_a_login_link_works_once_and_not_after_its_time(store: StateStore) -> None:
    await store.put_login(b"a", "link", "ann", "admin", 100, 0)
    await store.put_login(b"b", "link", "ann", "admin", 100, 0)
    assert await store.session(b"a", 50) is None
    assert await store.take_login(b"a", 50) == ("ann", "admin")
    assert await store.take_login(b"a", 50) is None
    assert await store.take_login(b"b", 100) is None


async def test_a_session_lives_until_its_time_or_its_end(store: StateStore) -> None:
    await store.put_login(b"s", "session", "ann", "viewer", 100, 0)
    assert await store.take_login(b"s", 50) is None
    assert await store.session(b"s", 99) == ("ann", "viewer", 100)
    assert await store.session(b"s", 100) is None
    await store.end_session(b"s")
    assert await store.session(b"s", 50) is None


async def test_logins_that_are_over_go_when_another_one_comes(store: StateStore) -> None:
    for number in range(20):
        await store.put_login(b"link %d" % number, "link", "ann", "admin", 100 + number, 0)
        await store.put_login(b"session %d" % number, "session", "ann", "viewer", 100 + number, 0)
    await store.put_login(b"s", "session", "bob", "viewer", 300, 110)
    # Asked as of a time at which they all were good, only what is gone is missing.
    assert {each.expires_us for each in await store.sessions("ann", 0)} == set(range(111, 120))
    assert [await store.take_login(b"link %d" % number, 0) for number in (9, 10, 11)] == [None, None, ("ann", "admin")]


async def test_a_closed_store_says_so(store: StateStore) -> None:
    await store.aclose()
    await store.aclose()
    with pytest.raises(StoreUnavailable):
        await store.devices()


async def test_large_commands_come_in_an_answer_of_bounded_size_the_newest_first(store: StateStore) -> None:
    for number in range(100):
        await store.put_commands([replace(COMMAND, id=f"c{number}", created_us=number, state="done", value="x" * 120_000)])
    page = await store.commands(CommandsWanted(), 1_000)
    assert page.next == (page.records[-1].created_us, page.records[-1].id)
    assert 10 < len(page.records) < 50
    assert [record.id for record in page.records] == [f"c{99 - at}" for at in range(len(page.records))]
    assert [record.id for record in (await store.commands(CommandsWanted(), 2, (3, "c3"))).records] == ["c2", "c1"]
    assert (await store.commands(CommandsWanted(), 5, (3, "c3"))).next is None


RULE = Document("rule", "hot", 1, {"above": 30.5, "of": ["pump"]})
DONE = Audited(5, "ann", "put_rule", "rule hot", {"before": None})


async def test_a_document_is_put_changed_and_deleted_by_its_version(store: StateStore) -> None:
    await store.change([RULE, Document("user", "hot", 1, {})])
    assert await store.document("rule", "hot") == RULE
    second = RULE._replace(version=2, body={"above": 31})
    await store.change([second])
    assert await store.documents("rule") == [second]
    await store.change(deletes=[second])
    assert await store.document("rule", "hot") is None
    assert [each.kind for each in await store.documents("user")] == ["user"]


@pytest.mark.parametrize("put", [RULE, RULE._replace(version=3), RULE._replace(key="new", version=2)])
async def test_of_a_change_with_a_conflict_nothing_is_kept(store: StateStore, put: Document) -> None:
    await store.change([RULE])
    with pytest.raises(Conflict):
        await store.change([Document("rule", "other", 1, {}), put], cursor=("rules", Cursor("j", 4)), audited=[DONE])
    with pytest.raises(Conflict):
        await store.change([Document("rule", "other", 1, {})], [RULE._replace(version=9)])
    assert await store.documents("rule") == [RULE]
    assert await store.cursor_of("rules") is None
    assert await store.audit(None, 10) == []


async def test_devices_are_put_with_documents_or_not_at_all(store: StateStore) -> None:
    await store.change([RULE], devices=[DEVICE], audited=[DONE])
    assert await store.devices() == [DEVICE]
    with pytest.raises(Conflict):
        await store.change([RULE], devices=[replace(DEVICE, is_disabled=True)])
    assert await store.devices() == [DEVICE]


async def test_a_deleted_device_takes_its_documents_along(store: StateStore) -> None:
    mine, others = Document("device", "pump", 1, {"kind": "pump"}), Document("device", "valve", 1, {})
    await store.change([mine, others, Document("rule", "pump", 1, {})], devices=[DEVICE])
    assert await store.delete_device("pump", ("device", "shadow"), [DONE])
    assert await store.documents("device") == [others]
    assert len(await store.documents("rule")) == 1
    assert [each.action for each in await store.audit(None, 9)] == ["put_rule"]


async def test_a_followers_documents_and_cursor_are_one(store: StateStore) -> None:
    await store.change([RULE], cursor=("rules", Cursor("j", 4)))
    await store.change(cursor=("rules", Cursor("j", 9)))
    assert await store.cursor_of("rules") == Cursor("j", 9)
    assert await store.cursor_of("ledger") is None


async def test_what_was_done_is_read_newest_first_page_by_page(store: StateStore) -> None:
    for number in range(5):
        await store.change(audited=[DONE._replace(at_us=number)])
    newest = await store.audit(None, 2)
    assert [each.at_us for each in newest] == [4, 3]
    assert [each.at_us for each in await store.audit(newest[-1].number, 9)] == [2, 1, 0]
    assert newest[0] == DONE._replace(at_us=4, number=newest[0].number)


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (AuditWanted(), [5, 4, 3, 2, 1]),
        (AuditWanted(who="ann"), [5, 3, 1]),
        (AuditWanted(action="edit"), [2]),
        (AuditWanted(what="pump"), [4, 2]),
        (AuditWanted(what="p_mp"), []),
        (AuditWanted(since_us=2, until_us=4), [3, 2]),
        (AuditWanted(who="bob", since_us=3), [4]),
    ],
)
async def test_the_log_is_asked_by_who_what_and_when(store: StateStore, wanted: AuditWanted, numbers: list[int]) -> None:
    for number in range(1, 6):
        who, what = ("ann", "rule hot") if number % 2 else ("bob", "device pump")
        await store.change(audited=[Audited(number, who, "edit" if number == 2 else "add", what, {})])
    assert [each.number for each in await store.audit(None, 9, wanted)] == numbers
    assert [each.number for each in await store.audit(5, 1, wanted)] == [number for number in numbers if number < 5][:1]


async def test_the_log_is_trimmed_by_age_and_number_and_no_number_comes_again(store: StateStore) -> None:
    for at_us in range(1, 11):
        await store.change(audited=[DONE._replace(at_us=at_us)])
    assert await store.trim_audit(4, 100) == 3
    assert await store.trim_audit(None, 5) == 2
    assert [each.at_us for each in await store.audit(None, 99)] == [10, 9, 8, 7, 6]
    assert await store.trim_audit(100, 1) == 5
    await store.change(audited=[DONE])
    assert [each.number for each in await store.audit(None, 99)] == [11]


async def test_the_live_sessions_of_a_name_are_listed(store: StateStore) -> None:
    for token_hash, name, end_us in ((b"a", "ann", 100), (b"b", "ann", 300), (b"c", "bob", 300)):
        await store.put_login(token_hash, "session", name, "viewer", end_us, 0)
    await store.put_login(b"l", "link", "ann", "viewer", 300, 0)
    assert await store.sessions("ann", 50) == [WebSession(b"b", "viewer", 300), WebSession(b"a", "viewer", 100)]
    assert await store.sessions("ann", 100) == [WebSession(b"b", "viewer", 300)]
    assert await store.sessions("eve", 0) == []


GROUP = Document("group command", "g1", 1, {"name": "blink"})


async def test_a_thousand_commands_a_document_and_who_did_it_are_put_at_once_or_not_at_all(store: StateStore) -> None:
    many = [replace(COMMAND, id=f"c{number}", device=f"d{number}", group="g1", reached={"queued": 10}) for number in range(2_000)]
    await store.put_commands(many, puts=[GROUP], cursor=Cursor("j", 3), audited=[DONE])
    assert await store.group_tally("g1") == {"queued": 2_000}
    assert (await store.command("c7"), await store.document("group command", "g1")) == (many[7], GROUP)
    assert (await store.cursor_of("ledger"), len(await store.audit(None, 9))) == (Cursor("j", 3), 1)
    sent = [replace(each, state="sent", version=2) for each in many]
    with pytest.raises(Conflict):
        await store.put_commands(sent, puts=[GROUP], cursor=Cursor("j", 9), audited=[DONE])
    assert await store.group_tally("g1") == {"queued": 2_000}
    assert (await store.cursor_of("ledger"), len(await store.audit(None, 9))) == (Cursor("j", 3), 1)


async def test_commands_are_chosen_by_device_group_state_and_name(store: StateStore) -> None:
    for number in range(6):
        group, state = (None, "sent") if number % 3 else ("g1", "done")
        name = "stop" if number == 3 else "blink"
        record = replace(COMMAND, id=f"c{number}", device=f"d{number % 2}", name=name, group=group, state=state, created_us=number)
        await store.put_commands([record])

    async def ids(wanted: CommandsWanted) -> list[str]:
        return [record.id for record in (await store.commands(wanted, 9)).records]

    assert await ids(CommandsWanted(group="g1")) == ["c3", "c0"]
    assert await ids(CommandsWanted(is_single=True)) == ["c5", "c4", "c2", "c1"]
    assert await ids(CommandsWanted("d1", "g1", "done", "stop")) == ["c3"]
    assert await ids(CommandsWanted(state="sent", name="stop")) == []


async def test_old_commands_go_the_oldest_first_and_none_that_is_open(store: StateStore) -> None:
    for number in range(10):
        state, group = ("sent", "g1") if number == 2 else ("done", "g1" if number < 2 else None)
        await store.put_commands([replace(COMMAND, id=f"c{number}", state=state, group=group, updated_us=number)])

    async def left() -> str:
        return " ".join(sorted(record.id for record in (await store.commands(CommandsWanted(), 99)).records))

    assert await store.forget_commands(0, 100, 100) == 0
    assert await store.forget_commands(5, 100, 1) == 1
    assert await left() == "c0 c1 c2 c4 c5 c6 c7 c8 c9"  # of a group with an open command none goes
    assert await store.forget_commands(0, 4, 100) == 2
    assert await left() == "c0 c1 c2 c6 c7 c8 c9"
    await store.put_commands([replace(COMMAND, id="c2", state="done", version=2, group="g1", updated_us=20)])
    assert await store.forget_commands(0, 4, 100) == 3
    assert await left() == "c2 c7 c8 c9"


async def test_connections_of_a_device_are_read_newest_first_page_by_page_and_the_newest_stay(store: StateStore) -> None:
    await store.put_device(DEVICE)
    many = [ConnectionRecord("pump", at, None, "10.0.0.9:4000") for at in range(1, 8)]
    await store.put_connections([*many, ConnectionRecord("stranger", 1, None, "10.0.0.8:1")], 5)
    assert [each.came_us for each in await store.connections("pump", None, 3)] == [7, 6, 5]
    assert [each.came_us for each in await store.connections("pump", 5, 9)] == [4, 3]
    over = many[-1]._replace(left_us=9, code=4001, reason="2 pings were not answered")
    await store.put_connections([over], 5)
    assert (await store.connections("pump", None, 1), await store.last_connections()) == ([over], [over])
    assert await store.connections("stranger", None, 9) == []  # a device that was removed meanwhile


async def test_log_lines_of_a_device_are_read_newest_first_by_level_and_the_newest_stay(store: StateStore) -> None:
    await store.put_device(DEVICE)
    lines = [LogLine("pump", at, None if at % 2 else at - 1, "error" if at % 2 else "info", f"line {at}") for at in range(1, 521)]
    await store.put_commands([], lines=[*lines, LogLine("stranger", 1, None, "info", "who?")], cursor=Cursor("j", 7))
    assert await store.cursor_of("ledger") == Cursor("j", 7)
    found = await store.log_lines("pump", ["info", "error"], None, 1_000)
    assert [line._replace(number=0) for line in found] == lines[:19:-1]  # the newest 500
    assert sorted({line.number for line in found}, reverse=True) == [line.number for line in found]
    errors = await store.log_lines("pump", ["error"], found[2].number, 2)
    assert [line.text for line in errors] == ["line 517", "line 515"]
    assert await store.log_lines("stranger", ["info"], None, 9) == []  # a device that was removed meanwhile
    await store.delete_device("pump")
    await store.put_device(DEVICE)
    assert await store.log_lines("pump", ["info", "error"], None, 9) == []


async def test_a_deleted_device_takes_its_connections_along(store: StateStore) -> None:
    await store.put_device(DEVICE)
    await store.put_connections([ConnectionRecord("pump", 1, 2, "a", 1000)], 5)
    await store.delete_device("pump")
    await store.put_device(DEVICE)
    assert await store.connections("pump", None, 9) == await store.last_connections() == []


async def test_a_device_is_changed_by_whoever_knows_its_token_and_whether_it_is_disabled(store: StateStore) -> None:
    await store.change(devices=[DEVICE], made_of={"pump": None})
    disabled = replace(DEVICE, is_disabled=True)
    user = Document("user", "ann", 1, {})
    for before in (None, disabled, replace(DEVICE, token_hash=b"other")):
        with pytest.raises(Conflict) as conflict:
            await store.change([user], devices=[replace(DEVICE, token_hash=b"new")], made_of={"pump": before})
        assert (conflict.value.kind, conflict.value.key) == ("device", "pump")
    assert (await store.devices(), await store.document("user", "ann")) == ([DEVICE], None)
    await store.change(devices=[disabled], made_of={"pump": replace(DEVICE, last_seen_us=77, description={})})
    await store.delete_device("pump")
    with pytest.raises(Conflict):
        await store.change(devices=[DEVICE], made_of={"pump": disabled})


async def test_what_a_device_declares_leaves_its_token_alone_and_makes_no_device(store: StateStore) -> None:
    await store.put_device(replace(DEVICE, is_disabled=True))
    said = replace(DEVICE, token_hash=b"old", description={"firmware": "2\n2"}, last_seen_us=9)
    await store.change(seen=[said, replace(said, name="stranger")])
    assert await store.devices() == [replace(said, token_hash=DEVICE.token_hash, is_disabled=True)]
