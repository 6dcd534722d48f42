"""Web sessions while the state store is away: remembered for a while, unless their end was told. The store is real, and closed."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from trio.testing import MockClock

from hub.auth import Auth, AuthTakingIn, Principal
from hub.auth.taking_in import SESSION
from hub.auth.web_sessions import REMEMBERED_S, SESSION_S, WebSessions
from hub.core.registry import hash_token
from hub.ports import StoreUnavailable
from hub.state.sqlite import SQLiteStateStore
from tests.support.cheap_passwords import cheap


class Store(SQLiteStateStore):
    """A store during whose answer something happens."""

    meanwhile: Callable[[], None] = staticmethod(lambda: None)

    async def session(self, token_hash: bytes, now_us: int) -> tuple[str, str, int] | None:
        found = await super().session(token_hash, now_us)
        self.meanwhile()
        return found


class Place:
    """The credentials of one node, its clock, and the store that may go away."""

    def __init__(self, directory: Path) -> None:
        self.now_us = 1_700_000_000_000_000
        self.state = Store(directory / "state.db")
        self.auth = cheap(Auth(self.state, directory / "admin.token", lambda token: None, lambda: self.now_us))

    async def log_in(self) -> str:
        session = await self.auth.use_login(await self.auth.new_login("ann", "operator"))
        assert session is not None
        return session

    async def who(self, session: str) -> Principal | None:
        return await self.auth.principal({"cookie": f"{self.auth.cookie}={session}"})


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    place = Place(tmp_path)
    await place.state.start()
    await place.auth.start()
    yield place
    await place.state.aclose()


async def test_who_was_seen_lately_is_remembered_while_the_store_is_away_and_for_reading_only(place: Place, mock_clock: MockClock) -> None:
    session, unseen = await place.log_in(), await place.log_in()
    assert (seen := await place.who(session)) is not None
    assert not seen.is_remembered
    await place.state.aclose()
    mock_clock.jump(REMEMBERED_S - 1)
    remembered = await place.who(session)
    assert remembered == seen
    assert remembered is not None
    assert remembered.is_remembered
    for other in (unseen, "a guess"):
        with pytest.raises(StoreUnavailable):
            await place.who(other)
    with pytest.raises(StoreUnavailable):
        await place.auth.is_live(remembered)  # which is about what the store has
    mock_clock.jump(2)
    with pytest.raises(StoreUnavailable):
        await place.who(session)
    await place.state.start()
    assert (again := await place.who(session)) is not None
    assert not again.is_remembered


async def test_a_session_that_is_over_is_not_remembered(place: Place) -> None:
    session = await place.log_in()
    assert await place.who(session) is not None
    await place.state.aclose()
    place.now_us += SESSION_S * 1_000_000
    assert await place.who(session) is None


async def test_a_session_whose_end_was_told_is_not_remembered(place: Place) -> None:
    session, elsewhere = await place.log_in(), await place.log_in()
    assert await place.who(session) is not None
    assert await place.who(elsewhere) is not None
    await place.auth.logout(session)
    await AuthTakingIn(place.auth).refresh(SESSION, [hash_token(elsewhere).hex()])
    await place.state.aclose()
    for ended in (session, elsewhere):
        with pytest.raises(StoreUnavailable):
            await place.who(ended)


async def test_what_ended_without_a_word_is_found_out_when_the_store_is_back(place: Place) -> None:
    ended, kept = await place.log_in(), await place.log_in()
    for session in (ended, kept):
        assert await place.who(session) is not None
    await place.state.end_session(hash_token(ended))  # as another node does
    await AuthTakingIn(place.auth).reload()
    await place.state.aclose()
    assert await place.who(kept) is not None
    with pytest.raises(StoreUnavailable):
        await place.who(ended)


async def test_an_answer_that_an_end_overtakes_is_not_remembered(place: Place) -> None:
    session = await place.log_in()
    place.state.meanwhile = lambda: place.auth.ended(hash_token(session))
    assert await place.who(session) is not None  # it was good when the store was asked
    await place.state.aclose()
    with pytest.raises(StoreUnavailable):
        await place.who(session)


async def test_of_more_sessions_than_are_remembered_those_confirmed_last_are(place: Place) -> None:
    sessions = WebSessions(place.state, lambda: place.now_us, max_remembered=2)
    first, second, third = [hash_token(await sessions.begin(name, "viewer")) for name in ("ann", "bob", "eve")]
    for login in (first, second, first, third):
        assert await sessions.confirmed(login) is not None
    await place.state.aclose()
    assert [(await sessions.known(login) or ("",))[0] for login in (first, third)] == ["ann", "eve"]
    with pytest.raises(StoreUnavailable):
        await sessions.known(second)
