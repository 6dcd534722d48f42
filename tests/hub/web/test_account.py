"""One's own password and sessions over HTTP, by the cookie of a browser."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from trio.abc import Clock

from tests.support.api_hub import URL, ApiHub, api_hub, is_refusal

OLD, NEW = "correct horse", "another horse"


@asynccontextmanager
async def log_in(hub: ApiHub, password: str = OLD) -> AsyncIterator[httpx.AsyncClient]:
    """Be ann in a browser; she is made where she is not known."""
    if hub.auth.users.get("ann") is None:
        await hub.auth.users.add("ann", "viewer", await hub.auth.passwords.hash_of(password), "root")
    async with hub.client(Origin=URL) as browser:
        assert (await browser.post("/login", data={"name": "ann", "password": password})).status_code == 303
        yield browser


async def test_a_user_says_who_they_are_and_changes_their_password(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, log_in(hub) as here, log_in(hub) as elsewhere:
        said = (await here.get("/api/v1/account")).json()
        assert (said["name"], said["role"], said["has_password"]) == ("ann", "viewer", True)
        is_refusal(await here.put("/api/v1/account/password", json={"old": "wrong horse", "new": NEW}), 401, "wrong_login")
        is_refusal(await here.put("/api/v1/account/password", json={"old": OLD, "new": "short"}), 422, "bad_password")
        is_refusal(await here.put("/api/v1/account/password", json={"new": NEW}), 422, "bad_request")
        before = dict(here.cookies)
        changed = await here.put("/api/v1/account/password", json={"old": OLD, "new": NEW})
        assert changed.status_code == 204
        assert "httponly" in changed.headers["set-cookie"].lower()
        assert dict(here.cookies) != before
        assert (await here.get("/api/v1/account")).status_code == 200
        is_refusal(await elsewhere.get("/api/v1/account"), 401, "not_logged_in")


async def test_sessions_are_listed_ended_and_all_ended(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, log_in(hub) as here, log_in(hub) as elsewhere:
        found = (await here.get("/api/v1/account/sessions")).json()["sessions"]
        [other] = [each["id"] for each in found if not each["is_this"]]
        assert (await here.delete(f"/api/v1/account/sessions/{other}")).status_code == 204
        is_refusal(await elsewhere.get("/api/v1/account"), 401, "not_logged_in")
        is_refusal(await here.delete(f"/api/v1/account/sessions/{other}"), 404, "no_session")
        ended = await here.delete("/api/v1/account/sessions")
        assert ended.status_code == 204
        assert "max-age=0" in ended.headers["set-cookie"].lower()
        is_refusal(await here.get("/api/v1/account"), 401, "not_logged_in")


async def test_another_site_changes_no_password_and_ends_no_session(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, log_in(hub) as browser:
        foreign = {"Origin": "http://evil.example"}
        is_refusal(await browser.put("/api/v1/account/password", json={"old": OLD, "new": NEW}, headers=foreign), 403, "foreign_origin")
        is_refusal(await browser.delete("/api/v1/account/sessions", headers=foreign), 403, "foreign_origin")


async def test_a_token_has_no_account_but_may_ask_who_it_is(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        assert (await admin.get("/api/v1/account")).json() == {"name": "admin", "role": "admin", "until_us": None, "has_password": False}
        is_refusal(await admin.get("/api/v1/account/sessions"), 403, "no_account")
        is_refusal(await admin.put("/api/v1/account/password", json={"old": OLD, "new": NEW}), 403, "no_account")


async def test_who_is_locked_out_is_listed_and_let_try_again(tmp_path: Path, slow_clock: Clock) -> None:
    async with api_hub(tmp_path) as hub, log_in(hub) as browser, hub.admin() as admin, hub.client(Origin=URL) as guesser:
        for name in ("correct horse battery", "ann"):  # a password typed in the place of the name; ann waits for a second from the last on
            for _ in range(6):
                await guesser.post("/login", data={"name": name, "password": "wrong"})
        found = (await admin.get("/api/v1/locked")).json()["locked"]
        assert [(each["what"], each["key"], each["tries"]) for each in found] == [("user", "ann", 5), ("address", "10.0.0.9", 10)]
        assert all(each["left_s"] > 0 for each in found)
        assert (await guesser.post("/login", data={"name": "ann", "password": OLD})).status_code == 429
        for key in ("ann", "10.0.0.9"):
            assert (await admin.post("/api/v1/locked/lift", json={"key": key})).status_code == 204
        is_refusal(await admin.post("/api/v1/locked/lift", json={"key": "ann"}), 404, "not_locked")
        assert (await guesser.post("/login", data={"name": "ann", "password": OLD})).status_code == 303
        is_refusal(await browser.get("/api/v1/locked"), 403, "not_allowed")
        newest = (await admin.get("/api/v1/audit", params={"action": "unlock"})).json()["entries"]
        assert [each["what"] for each in newest] == ["login of 10.0.0.9", "login of ann"]


async def test_an_administrator_logs_a_user_out_everywhere(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, log_in(hub) as browser, hub.admin() as admin:
        assert (await admin.delete("/api/v1/users/ann/sessions")).status_code == 204
        is_refusal(await browser.get("/api/v1/account"), 401, "not_logged_in")
        is_refusal(await admin.delete("/api/v1/users/bob/sessions"), 404, "no_user")
        async with log_in(hub) as again:
            assert (await again.get("/api/v1/account")).status_code == 200
