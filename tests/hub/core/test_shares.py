"""Links to dashboards: what a good one is, what ends it, what it reaches, what is kept of it. On a real state store."""

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hub.core.api_tokens import ApiTokens
from hub.core.audit import AuditLog
from hub.core.dashboards import Dashboards
from hub.core.entities import Entities
from hub.core.errors import Refusal
from hub.core.registry import hash_token
from hub.core.share import Share
from hub.core.shares import MAX_OF_ONE, Shares
from hub.core.users import Users
from hub.ports import StoreUnavailable
from hub.state.sqlite import SQLiteStateStore

DAY_US = 86_400_000_000
TILE = {
    "id": "a",
    "type": "chart",
    "x": 0,
    "y": 0,
    "w": 1,
    "h": 1,
    "title": "",
    "config": {"source": {"devices": ["p"]}, "channels": ["t"]},
}
HALL: dict[str, Any] = {"title": "Hall", "variables": [], "range": "1h", "tiles": [TILE]}


class Store(SQLiteStateStore):
    """A real one, whose next change waits for something, or fails by it."""

    before: Callable[[], Awaitable[None]] | None = None

    async def change(self, *args: Any, **more: Any) -> None:
        before, self.before = self.before, None
        if before is not None:
            await before()
        await super().change(*args, **more)


class Stage:
    """A dashboard, an operator, and the links."""

    def __init__(self, state: Store) -> None:
        self.state = state
        self.now_us = 1_700_000_000_000_000
        self.audit = AuditLog(state, self.now)
        self.users = Users(state, self.audit, self.now)
        self.tokens = ApiTokens(state, self.audit, self.now, self.users)
        self.dashboards = Dashboards(state, Entities(), self.now)
        self.ended: list[bytes] = []
        self.shares = self.restarted()

    def now(self) -> int:
        return self.now_us

    def restarted(self) -> Shares:
        shares = Shares(self.state, self.audit, self.dashboards, self.users, self.tokens, self.now)
        shares.on_ended(self.ended.append)
        return shares

    async def save(self, **more: Any) -> None:
        version = (await self.dashboards.dashboard("hall"))["version"]
        await self.dashboards.save("hall", HALL | more, version, "me")

    async def make(self, days: float | None = 7, maker: bytes | None = None, name: str = "screen") -> tuple[str, Share]:
        return await self.shares.make("hall", name, days, "me", maker)

    async def by_operator(self) -> Share:
        user = await self.users.add("ann", "operator", "hash", "me")
        return (await self.make(maker=user.account))[1]

    async def actions(self) -> list[str]:
        return [entry.action for entry in reversed(await self.audit.page(None, 100))]


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    state = Store(tmp_path / "state.db")
    await state.start()
    stage = Stage(state)
    await stage.dashboards.save("hall", HALL, 0, "me")
    yield stage
    await state.aclose()


async def test_a_link_is_good_for_who_has_its_token_which_is_kept_nowhere(stage: Stage) -> None:
    token, share = await stage.make()
    assert stage.shares.of_hash(hash_token(token)) == share
    assert stage.shares.of_hash(hash_token(token + "x")) is None
    assert len(token) >= 43  # 256 bits
    assert token not in str([await stage.state.documents("share"), await stage.audit.page(None, 10)])
    (source,) = stage.shares.sources(share.id)
    assert (source.devices, source.channels) == (frozenset({"p"}), frozenset({"t"}))


async def test_a_link_ends_by_its_time_and_one_without_a_time_does_not(stage: Stage) -> None:
    (token, _), (lasting, _) = await stage.make(days=1), await stage.make(days=None)
    stage.now_us += DAY_US
    assert stage.shares.of_hash(hash_token(token)) is None
    assert stage.shares.is_known(hash_token(token))
    stage.now_us += 1_000 * DAY_US
    assert stage.shares.of_hash(hash_token(lasting)) is not None
    assert sorted(item["is_good"] for item in stage.shares.items("hall")) == [False, True]


