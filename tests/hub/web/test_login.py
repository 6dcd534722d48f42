"""The way in and out by a browser: links, the form with a password, and the session cookie."""

import json
from dataclasses import replace
from http.cookies import Morsel, SimpleCookie
from pathlib import Path

import httpx
import pytest
from structlog.testing import capture_logs
from trio.abc import Clock

import dashboard
from hub.web.api import make_app
from tests.support.api_hub import URL, ApiHub, api_hub, is_refusal

PASSWORD = "correct horse"
LOGIN_PAGE = {"login.html": (dashboard.STATIC / "login.html").read_bytes()}


async def link_of(hub: ApiHub) -> str:
    async with hub.admin() as admin:
        url: str = (await admin.post("/api/v1/logins")).json()["url"]
        assert url.startswith(f"{URL}/login?token=")
        return url


def cookie_of(answer: httpx.Response) -> "Morsel[str]":
    (cookie,) = SimpleCookie(answer.headers["set-cookie"]).values()
    assert cookie.key.startswith("tributary_session_")
    return cookie


async def test_a_link_logs_a_browser_in_once(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.client() as browser:
        link = await link_of(hub)
        answer = await browser.get(link)
        assert answer.status_code == 200
        cookie = cookie_of(answer)
        assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["max-age"]) == (True, "strict", "/", "2592000")
        assert not cookie["secure"]
        assert not cookie["domain"]
        assert (await browser.get("/")).text == "the page"
        async with hub.client() as late:
            again = await late.get(link)
            assert (again.status_code, again.text) == (401, "say: tributary login")
            assert "set-cookie" not in again.headers


