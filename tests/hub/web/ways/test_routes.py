"""The routes of all ways together: what each of them asks of who comes."""

from dataclasses import replace
from pathlib import Path

import httpx

from devices.link import ServerLink
from hub.auth import Principal
from hub.core.actions import ROLES
from hub.web.api import make_app
from hub.web.ways.routes import Ways
from tests.support.api_hub import URL, ApiHub, api_hub, is_refusal

WATCHING = {
    ("POST", "/api/v1/live"),
    ("POST", "/api/v1/live/{session}"),
    ("GET", "/api/v1/live/{session}"),
    ("GET", "/api/v1/live/{session}/events"),
    ("DELETE", "/api/v1/live/{session}"),
}


async def no_viewer(principal: Principal, link: ServerLink, encoding: str) -> None:
    """Let nobody watch."""
    await link.aclose()


def client(hub: ApiHub, headers: httpx.Headers) -> httpx.AsyncClient:
    """Return a client of an app that has the ways as well."""
    app = make_app(replace(hub.api, ways=Ways(no_viewer, hub.parts.sessions.serve)))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=URL, headers=headers)


async def test_every_role_may_watch_and_nobody_without_a_login(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub:
        for role in ROLES:
            browser = await hub.browser(role)
            async with browser, client(hub, browser.headers) as viewer, client(hub, httpx.Headers()) as stranger:
                for method, path in WATCHING:
                    answer = await viewer.request(method, path, params={"no_such_parameter": 1})
                    is_refusal(answer, 422, "unknown_parameter")
                    is_refusal(await stranger.request(method, path), 401, "not_logged_in")


async def test_a_page_of_somebody_elses_begins_and_steers_no_session(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub:
        browser = await hub.browser("admin")
        async with browser, client(hub, httpx.Headers({**browser.headers, "origin": "http://evil.example"})) as page:
            for method, path in WATCHING:
                if method != "GET":
                    is_refusal(await page.request(method, path), 403, "foreign_origin")


async def test_a_device_route_asks_for_a_device_token(tmp_path: Path) -> None:
    async with (
        api_hub(tmp_path) as hub,
        client(hub, httpx.Headers()) as stranger,
        client(hub, httpx.Headers({"authorization": f"Bearer {hub.admin_token}"})) as admin,
    ):
        for method, path in (("POST", "/api/v1/device"), ("POST", "/api/v1/device/x"), ("GET", "/api/v1/device/x")):
            is_refusal(await stranger.request(method, path), 401, "no_token")
            is_refusal(await admin.request(method, path), 401, "wrong_token")
