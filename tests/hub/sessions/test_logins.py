"""A login's end closes its live connections, and nobody else's, whatever it ends by."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from devices.link import LinkClosed, MemoryLink, memory_link_pair
from devices.wire.limits import CloseCode
from hub.auth import Auth, Principal
from hub.sessions.logins import Logins
from hub.state.sqlite import SQLiteStateStore
from tests.support.cheap_passwords import cheap
from tests.support.waiting import until

SECOND = 1_000_000


class Desk:
    """Logins on a real state store, with sessions that wait for their link's end."""

    def __init__(self, state: SQLiteStateStore, auth: Auth) -> None:
        self.state, self.auth = state, auth
        self.now_us = 1_700_000_000 * SECOND
        self.nursery: trio.Nursery

    async def log_in(self) -> tuple[str, Principal]:
        session = await self.auth.use_login(await self.auth.new_login("ann", "viewer"))
        assert session is not None
        principal = await self.auth.principal({"cookie": f"{self.auth.cookie}={session}"})
        assert principal is not None
        return session, principal

    async def user(self, name: str) -> Principal:
        if self.auth.users.get(name) is None:
            await self.auth.users.add(name, "viewer", await self.auth.passwords.hash_of("correct horse"), "root")
        session = await self.auth.log_in(name, "correct horse", "10.0.0.9")
        principal = await self.auth.principal({"cookie": f"{self.auth.cookie}={session}"})
        assert principal is not None
        return principal

    def watch(self, principal: Principal) -> "Watcher":
        watcher = Watcher()
        self.nursery.start_soon(self.logins.serve, principal, watcher.link, watcher.serve)
        return watcher

    @property
    def logins(self) -> Logins:
        return self._logins

    def open(self) -> None:
        self._logins = Logins(self.auth, lambda: self.now_us)


class Watcher:
    """A viewer's session."""

    def __init__(self) -> None:
        self.link: MemoryLink
        self.link, self.other = memory_link_pair()
        self.end: LinkClosed | None = None

    async def serve(self) -> None:
        try:
            await self.link.receive()
        except LinkClosed as end:
            self.end = end


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    state = SQLiteStateStore(tmp_path / "state.db")
    await state.start()
    found: list[Desk] = []
    auth = cheap(Auth(state, tmp_path / "admin.token", lambda token: None, lambda: found[0].now_us))
    await auth.start()
    found.append(Desk(state, auth))
    found[0].open()
    async with trio.open_nursery() as nursery:
        found[0].nursery = nursery
        yield found[0]
        nursery.cancel_scope.cancel()
    await state.aclose()


async def test_logging_out_closes_every_connection_of_the_login_and_no_other(desk: Desk) -> None:
    (one, first), (_, second) = await desk.log_in(), await desk.log_in()
    mine, other = [desk.watch(first), desk.watch(first)], desk.watch(second)
    await until(lambda: len(desk.logins) == 2)
    await desk.auth.logout(one)
    await until(lambda: all(each.end for each in mine))
    assert [each.end.code for each in mine if each.end] == [CloseCode.LOGIN_ENDED] * 2
    assert other.end is None
    await until(lambda: len(desk.logins) == 1)


@pytest.mark.parametrize("change", ["role", "password", "remove"])
async def test_a_change_of_a_user_closes_all_their_connections_and_no_other(desk: Desk, change: str) -> None:
    users = desk.auth.users
    mine, other = [desk.watch(await desk.user("ann")), desk.watch(await desk.user("ann"))], desk.watch(await desk.user("bob"))
    await until(lambda: len(desk.logins) == 3)
    match change:
        case "role":
            await users.set_role("ann", "operator", "root")
        case "password":
            await users.set_password("ann", "hash", "root")
        case _:
            await users.remove("ann", "root")
    await until(lambda: all(each.end for each in mine))
    assert [each.end.code for each in mine if each.end] == [CloseCode.LOGIN_ENDED] * 2
    assert other.end is None


async def test_a_disabled_user_has_nothing_open_any_more_however_they_came(desk: Desk) -> None:
    auth = desk.auth
    watchers = [desk.watch(await desk.user("ann")), desk.watch((await desk.log_in())[1])]  # the link is for ann, too
    for by in ("ann", "root"):
        secret, _ = await auth.tokens.make(f"of-{by}", "viewer", 1, by)
        principal = await auth.principal({"authorization": f"Bearer {secret}"})
        assert principal is not None
        watchers.append(desk.watch(principal))
    await until(lambda: len(desk.logins) == 4)
    await auth.users.set_disabled("ann", "root", is_disabled=True)
    await until(lambda: all(each.end for each in watchers[:3]))
    assert watchers[3].end is None


