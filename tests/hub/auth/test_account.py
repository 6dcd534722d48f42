"""What a user does for themselves: their password and their sessions, on the real state store."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from trio.abc import Clock

from hub.auth import SESSION_S, Account, Auth, LockedOut, Principal
from hub.core.errors import Refusal
from hub.state.sqlite import SQLiteStateStore
from tests.support.cheap_passwords import cheap

OLD, NEW = "correct horse", "another horse"
SECOND = 1_000_000


class Stage:
    """Ann, who has a password, and a clock that a test moves."""

    def __init__(self, state: SQLiteStateStore, admin_token: Path) -> None:
        self.state = state
        self.now_us = 1_800_000_000 * SECOND
        self.auth = cheap(Auth(state, admin_token, lambda token: None, self.now))
        self.account = Account(self.auth, state, self.now)

    def now(self) -> int:
        return self.now_us

    async def who(self, session: str) -> Principal | None:
        return await self.auth.principal({"cookie": f"{self.auth.cookie}={session}"})

    async def log_in(self, name: str = "ann", password: str = OLD) -> tuple[str, Principal]:
        session = await self.auth.log_in(name, password, "10.0.0.9")
        principal = await self.who(session)
        assert principal is not None
        return session, principal


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    state = SQLiteStateStore(tmp_path / "state.db")
    await state.start()
    stage = Stage(state, tmp_path / "admin.token")
    await stage.auth.start()
    for name in ("ann", "bob"):
        await stage.auth.users.add(name, "viewer", await stage.auth.passwords.hash_of(OLD), "root")
    yield stage
    await state.aclose()


async def test_a_new_password_ends_every_session_but_gives_a_new_one(stage: Stage) -> None:
    ended: list[bytes] = []
    stage.auth.on_ended(ended.append)
    here, ann = await stage.log_in()
    elsewhere, _ = await stage.log_in()
    bobs, _ = await stage.log_in("bob")
    new = await stage.account.set_password(ann, OLD, NEW, "10.0.0.9")
    assert [await stage.who(session) for session in (here, elsewhere)] == [None, None]
    assert await stage.who(new) == Principal("ann", "viewer")
    assert await stage.who(bobs) is not None
    assert ended == [ann.account]
    await stage.log_in(password=NEW)
    done = [(entry.who, entry.action, entry.what) for entry in await stage.auth.audit.page(None, 2)]
    assert done[1] == ("ann", "set password", "user ann")


async def test_who_does_not_know_the_old_password_is_a_guesser(stage: Stage, slow_clock: Clock) -> None:
    session, ann = await stage.log_in()
    for _ in range(5):
        with pytest.raises(Refusal, match="name or password is wrong"):
            await stage.account.set_password(ann, "wrong horse", NEW, "10.0.0.9")
    with pytest.raises(LockedOut):
        await stage.account.set_password(ann, OLD, NEW, "10.0.0.9")
    assert await stage.who(session) is not None


@pytest.mark.parametrize("new", [OLD, "short", "x" * 2_000])
async def test_a_password_that_cannot_be_changes_nothing(stage: Stage, new: str) -> None:
    session, ann = await stage.log_in()
    with pytest.raises(Refusal) as caught:
        await stage.account.set_password(ann, OLD, new, "")
    assert caught.value.code == "bad_password"
    assert await stage.who(session) is not None


async def test_sessions_are_listed_and_ended_one_by_one(stage: Stage) -> None:
    _, ann = await stage.log_in()
    stage.now_us += SECOND
    other, _ = await stage.log_in()
    await stage.log_in("bob")
    found = await stage.account.sessions(ann)
    assert [(each["since_us"], each["is_this"]) for each in found] == [(stage.now_us, False), (stage.now_us - SECOND, True)]
    assert found[0]["until_us"] == stage.now_us + SESSION_S * SECOND
    ended: list[bytes] = []
    stage.auth.on_ended(ended.append)
    await stage.account.end_session(ann, found[0]["id"])
    assert await stage.who(other) is None
    assert len(ended) == 1
    assert [each["is_this"] for each in await stage.account.sessions(ann)] == [True]
    for id_ in (found[0]["id"], "", "0" * 16):
        with pytest.raises(Refusal, match="no session of yours"):
            await stage.account.end_session(ann, id_)


async def test_logging_out_everywhere_ends_this_session_too_and_nobody_elses(stage: Stage) -> None:
    sessions = [(await stage.log_in())[0] for _ in range(3)]
    _, ann = await stage.log_in()
    bobs, _ = await stage.log_in("bob")
    await stage.account.end_all(ann)
    assert [await stage.who(session) for session in sessions] == [None] * 3
    assert await stage.who(bobs) is not None
    with pytest.raises(Refusal, match="has an account"):
        await stage.account.sessions(ann)  # a request that was on its way
    assert await stage.account.sessions((await stage.log_in())[1]) != []


async def test_neither_a_link_nor_a_token_of_the_same_name_is_an_account(stage: Stage) -> None:
    link = await stage.auth.use_login(await stage.auth.new_login("ann", "admin"))
    assert link is not None
    principal = await stage.who(link)
    assert principal is not None
    for asked in (principal, Principal("ann", "admin")):
        with pytest.raises(Refusal, match="by a password") as caught:
            await stage.account.set_password(asked, OLD, NEW, "")
        assert caught.value.status == 403
    _, ann = await stage.log_in()
    assert [each["is_this"] for each in await stage.account.sessions(ann)] == [True]
