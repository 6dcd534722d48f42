"""What another node does to users, tokens and sessions, taken in by this one: here two sets of credentials on one store."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hub.auth import Auth, AuthTakingIn
from hub.auth.taking_in import SESSION
from hub.core.api_tokens import KIND as TOKEN
from hub.core.registry import hash_token
from hub.core.users import KIND as USER
from hub.state.sqlite import SQLiteStateStore
from tests.support.cheap_passwords import cheap

NOW_US = 1_000_000_000


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[tuple[Auth, Auth]]:
    """The credentials of two nodes on one store."""
    state = SQLiteStateStore(tmp_path / "state.db")
    await state.start()
    nodes = [Auth(state, tmp_path / f"{name}.token", lambda token: None, lambda: NOW_US) for name in ("one", "two")]
    for node in nodes:
        cheap(node)
        await node.start()
    yield nodes[0], nodes[1]
    await state.aclose()


def ended_of(auth: Auth) -> list[bytes]:
    """Return the list that what ends here goes to."""
    ended = list[bytes]()
    auth.on_ended(ended.append)
    return ended


async def test_a_user_who_is_disabled_elsewhere_is_so_here_and_what_they_have_open_ends(two: tuple[Auth, Auth]) -> None:
    here, elsewhere = two
    ann = await elsewhere.users.add("ann", "viewer", "hash", "me")
    await AuthTakingIn(here).refresh(USER, ["ann"])
    ended = ended_of(here)
    await elsewhere.users.set_disabled("ann", "me", is_disabled=True)
    await AuthTakingIn(here).refresh(USER, ["ann"])
    assert here.users.is_disabled("ann")
    assert ended == [ann.account, b"ann"]
    await AuthTakingIn(here).refresh(USER, ["ann"])  # told twice, it ends nothing twice
    assert len(ended) == 2


async def test_a_token_that_is_revoked_elsewhere_is_good_no_longer_here(two: tuple[Auth, Auth]) -> None:
    here, elsewhere = two
    secret, token = await elsewhere.tokens.make("script", "viewer", 1, "me")
    assert here.tokens.of_hash(hash_token(secret)) is None
    await AuthTakingIn(here).refresh(TOKEN, ["script"])
    assert here.tokens.of_hash(hash_token(secret)) == token
    ended = ended_of(here)
    await elsewhere.tokens.revoke("script", "me")
    await AuthTakingIn(here).reload()
    assert here.tokens.of_hash(hash_token(secret)) is None
    assert ended == [token.token_hash]


async def test_a_session_that_is_ended_elsewhere_ends_what_is_open_here(two: tuple[Auth, Auth]) -> None:
    here, _ = two
    ended = ended_of(here)
    await AuthTakingIn(here).refresh(SESSION, [b"hash".hex()])
    assert ended == [b"hash"]


async def test_cookies_of_nodes_that_share_a_secret_have_one_name(two: tuple[Auth, Auth]) -> None:
    here, elsewhere = two
    assert here.cookie != elsewhere.cookie
    for node in two:
        node.share_cookies("what they share")
    assert (here.cookie, here.guest_cookie) == (elsewhere.cookie, elsewhere.guest_cookie)
