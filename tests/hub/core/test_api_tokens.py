"""Tokens for programs on the real state store: shown once, over in time, revoked at once."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hub.core.api_tokens import MAX_TOKENS, ApiTokens
from hub.core.audit import AuditLog
from hub.core.errors import Refusal
from hub.core.registry import hash_token
from hub.core.users import Users
from hub.state.sqlite import SQLiteStateStore

DAY_US = 86_400_000_000


class Stage:
    """Tokens, and a clock that a test moves."""

    def __init__(self, state: SQLiteStateStore) -> None:
        self.state = state
        self.now_us = 1_000 * DAY_US
        self.audit = AuditLog(state, self.now)
        self.users = Users(state, self.audit, self.now)
        self.tokens = self.another()

    def now(self) -> int:
        return self.now_us

    def another(self) -> ApiTokens:
        return ApiTokens(self.state, self.audit, self.now, self.users)


def content_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.glob("state.db*"))


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    state = SQLiteStateStore(tmp_path / "state.db")
    await state.start()
    yield Stage(state)
    await state.aclose()


async def test_a_token_is_known_by_its_hash_until_its_time_is_over(stage: Stage) -> None:
    secret, token = await stage.tokens.make("grafana", "viewer", 2, "ann")
    assert secret.startswith("trib_")
    again = stage.another()
    await again.load()
    assert again.of_hash(hash_token(secret)) == token == stage.tokens.of_hash(hash_token(secret))
    assert again.of_hash(hash_token(secret + "x")) is None
    stage.now_us += 2 * DAY_US - 1
    assert again.of_hash(hash_token(secret)) == token
    stage.now_us += 1
    assert again.of_hash(hash_token(secret)) is None
    assert [item["name"] for item in again.items()] == ["grafana"]


async def test_a_revoked_token_is_nobodys_and_what_hangs_on_it_hears_of_it(stage: Stage) -> None:
    ended: list[bytes] = []
    stage.tokens.on_ended(ended.append)
    secret, _ = await stage.tokens.make("grafana", "viewer", 2, "ann")
    await stage.tokens.make("other", "viewer", 2, "ann")
    await stage.tokens.revoke("grafana", "bob")
    assert stage.tokens.of_hash(hash_token(secret)) is None
    assert ended == [hash_token(secret)]
    with pytest.raises(Refusal, match="no token is called 'grafana'"):
        await stage.tokens.revoke("grafana", "bob")
    entries = [(entry.who, entry.action, entry.what) for entry in await stage.audit.page(None, 9)]
    assert entries[0] == ("bob", "revoke token", "token grafana")
    assert await stage.tokens.make("grafana", "viewer", 2, "ann")


async def test_the_secret_is_in_no_file_and_in_no_item(stage: Stage, tmp_path: Path) -> None:
    secret, token = await stage.tokens.make("grafana", "viewer", 2, "ann")
    kept = content_of(tmp_path)
    assert b"grafana" in kept
    assert secret.encode() not in kept
    assert secret.removeprefix("trib_").encode() not in kept
    assert set(token.item()) == {"name", "role", "by", "created_us", "expires_us"}


@pytest.mark.parametrize(
    ("name", "role", "days"),
    [("", "viewer", 1), ("a b", "viewer", 1), ("a", "root", 1), ("a", "viewer", 0), ("a", "viewer", -1), ("a", "viewer", 3_651)],
)
async def test_a_token_that_cannot_be_is_refused_with_the_rule(stage: Stage, name: str, role: str, days: float) -> None:
    with pytest.raises(Refusal) as refused:
        await stage.tokens.make(name, role, days, "ann")
    assert refused.value.status == 422
    assert refused.value.hint


async def test_a_name_is_given_once_also_by_two_at_a_time(stage: Stage) -> None:
    other = stage.another()
    await stage.tokens.make("grafana", "viewer", 1, "ann")
    for tokens in (stage.tokens, other):
        with pytest.raises(Refusal) as refused:
            await tokens.make("grafana", "viewer", 1, "ann")
        assert refused.value.code == "token_exists"


async def test_there_are_only_so_many_tokens(stage: Stage) -> None:
    _, token = await stage.tokens.make("grafana", "viewer", 1, "ann")
    stage.tokens._tokens |= {str(number): token for number in range(MAX_TOKENS - 1)}
    with pytest.raises(Refusal, match=r"1,000 tokens, which is the limit"):
        await stage.tokens.make("one-more", "viewer", 1, "ann")


async def test_a_disabled_user_is_not_left_with_a_token_that_was_made_with_theirs(stage: Stage) -> None:
    ended: list[bytes] = []
    stage.tokens.on_ended(ended.append)
    await stage.users.add("ann", "admin", "hash", "root")
    await stage.users.add("bob", "admin", "hash", "root")
    _, first = await stage.tokens.make("first", "admin", 2, "ann")
    _, second = await stage.tokens.make("second", "admin", 2, "token:first")
    secret, third = await stage.tokens.make("third", "admin", 2, "token:second")
    _, other = await stage.tokens.make("other", "admin", 2, "bob")
    await stage.tokens.revoke("second", "bob")
    again = stage.another()
    await again.load()
    assert again.of_hash(hash_token(secret)) == third
    ended.clear()
    await stage.users.set_disabled("ann", "bob", is_disabled=True)
    assert ended == [first.token_hash, third.token_hash]
    assert [tokens.of_hash(hash_token(secret)) for tokens in (stage.tokens, again)] == [None, None]
    assert stage.tokens.is_good(other)
    assert second.owner == "ann"


async def test_the_audit_log_says_what_a_token_may_and_for_which_devices(stage: Stage) -> None:
    for name, where in (("some", "floor=2"), ("all", "")):
        _, token = await stage.tokens.make(name, "viewer", 2, "ann", where)
        (entry,) = await stage.audit.page(None, 1)
        detail = {"role": "viewer", "expires_us": token.expires_us} | ({"where": where} if where else {})
        assert (entry.who, entry.what, entry.detail) == ("ann", f"token {name}", detail)


async def test_what_another_node_made_and_revoked_is_taken_in_and_only_what_is_gone_ends(stage: Stage) -> None:
    there, ended = stage.another(), list[bytes]()
    stage.tokens.on_ended(ended.append)
    (kept, _), (gone, _) = [await there.make(name, "viewer", 2, "ann") for name in ("kept", "gone")]
    await stage.tokens.reload()
    assert [stage.tokens.of_hash(hash_token(secret)) is not None for secret in (kept, gone)] == [True, True]
    await there.revoke("gone", "ann")
    await stage.tokens.reload()
    assert [stage.tokens.of_hash(hash_token(secret)) is not None for secret in (kept, gone)] == [True, False]
    assert ended == [hash_token(gone)]
