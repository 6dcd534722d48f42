"""Credentials that another node has just made, on a real Redis whose news this node is held back from: none is called wrong too early."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from fastapi import Request

from hub.auth import Auth, AuthTakingIn
from hub.core.dashboard_facts import KIND as DASHBOARD
from hub.core.dashboards import Dashboards
from hub.core.entities import Entities
from hub.core.errors import Refusal
from hub.core.provisioning import KIND as PROVISIONING
from hub.core.provisioning import Provisioning
from hub.core.registry import Registry
from hub.core.share import KIND as SHARE
from hub.core.shares import Shares
from hub.nodes.taking_in import Part, TakingIn, Whole
from hub.ports import Changed
from hub.redis import Redis
from hub.state.redis import RedisStateStore, notices
from hub.web.admission import device_by, principal_by
from hub.web.provisioning import KeyGate
from tests.support.cheap_passwords import cheap
from tests.support.cluster import now_us
from tests.support.redis import PROGRAM, RedisProcess, connected, running_redis
from tests.support.waiting import until

pytestmark = pytest.mark.needs_server(PROGRAM)
NEAR = "10.0.0.9"


class HeldBack(RedisStateStore):
    """A state store whose node hears what others change only while it may."""

    def __init__(self, redis: Redis, node: str) -> None:
        super().__init__(redis, node)
        self.may = trio.Event()
        self.waiting = 0  # who waits for it to catch up
        self.asked = 0

    async def next_change(self) -> Changed:
        changed = await super().next_change()
        await self.may.wait()
        return changed

    async def catch_up(self) -> bool:
        self.asked += 1
        self.waiting += 1
        try:
            return await super().catch_up()
        finally:
            self.waiting -= 1


class Side:
    """What of a node knows credentials."""

    def __init__(self, state: RedisStateStore, directory: Path) -> None:
        self.state = state
        self.registry = Registry(state, Entities(first_version=now_us(), clock=now_us), now_us)
        self.auth = auth = cheap(Auth(state, directory / "admin.token", self.registry.device_of, now_us))
        self.dashboards = Dashboards(state, Entities(), now_us)
        self.shares = Shares(state, auth.audit, self.dashboards, auth.users, auth.tokens, now_us)
        auth.let_guests_in(self.shares)
        self.provisioning = Provisioning(state, self.registry, auth.audit, now_us)

    async def start(self) -> None:
        await self.state.start()
        await self.auth.start()
        for part in (self.registry, self.dashboards, self.shares, self.provisioning):
            await part.load()

    def remembering(self) -> list[Part]:
        whole = ((PROVISIONING, self.provisioning), (DASHBOARD, self.dashboards), (SHARE, self.shares))
        return [self.registry, AuthTakingIn(self.auth), *(Whole(kind, part.reload) for kind, part in whole)]


class Two:
    """The node where things are made, and the one that does not know them yet."""

    def __init__(self, server: RedisProcess, one: Side, two: Side, held: HeldBack) -> None:
        self.server, self.one, self.two, self.held = server, one, two, held

    async def asks(self, ask: Any, *args: Any) -> list[Any]:
        """Ask the second node, tell it the news once it waits for them, and return its answer."""
        answers = list[Any]()

        async def one() -> None:
            answers.append(await ask(*args))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(one)
            await until(lambda: self.held.waiting or answers)
            assert not answers, "it answered before it knew"
            self.held.may.set()
        return answers


@pytest.fixture
async def nodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Two]:
    monkeypatch.setattr(notices, "CATCH_UP_S", 60.0)  # of a machine that is busy with other tests
    async with two_nodes(tmp_path) as two:
        yield two


@asynccontextmanager
async def two_nodes(directory: Path) -> AsyncIterator[Two]:
    for name in ("one", "two"):
        (directory / name).mkdir()
    with running_redis(directory / "redis") as server:
        async with connected(server.url) as here, connected(server.url) as there, trio.open_nursery() as nursery:
            held = HeldBack(there, "two")
            one, two = Side(RedisStateStore(here, "one"), directory / "one"), Side(held, directory / "two")
            for side in (one, two):
                await side.start()
            await nursery.start(TakingIn(held, two.remembering()).run)
            yield Two(server, one, two, held)
            nursery.cancel_scope.cancel()


async def test_a_device_that_comes_before_the_word_of_its_token_is_let_in(nodes: Two) -> None:
    token = (await nodes.one.registry.add_devices(["pump"]))["pump"]
    assert nodes.two.auth.device_of(token) is None
    assert await nodes.asks(device_by, f"Bearer {token}", nodes.two.auth, NEAR) == ["pump"]
    assert nodes.two.auth.locked() == []


async def test_so_are_a_token_that_replaced_another_and_one_for_programs(nodes: Two) -> None:
    await nodes.one.registry.add_devices(["pump"])
    newer = await nodes.one.registry.new_token("pump")
    secret, _ = await nodes.one.auth.tokens.make("ci", "viewer", 1, "admin")
    assert await nodes.asks(device_by, f"Bearer {newer}", nodes.two.auth, NEAR) == ["pump"]
    who = await principal_by({"authorization": f"Bearer {secret}"}, nodes.two.auth, NEAR)
    assert who is not None
    assert who.name == "token:ci"


async def test_so_are_a_user_by_password_and_one_by_the_cookie_of_the_other_node(nodes: Two) -> None:
    ann = await nodes.one.auth.passwords.hash_of("a long password")
    await nodes.one.auth.users.add("ann", "viewer", ann, "admin")
    session = await nodes.one.auth.log_in("ann", "a long password", NEAR)
    nodes.two.auth.cookie = nodes.one.auth.cookie
    (who,) = await nodes.asks(nodes.two.auth.principal, {"cookie": f"{nodes.one.auth.cookie}={session}"})
    assert who.name == "ann"
    assert await nodes.two.auth.log_in("ann", "a long password", NEAR)


async def test_a_user_logs_in_before_the_word_of_them(nodes: Two) -> None:
    await nodes.one.auth.users.add("ann", "viewer", await nodes.one.auth.passwords.hash_of("a long password"), "admin")
    (session,) = await nodes.asks(nodes.two.auth.log_in, "ann", "a long password", NEAR)
    assert session


async def test_a_device_registers_by_a_key_before_the_word_of_it(nodes: Two) -> None:
    given: dict[str, Any] = {"prefix": "", "days": 1.0, "max_devices": 10, "kind": "", "tags": ()}
    key, _ = await nodes.one.provisioning.make("pumps", "ann", **given)
    request = Request({"type": "http", "headers": [(b"authorization", f"Bearer {key}".encode())], "query_string": b""})
    assert await nodes.asks(KeyGate(nodes.two.provisioning, nodes.two.auth), request) == [key]


async def test_a_guest_goes_on_by_the_cookie_of_the_other_node_before_the_word_of_the_link(nodes: Two) -> None:
    hall: dict[str, Any] = {"title": "Hall", "variables": [], "range": "1h", "tiles": []}
    await nodes.one.dashboards.save("hall", hall, 0, "ann")
    token, share = await nodes.one.shares.make("hall", "screen", 7, "ann", None)
    (who,) = await nodes.asks(nodes.two.auth.principal, {"cookie": f"{nodes.two.auth.guest_cookie}={token}"})
    assert who.share == share.id


async def test_who_guesses_is_refused_once_all_is_known_and_then_nobody_is_asked(nodes: Two) -> None:
    nodes.held.may.set()
    codes = list[str]()
    while "too_many_tries" not in codes:  # the wait doubles, so that one comes that is longer than this machine stands still
        asked = nodes.held.asked
        with pytest.raises(Refusal) as refused:
            await device_by("Bearer guess", nodes.two.auth, NEAR)
        codes.append(refused.value.code)
        assert nodes.held.asked - asked == (codes[-1] == "wrong_token")
    assert codes[:10] == ["wrong_token"] * 10


async def test_nobody_is_told_for_good_that_a_token_is_wrong_while_redis_is_away(nodes: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices, "CATCH_UP_S", 0.2)
    token = (await nodes.one.registry.add_devices(["pump"]))["pump"]
    nodes.server.kill()
    with pytest.raises(Refusal) as refused:
        await device_by(f"Bearer {token}", nodes.two.auth, NEAR)
    assert (refused.value.status, refused.value.code) == (503, "busy")
    assert nodes.two.auth.locked() == []
