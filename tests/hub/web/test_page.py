"""The page's files, and the way in and out by a browser."""

import json
from http.cookies import Morsel, SimpleCookie
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx
import pytest

import dashboard
from hub.web.page import Files
from tests.support.api_hub import URL, ApiHub, api_hub, is_refusal


async def test_the_page_is_for_who_is_logged_in_and_others_read_how_to(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, await hub.browser("viewer") as browser, hub.client() as stranger:
        page = await browser.get("/")
        assert (page.status_code, page.text, page.headers["content-type"]) == (200, "the page", "text/html; charset=utf-8")
        page = await stranger.get("/")
        assert (page.status_code, page.text, page.headers["content-type"]) == (401, "say: tributary login", "text/html; charset=utf-8")


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


async def test_the_browser_goes_on_to_the_page_without_a_redirect_that_would_lose_the_cookie(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.client() as browser:
        answer = await browser.get(await link_of(hub))
        assert '<meta http-equiv="refresh" content="0; url=/">' in answer.text
        assert "script" not in answer.text
        assert "style" not in answer.text


async def test_a_used_link_leads_who_is_logged_in_to_the_page(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.client() as browser:
        link = await link_of(hub)
        await browser.get(link)
        again = await browser.get(link)
        assert (again.status_code, "url=/" in again.text) == (200, True)


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


async def test_behind_a_proxy_that_ends_tls_the_cookie_is_for_tls_only(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.client(X_Forwarded_Proto="https") as browser:
        assert cookie_of(await browser.get(await link_of(hub)))["secure"]


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


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("app.js", "text/javascript; charset=utf-8"),
        ("app.css", "text/css; charset=utf-8"),
        ("mark.svg", "image/svg+xml"),
        ("fonts/a.woff2", "font/woff2"),
        ("unknown.zzz", "application/octet-stream"),
    ],
)
async def test_files_have_their_type_and_are_asked_for_again_by_tag(tmp_path: Path, name: str, kind: str) -> None:
    async with api_hub(tmp_path, {name: b"content"}) as hub, hub.client() as browser:
        answer = await browser.get(f"/static/{name}")
        assert (answer.content, answer.headers["content-type"], answer.headers["cache-control"]) == (b"content", kind, "no-cache")
        tag = answer.headers["etag"]
        for said in (tag, f"W/{tag}", f'"other", {tag}'):
            again = await browser.get(f"/static/{name}", headers={"If-None-Match": said})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert (await browser.get(f"/static/{name}", headers={"If-None-Match": '"other"'})).status_code == 200


STRANGE = [
    "",
    ".",
    "..",
    "../admin.token",
    "x/../app.js",
    "./app.js",
    "/app.js",
    "/etc/passwd",
    "..\\admin.token",
    "app.js/",
    "app.js\0",
    "fonts",
    "\ufffd",
    "a" * 300,
]


@pytest.mark.parametrize("name", STRANGE)
async def test_only_the_folders_own_files_are_given_each_under_one_name(tmp_path: Path, name: str) -> None:
    async with api_hub(tmp_path, {"app.js": b"content", "fonts/a.woff2": b""}) as hub, hub.client() as browser:
        request = browser.build_request("GET", "/static/")
        scope = {"type": "http", "method": "GET", "scheme": "http", "query_string": b"", "headers": [], "client": ("10.0.0.9", 1)}
        scope |= {"path": f"/static/{name}", "raw_path": b"", "server": ("hub.example", 8080), "root_path": "", "http_version": "1.1"}
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b""}

        async def send(message: Any) -> None:
            sent.append(message)

        await hub.app(scope, receive, send)  # not by httpx, which tidies such paths
        is_refusal(
            httpx.Response(sent[0]["status"], headers=sent[0]["headers"], content=sent[1]["body"], request=request), 404, "not_found"
        )


async def test_plotly_comes_out_of_its_installed_wheel(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.client() as browser:
        answer = await browser.get("/static/plotly.min.js")
        assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
        assert len(answer.content) > 1_000_000
        assert (await browser.get("/static/plotly.min.js", headers={"If-None-Match": answer.headers["etag"]})).status_code == 304


async def test_plotly_is_kept_by_browsers_until_its_version_changes(tmp_path: Path) -> None:
    page = b'<script src="/static/plotly.min.js" defer>'
    async with api_hub(tmp_path, {"index.html": page}) as hub, await hub.browser("viewer") as browser:
        address = (await browser.get("/")).text.split('"')[1]
        assert address == f"/static/plotly.min.js?v={version('plotly')}"
        assert "immutable" in (await browser.get(address)).headers["cache-control"]
        for other in ("/static/plotly.min.js", "/static/plotly.min.js?v=0"):
            assert (await browser.get(other)).headers["cache-control"] == "no-cache"


async def test_the_dashboards_own_pages_are_there() -> None:
    files = Files(dashboard.STATIC)
    for name in ("index.html", "login.html"):
        content, kind, _ = await files.get(name)
        assert content.startswith(b"<!doctype html>")
        assert kind == "text/html; charset=utf-8"