async def test_a_revoked_token_closes_what_it_has_open(desk: Desk) -> None:
    tokens, watchers = desk.auth.tokens, []
    for name in ("one", "other"):
        principal = await desk.auth.principal({"authorization": f"Bearer {(await tokens.make(name, 'viewer', 1, 'root'))[0]}"})
        assert principal is not None
        watchers.append(desk.watch(principal))
    await until(lambda: len(desk.logins) == 2)
    await tokens.revoke("one", "root")
    await until(lambda: watchers[0].end)
    assert watchers[1].end is None


async def test_a_login_that_ended_between_the_door_and_the_session_is_noticed(desk: Desk) -> None:
    session, principal = await desk.log_in()
    await desk.auth.logout(session)
    watcher = desk.watch(principal)
    await until(lambda: watcher.end)
    assert watcher.end is not None
    assert watcher.end.code == CloseCode.LOGIN_ENDED


async def test_a_session_that_ends_by_itself_leaves_nothing(desk: Desk) -> None:
    _, principal = await desk.log_in()
    watcher = desk.watch(principal)
    await until(lambda: len(desk.logins) == 1)
    await watcher.other.aclose(CloseCode.NORMAL)
    await until(lambda: len(desk.logins) == 0)
    assert watcher.end is not None
    assert watcher.end.code == CloseCode.NORMAL


async def test_a_cancelled_session_leaves_nothing(desk: Desk) -> None:
    _, principal = await desk.log_in()
    watcher = Watcher()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(desk.logins.serve, principal, watcher.link, watcher.serve)
        await until(lambda: len(desk.logins) == 1)
        nursery.cancel_scope.cancel()
    assert len(desk.logins) == 0


async def test_the_bearer_of_a_token_has_no_login_to_end(desk: Desk) -> None:
    watcher = desk.watch(Principal("admin", "admin"))
    await desk.nursery.start(_settled)
    assert len(desk.logins) == 0
    assert watcher.end is None


async def _settled(task_status: trio.TaskStatus[None]) -> None:
    await trio.testing.wait_all_tasks_blocked()
    task_status.started()


class Forever:
    """An Auth whose logins are good for as long as their time lasts: virtual time and a thread of SQLite do not go together."""

    def on_ended(self, callback: object) -> None:
        pass

    async def is_live(self, principal: Principal) -> bool:
        await trio.lowlevel.checkpoint()
        return True


async def test_a_login_that_is_in_use_is_asked_for_again_every_five_minutes(autojump_clock: MockClock) -> None:
    class Counting(Forever):
        times = 0

        async def is_live(self, principal: Principal) -> bool:
            self.times += 1
            await trio.lowlevel.checkpoint()
            return self.times < 4  # then it has ended, and nobody has told

    auth, watcher = Counting(), Watcher()
    logins = Logins(auth, lambda: int(trio.current_time() * SECOND))  # type: ignore[arg-type]
    principal = Principal("ann", "viewer", b"a login", until_us=int(trio.current_time() * SECOND) + 86_400 * SECOND)
    began_s = trio.current_time()
    await logins.serve(principal, watcher.link, watcher.serve)
    assert watcher.end is not None
    assert watcher.end.code == CloseCode.LOGIN_ENDED
    assert trio.current_time() - began_s == pytest.approx(900, abs=1)


async def test_a_login_whose_time_is_over_closes_its_connection_also_when_the_clock_is_set(autojump_clock: MockClock) -> None:
    set_by_us = 0

    def now() -> int:
        return int(trio.current_time() * SECOND) + set_by_us

    logins = Logins(Forever(), now)  # type: ignore[arg-type]
    begin = now()
    watcher, early = Watcher(), Watcher()
    async with trio.open_nursery() as nursery:
        ann, bob = Principal("ann", "viewer", b"1", begin + 1_000 * SECOND), Principal("bob", "viewer", b"2", begin + 100_000 * SECOND)
        nursery.start_soon(logins.serve, ann, watcher.link, watcher.serve)
        nursery.start_soon(logins.serve, bob, early.link, early.serve)
        await trio.sleep(999)
        assert watcher.end is None
        await trio.sleep(2)
        assert watcher.end is not None
        assert early.end is None
        set_by_us = 200_000 * SECOND
        await trio.sleep(61)
    assert early.end is not None
    assert watcher.end.code == CloseCode.LOGIN_ENDED


async def test_a_session_that_ended_elsewhere_without_a_word_ends_when_all_is_looked_at(desk: Desk) -> None:
    (_, first), (_, second) = await desk.log_in(), await desk.log_in()
    mine, other = desk.watch(first), desk.watch(second)
    await until(lambda: len(desk.logins) == 2)
    assert first.login is not None
    await desk.state.end_session(first.login)
    await desk.logins.reload()
    await until(lambda: mine.end)
    assert other.end is None
