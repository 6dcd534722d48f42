"""Who may do what, on every route there is, and whose changes are taken."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from fastapi import Request
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from hub.web.access import ALLOWED, Action, is_encrypted, is_loopback
from hub.web.api import make_app
from tests.support.api_hub import URL, ApiHub, api_hub, is_refusal

OPEN = {
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/"),
    ("GET", "/static/{name:path}"),
    ("GET", "/favicon.ico"),
    ("GET", "/login"),
    ("HEAD", "/login"),
    ("POST", "/logout"),
}
BODIES = {"/api/v1/devices": {"name": "new"}, "/api/v1/devices/{name}/commands": {"name": "go"}}
ACTIONS = {
    ("GET", "/metrics"): Action.READ,
    ("GET", "/api/v1/hub"): Action.READ,
    ("GET", "/api/v1/devices"): Action.READ,
    ("GET", "/api/v1/devices/{name}"): Action.READ,
    ("GET", "/api/v1/devices/{name}/losses"): Action.READ,
    ("GET", "/api/v1/commands"): Action.READ,
    ("GET", "/api/v1/commands/{command_id}"): Action.READ,
    ("GET", "/api/v1/series"): Action.READ,
    ("GET", "/api/v1/store"): Action.READ,
    ("GET", "/api/v1/query"): Action.READ,
    ("GET", "/api/v1/export"): Action.READ,
    ("POST", "/api/v1/devices/{name}/commands"): Action.COMMAND,
    ("POST", "/api/v1/devices"): Action.MANAGE,
    ("DELETE", "/api/v1/devices/{name}"): Action.MANAGE,
    ("POST", "/api/v1/devices/{name}/token"): Action.MANAGE,
    ("POST", "/api/v1/import"): Action.MANAGE,
    ("POST", "/api/v1/logins"): Action.MANAGE,
}


def routes_of(routes: list[BaseRoute]) -> Iterator[tuple[str, str]]:
    for route in routes:
        if isinstance(route, APIRoute):
            yield from ((method, route.path) for method in route.methods or ())
        elif (router := getattr(route, "original_router", None)) is not None:
            yield from routes_of(router.routes)


async def call(client: httpx.AsyncClient, method: str, path: str) -> httpx.Response:
    return await client.request(method, re.sub(r"\{[^}]*\}", "none", path), json=BODIES.get(path))


async def test_every_route_is_either_open_or_has_an_action(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub:
        assert set(routes_of(hub.app.routes)) == OPEN | ACTIONS.keys()


async def test_without_a_login_every_other_route_says_how_to_log_in(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.client() as stranger, hub.client(Authorization="Bearer wrong") as liar:
        for client, code, hint in ((stranger, "not_logged_in", "tributary login"), (liar, "wrong_token", "admin.token")):
            for method, path in ACTIONS:
                answer = await call(client, method, path)
                assert hint in is_refusal(answer, 401, code)["hint"]
                assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("role", ["viewer", "operator", "admin"])
async def test_a_role_may_do_what_the_table_says_and_nothing_else(tmp_path: Path, role: str) -> None:
    async with api_hub(tmp_path) as hub, await hub.browser(role) as browser:
        for (method, path), action in ACTIONS.items():
            answer = await call(browser, method, path)
            if action in ALLOWED[role]:
                assert answer.status_code in (200, 201, 404, 422), answer.text
            else:
                assert role in is_refusal(answer, 403, "not_allowed")["message"]


async def test_a_role_that_is_gone_from_the_table_may_do_nothing(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, await hub.browser("viewer") as browser:
        await hub.parts.state._change("UPDATE logins SET role = 'retired'", ())
        is_refusal(await browser.get("/api/v1/hub"), 403, "not_allowed")


async def test_an_operators_name_stands_in_the_command(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, await hub.browser("operator") as browser:
        await hub.device("pump", 5, commands=[{"name": "go"}])
        assert (await browser.post("/api/v1/devices/pump/commands", json={"name": "go"})).json()["by"] == "ann"


async def changed_by(hub: ApiHub, browser: httpx.AsyncClient, **headers: str) -> httpx.Response:
    return await browser.post("/api/v1/devices", json={"name": "new"}, headers=headers)


FOREIGN = [
    "http://evil.example",
    "http://hub.example",
    "http://hub.example:8081",
    "http://hub.example:8080.evil.example",
    "http://user@hub.example:8080",
    "http://hub.example:8080/path",
    "ftp://hub.example:8080",
    "hub.example:8080",
    "http://[",
    "http://",
    "null",
    "",
]


@pytest.mark.parametrize("origin", FOREIGN)
async def test_a_change_by_cookie_from_another_site_is_refused(tmp_path: Path, origin: str) -> None:
    async with api_hub(tmp_path) as hub, await hub.browser("admin") as browser:
        is_refusal(await changed_by(hub, browser, Origin=origin), 403, "foreign_origin")
        is_refusal(await browser.post("/logout", headers={"Origin": origin}), 403, "foreign_origin")
        assert hub.parts.registry.names() == []
        assert (await browser.get("/api/v1/hub")).status_code == 200


async def test_a_change_by_cookie_without_an_origin_is_refused(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, await hub.browser("admin") as browser:
        del browser.headers["Origin"]
        is_refusal(await changed_by(hub, browser), 403, "foreign_origin")


@pytest.mark.parametrize("origin", [URL, "https://hub.example:8080", "HTTP://Hub.Example:8080"])
async def test_a_change_from_the_hubs_own_page_is_made_also_behind_a_proxy_that_ends_tls(tmp_path: Path, origin: str) -> None:
    async with api_hub(tmp_path) as hub, await hub.browser("admin") as browser:
        assert (await changed_by(hub, browser, Origin=origin)).status_code == 201


@pytest.mark.parametrize("said", ["", " ", "Bearer", "Basic YTpi"])
async def test_a_header_that_is_no_token_does_not_stand_in_for_the_origin(tmp_path: Path, said: str) -> None:
    async with api_hub(tmp_path) as hub, await hub.browser("admin") as browser:
        is_refusal(await changed_by(hub, browser, Authorization=said, Origin="http://evil.example"), 401, "wrong_token")
        assert hub.parts.registry.names() == []


async def test_an_allowed_origin_may_change_things_and_log_out(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, await hub.browser("admin") as browser:
        app = make_app(replace(hub.api, allowed_origins=("https://dash.example",)))
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=URL, headers=browser.headers) as outside:
            assert (await changed_by(hub, outside, Origin="https://dash.example")).status_code == 201
            is_refusal(await changed_by(hub, outside, Origin="https://dash.example:444"), 403, "foreign_origin")
            assert (await outside.post("/logout", headers={"Origin": "https://dash.example"})).status_code == 204


@pytest.mark.parametrize(
    ("path", "known"),
    [
        ("/api/v1/query?device=pump&form=0", "channel, device, from, limit, span_s, to, width"),
        ("/api/v1/commands?Limit=5", "device, limit"),
        ("/api/v1/devices?device=pump", "takes none"),
    ],
)
async def test_a_parameter_that_a_route_does_not_have_is_refused_with_those_it_has(tmp_path: Path, path: str, known: str) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as program:
        assert known in is_refusal(await program.get(path), 422, "unknown_parameter")["hint"]


async def test_a_bearer_token_needs_no_origin(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as program:
        assert (await changed_by(hub, program, Origin="http://evil.example")).status_code == 201


@pytest.mark.parametrize(
    ("host", "headers", "is_local"),
    [
        ("127.0.0.1", [], True),
        ("127.8.0.1", [], True),
        ("::1", [], True),
        ("10.0.0.9", [], False),
        ("unknown", [], False),
        ("127.0.0.1", [(b"x-forwarded-for", b"10.0.0.9")], False),
        ("127.0.0.1", [(b"forwarded", b"for=10.0.0.9")], False),
        ("127.0.0.1", [(b"x-forwarded-proto", b"https")], False),
        ("127.0.0.1", [(b"host", b"127.0.0.1:8080")], True),
        ("127.0.0.1", [(b"host", b"LocalHost")], True),
        ("::1", [(b"host", b"[::1]:8080")], True),
        ("127.0.0.1", [(b"host", b"evil.example:8080")], False),
        ("127.0.0.1", [(b"host", b"127.0.0.1.evil.example")], False),
        ("127.0.0.1", [(b"host", b"localhost@evil.example")], False),
        ("127.0.0.1", [(b"host", b"[")], False),
        ("127.0.0.1", [(b"host", b"")], False),
        ("10.0.0.9", [(b"host", b"localhost")], False),
    ],
)
def test_a_proxy_or_a_page_of_another_name_on_this_machine_speaks_for_others(
    host: str, headers: list[tuple[bytes, bytes]], *, is_local: bool
) -> None:
    assert is_loopback(Request({"type": "http", "client": (host, 1), "headers": headers})) is is_local


@pytest.mark.parametrize(
    ("scheme", "forwarded", "is_tls"),
    [("http", b"", False), ("https", b"", True), ("http", b"https", True), ("http", b"HTTPS, http", True), ("http", b"http, https", False)],
)
def test_tls_that_a_proxy_ends_is_tls_to_the_browser(scheme: str, forwarded: bytes, *, is_tls: bool) -> None:
    headers = [(b"x-forwarded-proto", forwarded)] if forwarded else []
    assert is_encrypted(Request({"type": "http", "scheme": scheme, "headers": headers})) is is_tls