async def test_a_withdrawn_link_is_gone_and_who_keeps_it_open_hears_of_it(stage: Stage) -> None:
    token, share = await stage.make()
    with pytest.raises(Refusal):
        await stage.shares.withdraw("other", share.id, "me")
    await stage.shares.withdraw("hall", share.id, "me")
    assert stage.ended == [share.token_hash]
    assert stage.shares.of_hash(hash_token(token)) is None
    assert not stage.shares.is_known(hash_token(token))
    assert stage.shares.items("hall") == []
    with pytest.raises(Refusal):
        await stage.shares.withdraw("hall", share.id, "me")
    assert (await stage.actions())[1:] == ["share dashboard", "withdraw share"]


async def test_a_link_outlives_a_restart_and_so_does_what_it_reaches(stage: Stage) -> None:
    token, share = await stage.make()
    again = stage.restarted()
    await again.load()
    assert again.of_hash(hash_token(token)) == share
    assert again.sources(share.id) == stage.shares.sources(share.id)


async def test_what_is_saved_later_counts_and_who_keeps_it_open_hears_of_it(stage: Stage) -> None:
    _, share = await stage.make()
    before = stage.shares.sources(share.id)
    await stage.save(title="Only another title")
    assert stage.shares.sources(share.id) is before
    assert stage.ended == []
    await stage.save(tiles=[])
    assert stage.shares.sources(share.id) == ()
    assert stage.ended == [share.token_hash]


async def test_a_deleted_dashboard_ends_its_links_and_a_restored_one_has_them_again(stage: Stage) -> None:
    _, share = await stage.make()
    await stage.dashboards.delete("hall", "me")
    assert stage.ended == [share.token_hash]
    assert not stage.shares.is_good(share)
    assert stage.shares.sources(share.id) == ()
    await stage.dashboards.restore("hall", 1, "me")
    assert stage.shares.is_good(share)
    assert len(stage.shares.sources(share.id)) == 1


async def test_another_dashboard_under_an_old_name_is_not_shown_by_the_links_of_the_one_before(stage: Stage) -> None:
    _, share = await stage.make()
    await stage.dashboards.delete("hall", "me")
    stage.now_us += 1
    await stage.dashboards.save("hall", HALL | {"title": "Secret"}, 0, "me")
    assert not stage.shares.is_good(share)
    await stage.dashboards.load()
    assert not stage.shares.is_good(share)
    assert stage.shares.sources(share.id) == ()


async def test_a_link_is_good_while_its_maker_may_change_dashboards(stage: Stage) -> None:
    share = await stage.by_operator()
    await stage.users.end_logins("ann", "me")
    assert stage.shares.is_good(share)
    await stage.users.set_role("ann", "viewer", "me")
    assert not stage.shares.is_good(share)
    assert stage.ended == [share.token_hash]
    await stage.users.set_role("ann", "admin", "me")
    assert stage.shares.is_good(share)


async def test_a_disabled_makers_links_are_good_for_nothing_until_they_are_enabled(stage: Stage) -> None:
    share = await stage.by_operator()
    secret, _ = await stage.tokens.make("hers", "operator", 30, "ann")
    _, by_token = await stage.make(maker=hash_token(secret))
    await stage.users.set_disabled("ann", "me", is_disabled=True)
    assert not stage.shares.is_good(share)
    assert not stage.shares.is_good(by_token)
    assert set(stage.ended) == {share.token_hash, by_token.token_hash}
    await stage.users.set_disabled("ann", "me", is_disabled=False)
    assert stage.shares.is_good(share)
    assert stage.shares.is_good(by_token)


async def test_a_removed_makers_links_stay_dead_when_the_name_is_somebody_elses(stage: Stage) -> None:
    share = await stage.by_operator()
    await stage.users.remove("ann", "me")
    assert stage.ended == [share.token_hash]
    stage.now_us += 1
    await stage.users.add("ann", "operator", "hash", "me")
    assert not stage.shares.is_good(share)


async def test_a_link_that_a_program_made_ends_with_its_token(stage: Stage) -> None:
    secret, token = await stage.tokens.make("kiosk", "operator", 30, "me")
    _, share = await stage.make(days=None, maker=hash_token(secret))
    assert share.expires_us == token.expires_us
    await stage.tokens.revoke("kiosk", "me")
    assert stage.ended[-1] == share.token_hash
    assert not stage.shares.is_good(share)


