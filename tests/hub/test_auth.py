"""Credentials on the real state store: the administrator's file, login links, sessions, and what is kept of them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hub.auth import LINK_S, SESSION_S, Auth, Principal, session_of
from hub.state.sqlite import SQLiteStateStore

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
    auth = Auth(state, tmp_path / "admin.token", {"device-token": "pump"}.get, clock)
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
