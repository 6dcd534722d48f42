"""Credentials on the real state store: the administrator's file, login links, sessions, and what is kept of them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio
import trio.abc

from hub.auth import LINK_S, SESSION_S, Auth, LockedOut, Principal, session_of
from hub.core.errors import Refusal
from hub.state.sqlite import SQLiteStateStore
from tests.support.cheap_passwords import cheap

SECOND = 1_000_000


class Clock:
    """A wall clock that a test moves."""

    now_us = 1_700_000_000 * SECOND

    def __call__(self) -> int:
        return self.now_us


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def auth(tmp_path: Path, clock: Clock) -> AsyncIterator[Auth]:
    state = SQLiteStateStore(tmp_path / "state.db")
    await state.start()
    auth = cheap(Auth(state, tmp_path / "admin.token", {"device-token": "pump"}.get, clock))
    await auth.start()
    yield auth
    await state.aclose()


def cookie(auth: Auth, session: str | None) -> dict[str, str]:
    return {"cookie": f"{auth.cookie}={session}"}


def content_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.glob("state.db*"))


async def test_the_administrators_token_is_made_once_and_only_its_owner_may_read_it(auth: Auth, tmp_path: Path) -> None:
    path = tmp_path / "admin.token"
    token = path.read_text().strip()
    assert len(token) == 43  # 256 bits in base64url
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    await auth.start()
    assert path.read_text().strip() == token
    assert path.stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "admin.token.new").exists()


async def test_an_empty_token_file_is_no_password(auth: Auth, tmp_path: Path) -> None:
    (tmp_path / "admin.token").write_text("\n")
    await auth.start()
    assert len((tmp_path / "admin.token").read_text().strip()) == 43
    assert await auth.principal({"authorization": "Bearer "}) is None


async def test_nobody_is_let_in_before_the_start(tmp_path: Path, clock: Clock) -> None:
    auth = Auth(SQLiteStateStore(tmp_path / "none.db"), tmp_path / "admin.token", lambda token: None, clock)
    assert await auth.principal({"authorization": "Bearer "}) is None
    assert await auth.principal({"authorization": "Bearer x"}) is None


async def test_the_bearer_of_the_token_is_the_administrator(auth: Auth, tmp_path: Path) -> None:
    token = (tmp_path / "admin.token").read_text().strip()
    assert await auth.principal({"authorization": f"Bearer {token}"}) == Principal("admin", "admin")
    assert await auth.principal({"authorization": f"bearer  {token}"}) == Principal("admin", "admin")


@pytest.mark.parametrize(
    "said", ["", " ", "Bearer wrong", "Bearer device-token", "Basic YTpi", "Bearer", "\ud800 \udfff", "Bearer é\ud800"]
)
async def test_any_other_authorization_is_nobody_whatever_the_cookie_says(auth: Auth, said: str) -> None:
    session = await auth.use_login(await auth.new_login("ann", "viewer"))
    assert await auth.principal(cookie(auth, session)) == Principal("ann", "viewer")
    assert await auth.principal({"authorization": said, **cookie(auth, session)}) is None


async def test_a_link_logs_in_once_as_who_it_was_made_for(auth: Auth) -> None:
    link = await auth.new_login("ann", "operator")
    session = await auth.use_login(link)
    assert await auth.use_login(link) is None
    assert await auth.principal(cookie(auth, session)) == Principal("ann", "operator")
    assert await auth.principal(cookie(auth, link)) is None
    assert session is not None
    assert await auth.use_login(session) is None


async def test_a_link_is_over_after_ten_minutes(auth: Auth, clock: Clock) -> None:
    early, late = await auth.new_login("ann", "viewer"), await auth.new_login("ann", "viewer")
    clock.now_us += LINK_S * SECOND - 1
    assert await auth.use_login(early) is not None
    clock.now_us += 1
    assert await auth.use_login(late) is None


async def test_a_session_lasts_thirty_days(auth: Auth, clock: Clock) -> None:
    session = await auth.use_login(await auth.new_login("ann", "viewer"))
    clock.now_us += SESSION_S * SECOND - 1
    assert await auth.principal(cookie(auth, session)) is not None
    clock.now_us += 1
    assert await auth.principal(cookie(auth, session)) is None


async def test_logging_out_ends_one_session_and_no_other(auth: Auth) -> None:
    one, other = [await auth.use_login(await auth.new_login("ann", "viewer")) for _ in range(2)]
    assert one is not None
    await auth.logout(one)
    assert await auth.principal(cookie(auth, one)) is None
    assert await auth.principal(cookie(auth, other)) is not None


async def test_a_link_for_a_role_that_does_not_exist_is_not_made(auth: Auth) -> None:
    with pytest.raises(ValueError, match="viewer, operator, admin"):
        await auth.new_login("ann", "root")


async def test_no_secret_is_on_disk_but_in_the_administrators_file(auth: Auth, tmp_path: Path) -> None:
    link = await auth.new_login("ann", "viewer")
    waiting = await auth.new_login("bob", "viewer")
    session = await auth.use_login(link)
    assert session is not None
    secrets = [each.encode() for each in (link, waiting, session, (tmp_path / "admin.token").read_text().strip())]
    kept = content_of(tmp_path)
    assert len(kept) > 1_000
    assert not any(secret in kept for secret in secrets)


async def test_devices_are_known_by_the_registry(auth: Auth) -> None:
    assert auth.device_of("device-token") == "pump"
    assert auth.device_of("other") is None


PASSWORD = "correct horse"


async def add(auth: Auth, name: str = "ann", role: str = "viewer", password: str = PASSWORD) -> None:
    await auth.users.add(name, role, await auth.passwords.hash_of(password), "root")


async def test_a_user_logs_in_by_a_password_with_the_role_they_have(auth: Auth, clock: Clock) -> None:
    await add(auth, role="operator")
    session = await auth.log_in("ann", PASSWORD, "10.0.0.9")
    assert await auth.principal(cookie(auth, session)) == Principal("ann", "operator")
    clock.now_us += SESSION_S * SECOND
    assert await auth.principal(cookie(auth, session)) is None


@pytest.mark.parametrize("change", ["role", "password", "remove", "remove and add"])
async def test_any_change_of_a_user_ends_their_logins_and_nobody_elses(auth: Auth, change: str) -> None:
    ended: list[bytes] = []
    auth.on_ended(ended.append)
    await add(auth)
    await add(auth, "bob")
    ann, bob = await auth.log_in("ann", PASSWORD, ""), await auth.log_in("bob", PASSWORD, "")
    principal = await auth.principal(cookie(auth, ann))
    assert principal is not None
    match change:
        case "role":
            await auth.users.set_role("ann", "admin", "root")
        case "password":
            await auth.users.set_password("ann", await auth.passwords.hash_of("other horse"), "root")
        case _:
            await auth.users.remove("ann", "root")
    if change == "remove and add":
        await add(auth)
    assert ended == [principal.account]
    assert await auth.principal(cookie(auth, ann)) is None
    assert not await auth.is_live(principal)
    assert await auth.principal(cookie(auth, bob)) is not None


async def test_users_tokens_and_logins_outlive_a_restart(auth: Auth, tmp_path: Path, clock: Clock) -> None:
    await add(auth)
    session = await auth.log_in("ann", PASSWORD, "")
    token, _ = await auth.tokens.make("grafana", "operator", 1, "root")
    again = cheap(Auth(auth._state, tmp_path / "admin.token", lambda token: None, clock))
    await again.start()
    assert await again.principal(cookie(again, session)) == Principal("ann", "viewer")
    assert await again.principal({"authorization": f"Bearer {token}"}) == Principal("token:grafana", "operator")


async def test_a_token_is_good_until_it_is_over_or_revoked(auth: Auth, clock: Clock) -> None:
    ended: list[bytes] = []
    auth.on_ended(ended.append)
    (one, _), (other, _) = await auth.tokens.make("one", "viewer", 1, "root"), await auth.tokens.make("other", "viewer", 2, "root")
    principals = [await auth.principal({"authorization": f"Bearer {token}"}) for token in (one, other)]
    assert None not in principals
    clock.now_us += 86_400 * SECOND
    assert await auth.principal({"authorization": f"Bearer {one}"}) is None
    assert [await auth.is_live(each) for each in principals if each] == [False, True]
    await auth.tokens.revoke("other", "root")
    assert await auth.principal({"authorization": f"Bearer {other}"}) is None
    assert principals[1] is not None
    assert ended == [principals[1].login]


async def wrong(auth: Auth, name: str, address: str = "10.0.0.9", password: str = "wrong horse") -> str:
    with pytest.raises(Refusal) as refused:
        await auth.log_in(name, password, address)
    return refused.value.code


async def test_guessing_at_a_name_locks_it_from_everywhere_also_where_nobody_has_it(auth: Auth, slow_clock: trio.abc.Clock) -> None:
    await add(auth)
    for name in ("nobody", "ann"):
        assert [await wrong(auth, name, f"10.0.{len(name)}.{number}") for number in range(6)] == ["wrong_login"] * 5 + ["too_many_tries"]
    with pytest.raises(LockedOut):  # within the second that ann has to wait
        await auth.log_in("ann", PASSWORD, "10.9.9.9")


async def test_guessing_from_an_address_locks_it_for_every_name_and_no_other_address(auth: Auth, slow_clock: trio.abc.Clock) -> None:
    await add(auth)
    codes = [await wrong(auth, f"user{number}") for number in range(11)]
    assert codes == ["wrong_login"] * 10 + ["too_many_tries"]
    assert await wrong(auth, "ann", password=PASSWORD) == "too_many_tries"
    assert await auth.log_in("ann", PASSWORD, "10.0.0.10")


async def test_a_hundred_guesses_at_once_are_no_way_round(auth: Auth, slow_clock: trio.abc.Clock) -> None:
    await add(auth)
    codes: list[str] = []

    async def guess(number: int) -> None:
        codes.append(await wrong(auth, "ann", f"10.0.{number}.1", f"guess number {number}"))

    async with trio.open_nursery() as nursery:
        for number in range(100):
            nursery.start_soon(guess, number)
    assert (codes.count("wrong_login"), codes.count("too_many_tries")) == (5, 95)


async def test_logging_in_between_guesses_does_not_set_the_address_free(auth: Auth, slow_clock: trio.abc.Clock) -> None:
    await add(auth)
    for number in range(9):
        await wrong(auth, f"user{number}")
        await auth.log_in("ann", PASSWORD, "10.0.0.9")
    await wrong(auth, "user9")
    assert await wrong(auth, "ann", password=PASSWORD) == "too_many_tries"


async def test_the_log_says_who_logged_in_and_who_could_not_and_never_a_secret(auth: Auth, tmp_path: Path) -> None:
    await add(auth)
    await auth.use_login(link := await auth.new_login("bob", "operator", "root"), "10.0.0.1")
    session = await auth.log_in("ann", PASSWORD, "10.0.0.2")
    token, _ = await auth.tokens.make("grafana", "viewer", 1, "ann")
    await wrong(auth, "ann", "10.0.0.3")
    await wrong(auth, "my secret typed in the wrong field", "10.0.0.4")
    entries = await auth.audit.page(None, 100)
    assert [(entry.who, entry.action, entry.what) for entry in reversed(entries)] == [
        ("root", "add user", "user ann"),
        ("root", "make login link", "login bob"),
        ("bob", "log in", "login bob"),
        ("ann", "log in", "user ann"),
        ("ann", "make token", "token grafana"),
        ("nobody", "fail to log in", "user ann"),
        ("nobody", "fail to log in", "user (unknown)"),
    ]
    said = repr(entries)
    assert "10.0.0.2" in said
    assert not [secret for secret in (link, session, token, PASSWORD, "wrong horse", "typed in", "argon2") if secret in said]
    kept = content_of(tmp_path)
    assert not [secret for secret in (link, session, token, PASSWORD) if secret.encode() in kept]


async def test_a_guesser_does_not_fill_the_log(auth: Auth) -> None:
    for _ in range(300):
        await wrong(auth, "ann")
    assert len(await auth.audit.page(None, 1_000)) <= 60


@pytest.mark.parametrize(
    "header",
    [
        "tributary_session=abc",
        "a=b; tributary_session=abc; c=d",
        'prefs={"theme": "dark, blue"}; tributary_session=abc',  # other programs on this host: cookies know no ports
        "no sense at all;;; =; tributary_session=abc",
        "tributary_session=; tributary_session=abc",
    ],
)
def test_the_session_is_found_among_cookies_of_any_shape(header: str) -> None:
    assert session_of({"cookie": header}, "tributary_session") == "abc"


@pytest.mark.parametrize("header", ["", "tributary_session", "x_tributary_session=abc", "TRIBUTARY_SESSION=abc", "a=tributary_session=abc"])
def test_a_cookie_of_another_name_is_no_session(header: str) -> None:
    assert session_of({"cookie": header}, "tributary_session") is None
    assert session_of({}, "tributary_session") is None


async def test_a_disabled_user_comes_in_by_nothing_and_by_everything_but_old_sessions_once_enabled(auth: Auth) -> None:
    await auth.users.add("ann", "viewer", await auth.passwords.hash_of("correct horse"), "root")
    session, old = await auth.log_in("ann", "correct horse", "10.0.0.9"), await auth.use_login(await auth.new_login("ann", "viewer"))
    secret, _ = await auth.tokens.make("hers", "viewer", 1, "ann")
    link = await auth.new_login("ann", "viewer")
    ways = [{"cookie": f"{auth.cookie}={each}"} for each in (session, old)] + [{"authorization": f"Bearer {secret}"}]
    assert [(await auth.principal(way)) is not None for way in ways] == [True, True, True]
    await auth.users.set_disabled("ann", "root", is_disabled=True)
    assert [await auth.principal(way) for way in ways] == [None, None, None]
    assert await auth.use_login(link) is None
    with pytest.raises(Refusal) as refused:
        await auth.log_in("ann", "correct horse", "10.0.0.9")
    assert (refused.value.code, refused.value.status) == ("disabled_user", 401)
    with pytest.raises(Refusal) as wrong:  # who does not know the password is not told
        await auth.log_in("ann", "wrong horse!", "10.0.0.9")
    assert wrong.value.code == "wrong_login"
    await auth.users.set_disabled("ann", "root", is_disabled=False)
    assert [(await auth.principal(way)) is not None for way in ways] == [False, True, True]
    assert await auth.log_in("ann", "correct horse", "10.0.0.9")