async def test_the_first_use_is_in_the_audit_log_and_the_last_in_the_list(stage: Stage) -> None:
    _, share = await stage.make()
    assert "used_us" not in stage.shares.items("hall")[0]
    for _ in range(3):
        assert (await stage.shares.shown(share.id))["title"] == "Hall"
        stage.now_us += 400_000_000
    assert (await stage.actions()).count("use share") == 1
    assert stage.shares.items("hall")[0]["used_us"] == stage.now_us - 400_000_000
    await stage.shares.withdraw("hall", share.id, "me")


async def test_the_number_of_links_is_bounded_and_those_that_are_over_make_room(stage: Stage) -> None:
    for _ in range(MAX_OF_ONE):
        await stage.make(days=1)
    with pytest.raises(Refusal, match=f"dashboard hall has {MAX_OF_ONE} links, which is the limit"):
        await stage.make()
    stage.now_us += DAY_US
    await stage.make()
    assert len(stage.shares.items("hall")) == 1


@pytest.mark.parametrize(("name", "days"), [("", 1), ("  ", 1), ("x" * 65, 1), ("a\nb", 1), ("a", 0), ("a", -1), ("a", 366)])
async def test_a_link_without_a_name_or_of_an_odd_length_is_refused(stage: Stage, name: str, days: float) -> None:
    with pytest.raises(Refusal):
        await stage.make(days, name=name)
    with pytest.raises(Refusal):
        await stage.shares.make("nothing", "a", 1, "me", None)
    assert stage.shares.items("hall") == []


async def test_what_is_saved_while_a_link_is_being_made_counts(stage: Stage) -> None:
    stage.state.before = partial(stage.save, tiles=[])
    _, share = await stage.make()
    assert stage.shares.sources(share.id) == ()


async def test_a_link_shows_its_dashboard_also_where_its_use_cannot_be_kept(stage: Stage) -> None:
    async def full() -> None:
        raise StoreUnavailable("the disk is full")

    _, share = await stage.make()
    stage.state.before = full
    assert (await stage.shares.shown(share.id))["title"] == "Hall"
    assert "used_us" not in stage.shares.items("hall")[0]
    await stage.shares.shown(share.id)
    assert (await stage.actions()).count("use share") == 1


async def test_links_of_a_dashboard_that_is_lost_make_room(stage: Stage) -> None:
    _, lost = await stage.make(days=None)
    await stage.dashboards.delete("hall", "me")
    stage.now_us += 1
    await stage.dashboards.save("hall", HALL, 0, "me")  # another one
    _, share = await stage.make()
    assert [each["id"] for each in stage.shares.items("hall")] == [share.id]
    assert not stage.shares.is_known(lost.token_hash)
    await stage.dashboards.delete("hall", "me")
    await stage.dashboards.save("door", HALL, 0, "me")
    await stage.shares.make("door", "screen", 1, "me", None)
    assert stage.shares.is_known(share.token_hash)  # it may be restored
    stage.now_us += 31 * DAY_US
    await stage.dashboards.save("gate", HALL, 0, "me")  # with this the deleted one goes
    await stage.shares.make("gate", "screen", 1, "me", None)
    assert not stage.shares.is_known(share.token_hash)


async def test_links_that_another_node_made_and_withdrew_are_taken_in_and_only_what_is_gone_ends(stage: Stage) -> None:
    here = stage.restarted()
    (kept, _), (gone, share) = await stage.make(), await stage.make()
    await here.reload()
    assert [here.of_hash(hash_token(token)) is not None for token in (kept, gone)] == [True, True]
    assert len(here.sources(share.id)) == 1
    await stage.shares.withdraw("hall", share.id, "me")
    stage.ended.clear()
    await here.reload()
    assert [here.of_hash(hash_token(token)) is not None for token in (kept, gone)] == [True, False]
    assert stage.ended == [hash_token(gone)]
