"""Users on the real state store: what may be added, and what ends with a change."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from hub.core.audit import AuditLog
from hub.core.errors import Refusal
from hub.core.users import MAX_USERS, Users
from hub.state.sqlite import SQLiteStateStore


class Stage:
    """Users, their store, and the accounts that ended."""

    def __init__(self, state: SQLiteStateStore) -> None:
        self.state = state
        self.audit = AuditLog(state, lambda: 7)
        self.ended: list[bytes] = []
        self.users = self.another()
        self.users.on_ended(self.ended.append)

    def another(self) -> Users:
        return Users(self.state, self.audit, lambda: 7)

    async def actions(self) -> list[tuple[str, str, str]]:
        return [(entry.who, entry.action, entry.what) for entry in await self.audit.page(None, 10)]


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    state = SQLiteStateStore(tmp_path / "state.db")
    await state.start()
    yield Stage(state)
    await state.aclose()


async def test_a_user_is_kept_and_the_log_says_who_did_what(stage: Stage) -> None:
    await stage.users.add("ann", "viewer", "hash", "root")
    await stage.users.set_role("ann", "operator", "root")
    await stage.users.set_password("ann", "other", "bob")
    again = stage.another()
    await again.load()
    assert again.get("ann") == stage.users.get("ann")
    assert again.items() == [{"name": "ann", "role": "operator", "created_us": 7, "changed_us": 7, "version": 3}]
    await stage.users.remove("ann", "root")
    assert stage.users.items() == []
    said = [(who, action) for who, action, what in await stage.actions()]
    assert said == [("root", "remove user"), ("bob", "set password"), ("root", "change role"), ("root", "add user")]


async def test_every_change_ends_the_account_that_was_and_no_other(stage: Stage) -> None:
    accounts = [(await stage.users.add("ann", "viewer", "hash", "root")).account]
    await stage.users.add("bob", "viewer", "hash", "root")
    assert stage.ended == []
    accounts.append((await stage.users.set_role("ann", "admin", "root")).account)
    await stage.users.set_role("ann", "admin", "root")  # as it was
    accounts.append((await stage.users.set_password("ann", "other", "root")).account)
    await stage.users.remove("ann", "root")
    assert stage.ended == accounts
    assert len(set(accounts)) == 3
    assert (await stage.users.add("ann", "viewer", "hash", "root")).account not in accounts


@pytest.mark.parametrize("name", ["", "Ann", "a b", "ann\n", ".ann", "x" * 65, "ä", "a/b", "a:b", "admin"])
async def test_a_name_that_is_none_is_refused(stage: Stage, name: str) -> None:
    with pytest.raises(Refusal) as refused:
        await stage.users.add(name, "viewer", "hash", "root")
    assert refused.value.status == 422


@pytest.mark.parametrize("role", ["", "root", "Admin"])
async def test_a_role_that_is_none_is_refused(stage: Stage, role: str) -> None:
    await stage.users.add("ann", "viewer", "hash", "root")
    for call in (stage.users.add("bob", role, "hash", "root"), stage.users.set_role("ann", role, "root")):
        with pytest.raises(Refusal, match="is no role"):
            await call


async def test_there_is_no_second_user_of_a_name_and_no_change_of_nobody(stage: Stage) -> None:
    await stage.users.add("ann", "viewer", "hash", "root")
    with pytest.raises(Refusal, match="already"):
        await stage.users.add("ann", "admin", "hash", "root")
    for call in (stage.users.set_role("bob", "viewer", "x"), stage.users.set_password("bob", "h", "x"), stage.users.remove("bob", "x")):
        with pytest.raises(Refusal, match="no user is called 'bob'"):
            await call


async def test_a_change_that_another_one_overtook_changes_nothing(stage: Stage) -> None:
    await stage.users.add("ann", "viewer", "hash", "root")
    other = stage.another()
    await other.load()
    await other.set_role("ann", "admin", "root")
    for call in (stage.users.set_role("ann", "operator", "x"), stage.users.remove("ann", "x"), stage.users.set_password("ann", "h", "x")):
        with pytest.raises(Refusal) as refused:
            await call
        assert (refused.value.code, refused.value.status) == ("conflict", 409)
    assert stage.ended == []
    assert len(await stage.actions()) == 2


async def test_there_are_only_so_many_users(stage: Stage) -> None:
    user = await stage.users.add("ann", "viewer", "hash", "root")
    stage.users._users |= {f"u{number}": user for number in range(MAX_USERS - 1)}
    with pytest.raises(Refusal, match=r"1,000 users, which is the limit"):
        await stage.users.add("bob", "viewer", "hash", "root")


async def test_a_disabled_user_is_told_of_by_account_and_name_and_can_be_enabled_again(stage: Stage) -> None:
    account = (await stage.users.add("ann", "viewer", "hash", "root")).account
    disabled = await stage.users.set_disabled("ann", "root", is_disabled=True)
    assert stage.ended == [account, b"ann"]
    assert disabled.item()["disabled"] is True
    assert await stage.users.set_disabled("ann", "root", is_disabled=True) is disabled
    await stage.users.set_password("ann", "other", "root")
    again = stage.another()
    await again.load()
    assert again.is_disabled("ann")
    enabled = await stage.users.set_disabled("ann", "root", is_disabled=False)
    assert "disabled" not in enabled.item()
    assert not stage.users.is_disabled("ann")
    assert [action for _, action, _ in await stage.actions()] == ["enable user", "set password", "disable user", "add user"]


async def test_the_last_administrator_who_can_log_in_cannot_be_disabled(stage: Stage) -> None:
    for name in ("ann", "bob"):
        await stage.users.add(name, "admin", "hash", "root")
    await stage.users.add("eve", "operator", "hash", "root")
    await stage.users.set_disabled("ann", "root", is_disabled=True)
    with pytest.raises(Refusal, match="bob is the last administrator who can log in"):
        await stage.users.set_disabled("bob", "root", is_disabled=True)
    await stage.users.set_disabled("eve", "root", is_disabled=True)
    await stage.users.set_disabled("ann", "root", is_disabled=False)
    await stage.users.set_disabled("bob", "root", is_disabled=True)


async def test_two_administrators_who_disable_each_other_at_once_leave_one(stage: Stage) -> None:
    refused: list[str] = []

    async def disable(name: str, who: str) -> None:
        try:
            await stage.users.set_disabled(name, who, is_disabled=True)
        except Refusal as refusal:
            refused.append(refusal.code)

    for name in ("ann", "bob"):
        await stage.users.add(name, "admin", "hash", "root")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(disable, "ann", "bob")
        nursery.start_soon(disable, "bob", "ann")
    assert refused == ["last_admin"]


async def test_what_another_node_changed_of_users_ends_their_logins_here_and_nobody_elses(stage: Stage) -> None:
    there = stage.another()
    for name in ("ann", "bob", "eve"):
        await there.add(name, "operator", "hash", "root")
    await stage.users.reload()
    assert [item["name"] for item in stage.users.items()] == ["ann", "bob", "eve"]
    before = {user.name: user.account for user in map(stage.users.known, ("ann", "bob", "eve"))}
    await there.set_disabled("ann", "root", is_disabled=True)
    await there.remove("bob", "root")
    await stage.users.reload()
    assert sorted(stage.ended) == sorted([before["ann"], b"ann", before["bob"]])
    assert (stage.users.is_disabled("ann"), stage.users.get("bob")) == (True, None)
    assert stage.users.of_account(before["eve"]) == there.get("eve")


async def test_the_log_says_from_which_role_to_which(stage: Stage) -> None:
    await stage.users.add("ann", "viewer", "hash", "root")
    await stage.users.set_role("ann", "operator", "root")
    assert [entry.detail for entry in await stage.audit.page(None, 2)] == [{"role": "operator", "before": "viewer"}, {"role": "viewer"}]