async def test_cookie_is_for_the_base_path_and_tls_where_the_public_address_says_so(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub:
        hub.app = make_app(replace(hub.api, base_url=lambda: "https://example.com/hub"))
        async with hub.admin() as admin:
            url: str = (await admin.post("/api/v1/logins")).json()["url"]
        assert url.startswith("https://example.com/hub/login?token=")
        async with hub.client() as browser:
            answer = await browser.get(url.removeprefix("https://example.com/hub"))
            cookie = cookie_of(answer)
            assert (cookie["path"], cookie["secure"]) == ("/hub/", True)
            headers = {"Cookie": f"{cookie.key}={cookie.value}", "Origin": URL}
            out = await browser.post("/logout", headers=headers)
            assert (out.status_code, cookie_of(out)["path"]) == (204, "/hub/")


async def test_the_browser_goes_on_to_the_page_without_a_redirect_that_would_lose_the_cookie(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.client() as browser:
        answer = await browser.get(await link_of(hub))
        assert '<meta http-equiv="refresh" content="0; url=./">' in answer.text
        assert "script" not in answer.text
        assert "style" not in answer.text


async def test_a_used_link_leads_who_is_logged_in_to_the_page(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.client() as browser:
        link = await link_of(hub)
        await browser.get(link)
        again = await browser.get(link)
        assert (again.status_code, "url=./" in again.text) == (200, True)


async def test_two_hubs_on_one_host_do_not_log_each_other_out(tmp_path: Path) -> None:
    async with api_hub(tmp_path / "one") as one, api_hub(tmp_path / "other") as other:
        assert one.auth.cookie != other.auth.cookie


async def test_looking_at_a_link_does_not_use_it_up(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.client() as browser:
        link = await link_of(hub)
        looked = await browser.head(link)
        assert looked.status_code == 200
        assert "set-cookie" not in looked.headers
        assert (await browser.get(link)).status_code == 200


async def test_under_tls_the_cookie_is_for_tls_only(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.client(base_url="https://hub.example") as browser:
        token = await hub.auth.new_login("ann", "viewer")
        assert cookie_of(await browser.get(f"/login?token={token}"))["secure"]


async def test_a_header_that_the_door_did_not_judge_says_nothing_of_tls(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.client(X_Forwarded_Proto="https") as browser:
        assert not cookie_of(await browser.get(await link_of(hub)))["secure"]


async def test_logging_in_again_ends_the_session_before_and_a_wrong_link_ends_none(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.client() as browser:
        first = cookie_of(await browser.get(await link_of(hub))).value
        cookie = {"cookie": f"{hub.auth.cookie}={first}"}
        assert "set-cookie" not in (await browser.get("/login?token=wrong")).headers
        assert await hub.auth.principal(cookie) is not None
        second = cookie_of(await browser.get(await link_of(hub))).value
        assert await hub.auth.principal(cookie) is None
        assert await hub.auth.principal({"cookie": f"{hub.auth.cookie}={second}"}) is not None


@pytest.mark.parametrize("path", ["/login", "/login?token=", "/login?token=nonsense", "/login?token=%ff%00"])
async def test_a_wrong_link_says_how_to_get_a_right_one(tmp_path: Path, path: str) -> None:
    async with api_hub(tmp_path) as hub, hub.client() as browser:
        answer = await browser.get(path)
        assert (answer.status_code, answer.text) == (401, "say: tributary login")


@pytest.mark.parametrize("role", ["viewer", "operator", "admin"])
async def test_a_link_can_be_made_for_each_role(tmp_path: Path, role: str) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin, hub.client() as browser:
        url = (await admin.post("/api/v1/logins", json={"name": "bob", "role": role})).json()["url"]
        session = cookie_of(await browser.get(url)).value
        principal = await hub.auth.principal({"cookie": f"{hub.auth.cookie}={session}"})
        assert principal is not None
        assert (principal.name, principal.role) == ("bob", role)


@pytest.mark.parametrize("body", [{"role": "root"}, {"name": ""}, {"name": "x" * 65}, {"name": "a\nb"}, {"name": "\ud800"}, {"user": "x"}])
async def test_a_link_for_somebody_impossible_is_refused(tmp_path: Path, body: dict[str, str]) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        content, headers = json.dumps(body).encode(), {"Content-Type": "application/json"}
        is_refusal(await admin.post("/api/v1/logins", content=content, headers=headers), 422, "bad_request")


async def test_logging_out_ends_the_session_and_takes_the_cookie_away(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, await hub.browser("viewer") as browser:
        answer = await browser.post("/logout")
        assert answer.status_code == 204
        assert cookie_of(answer)["max-age"] == "0"
        assert (await browser.get("/")).status_code == 401
        assert (await browser.post("/logout")).status_code == 204


async def user_of(hub: ApiHub, name: str = "ann", role: str = "operator", password: str = PASSWORD) -> None:
    async with hub.admin() as admin:
        assert (await admin.post("/api/v1/users", json={"name": name, "role": role, "password": password})).status_code == 201


async def typed(browser: httpx.AsyncClient, name: str, password: str) -> httpx.Response:
    return await browser.post("/login", data={"name": name, "password": password})


@pytest.mark.parametrize("name", ["ann", " Ann "])
async def test_the_form_lets_a_user_in_and_leads_to_the_page(tmp_path: Path, name: str) -> None:
    async with api_hub(tmp_path) as hub, hub.client(Origin=URL) as browser:
        await user_of(hub)
        answer = await typed(browser, name, PASSWORD)
        assert (answer.status_code, answer.headers["location"]) == (303, "./")
        cookie = cookie_of(answer)
        assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["max-age"]) == (True, "strict", "/", "2592000")
        assert (await browser.get("/")).text == "the page"
        is_refusal(await browser.post("/api/v1/devices", json={"name": "new"}), 403, "not_allowed")


@pytest.mark.parametrize(("name", "password"), [("ann", "wrong horse"), ("nobody", PASSWORD), ("", ""), ("<b>", PASSWORD), ("ann", "")])
async def test_a_wrong_name_and_a_wrong_password_are_told_in_the_same_words(tmp_path: Path, name: str, password: str) -> None:
    async with api_hub(tmp_path, LOGIN_PAGE) as hub, hub.client(Origin=URL) as browser:
        await user_of(hub)
        answer = await typed(browser, name, password)
        assert answer.status_code == 401
        assert "Name or password is wrong; check both; an administrator can set a new password." in answer.text
        assert "<b>" not in answer.text
        assert "set-cookie" not in answer.headers


async def test_too_many_tries_are_told_with_the_wait_and_not_looked_at_for_anybody(tmp_path: Path, slow_clock: Clock) -> None:
    async with api_hub(tmp_path, LOGIN_PAGE) as hub, hub.client(Origin=URL) as browser:
        await user_of(hub)
        for name in ("ann", "nobody"):
            answers = [(await typed(browser, name, "wrong")) for _ in range(6)]
            assert [each.status_code for each in answers] == [401] * 5 + [429]
            assert "There were too many wrong tries; try again in" in answers[5].text
        assert (await typed(browser, "ann", PASSWORD)).status_code == 429


async def test_logging_in_by_the_form_ends_the_session_before(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.client(Origin=URL) as browser:
        await user_of(hub)
        first = {"cookie": f"{hub.auth.cookie}={cookie_of(await typed(browser, 'ann', PASSWORD)).value}"}
        assert await hub.auth.principal(first) is not None
        await typed(browser, "ann", PASSWORD)
        assert await hub.auth.principal(first) is None


@pytest.mark.parametrize("origin", ["http://evil.example", "null", ""])
async def test_another_sites_form_logs_nobody_in(tmp_path: Path, origin: str) -> None:
    async with api_hub(tmp_path) as hub, hub.client(Origin=origin) as browser:
        await user_of(hub)
        is_refusal(await typed(browser, "ann", PASSWORD), 403, "foreign_origin")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b'{"name": "ann"}', "application/json"),
        (b"name=" + b"a" * 9_000, "application/x-www-form-urlencoded"),
        (b"a=1&" * 100, "application/x-www-form-urlencoded"),
        (b"name=\xff", "application/x-www-form-urlencoded"),
        (b"name=ann", ""),
    ],
)
async def test_what_is_no_form_of_the_page_is_refused(tmp_path: Path, content: bytes, kind: str) -> None:
    async with api_hub(tmp_path) as hub, hub.client(Origin=URL) as browser:
        is_refusal(await browser.post("/login", content=content, headers={"Content-Type": kind}), 422, "bad_request")


async def test_the_login_page_without_a_link_says_nothing_wrong(tmp_path: Path) -> None:
    async with api_hub(tmp_path, LOGIN_PAGE) as hub, hub.client() as browser:
        assert 'role="alert"' not in (await browser.get("/login")).text
        assert "This link has been used already, or is too old." in (await browser.get("/login?token=x")).text


async def test_guessing_links_is_slowed_down_and_a_right_one_still_works(tmp_path: Path, slow_clock: Clock) -> None:
    async with api_hub(tmp_path) as hub, hub.client() as browser:
        link = await link_of(hub)
        seen = [(await browser.get(f"/login?token={number}")).status_code for number in range(12)]
        assert seen == [401] * 10 + [429] * 2
        assert (await browser.get(link)).status_code == 200


async def test_a_session_that_somebody_else_chose_is_never_taken_over(tmp_path: Path) -> None:
    """Session fixation: a cookie that was planted before the login is nobody's afterwards, by each way in."""
    async with api_hub(tmp_path) as hub:
        await user_of(hub)
        for way in ("form", "link"):
            planted = "planted-by-somebody-who-waits"
            async with hub.client(Cookie=f"{hub.auth.cookie}={planted}", Origin=URL) as browser:
                answer = await (typed(browser, "ann", PASSWORD) if way == "form" else browser.get(await link_of(hub)))
                assert cookie_of(answer).value != planted
            async with hub.client(Cookie=f"{hub.auth.cookie}={planted}") as attacker:
                is_refusal(await attacker.get("/api/v1/hub"), 401, "not_logged_in")


async def test_no_token_of_an_address_or_a_header_is_logged(tmp_path: Path) -> None:
    with capture_logs() as logs:
        async with api_hub(tmp_path) as hub, hub.client() as browser, hub.client(Authorization="Bearer secret-bearer") as program:
            link = await link_of(hub)
            await browser.get(link)
            await browser.get("/login?token=secret-link")
            await browser.get("/api/v1/hub?token=secret-query")
            await program.get("/api/v1/hub")
            await program.post("/api/v1/device", content=b"")
            secret = link.partition("token=")[2]
            kept = json.dumps((await hub.auth.audit.page(None, 100)), default=str)
    assert logs
    for said in (secret, "secret-link", "secret-query", "secret-bearer"):
        assert said not in str(logs)
        assert said not in kept


@pytest.mark.parametrize("name", ["\u212aate", "ANN\u0301", "a\u200bnn", "\uff41nn", "ann\x00", "\U0001f600", "ann\u0430"])
async def test_a_name_that_only_looks_like_a_users_is_nobodys(tmp_path: Path, name: str) -> None:
    async with api_hub(tmp_path, LOGIN_PAGE) as hub, hub.client(Origin=URL) as browser:
        for known in ("ann", "kate"):
            await user_of(hub, known)
        refused = await typed(browser, name, PASSWORD)
        assert refused.status_code == 401
        assert "Name or password is wrong" in refused.text
        assert (await hub.auth.audit.page(None, 1))[0].what == "user (unknown)"
