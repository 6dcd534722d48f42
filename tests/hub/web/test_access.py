"""Who may do what, on every route there is, and whose changes are taken."""

import re
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from fastapi import Request
from trio.abc import Clock

from hub.core.actions import ALLOWED, GUEST, ROLES, Action
from hub.web.access import is_loopback
from hub.web.api import make_app
from tests.support.api_hub import URL, ApiHub, api_hub, is_refusal
from tests.support.whole_hub import OPEN, is_for_devices, whole_hub


async def call(client: httpx.AsyncClient, method: str, path: str) -> httpx.Response:
    """Call a route in a way that goes no further than its gate: no route has this parameter."""
    return await client.request(method, re.sub(r"\{[^}]*\}", "none", path), params={"no_such_parameter": "1"})


async def test_every_route_is_open_by_name_or_declares_an_action(tmp_path: Path) -> None:
    async with whole_hub(tmp_path) as hub:
        assert [place for place, actions in hub.gated().items() if not actions] == []
        assert {place for place, _ in hub.routes()} >= OPEN.keys()
        assert len(hub.gated()) >= 25


async def test_what_changes_something_is_more_than_reading(tmp_path: Path) -> None:
    """But for the live view over HTTP, whose messages have their own table."""
    async with whole_hub(tmp_path) as hub:
        changing = {place: actions for place, actions in hub.gated().items() if place[0] not in ("GET", "HEAD")}
        reading = [place for place, actions in changing.items() if actions <= {Action.READ, Action.SEE}]
        assert [place for place in reading if not f"{place[1]}/".startswith("/api/v1/live/")] == []
        assert len(changing) >= 12


async def test_a_route_without_an_action_would_be_found(tmp_path: Path) -> None:
    async with whole_hub(tmp_path) as hub:

        @hub.app.get("/api/v1/forgotten")
        async def forgotten() -> None:
            """Be open to everybody."""

        assert hub.gated()["GET", "/api/v1/forgotten"] == set()


async def test_without_a_login_every_other_route_says_how_to_log_in(tmp_path: Path) -> None:
    async with whole_hub(tmp_path) as hub, hub.client() as stranger:
        for method, path in hub.gated():
            answer = await call(stranger, method, path)
            assert "tributary login" in is_refusal(answer, 401, "not_logged_in")["hint"]
            assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("role", [*ROLES, "nobody"])
async def test_a_devices_route_takes_nobody_but_a_device(tmp_path: Path, role: str) -> None:
    async with whole_hub(tmp_path) as hub:
        client = hub.client() if role == "nobody" else await hub.client_of(role, "token")
        async with client:
            for (method, path), _ in hub.routes():
                if is_for_devices((method, path)):
                    assert (await call(client, method, path)).status_code == 401


async def test_a_wrong_token_opens_no_route_and_guessing_is_slowed_down(tmp_path: Path, slow_clock: Clock) -> None:
    async with (
        whole_hub(tmp_path) as hub,
        hub.client(Authorization="Bearer wrong") as liar,
        await hub.client_of("viewer", "token") as known,
    ):
        codes = {(await call(liar, method, path)).json()["code"] for method, path in hub.gated()}
        assert codes == {"wrong_token", "too_many_tries"}
        slowed = await liar.get("/api/v1/hub")
        assert "try again in" in is_refusal(slowed, 429, "too_many_tries")["hint"]
        assert int(slowed.headers["retry-after"]) >= 1
        assert (await known.get("/api/v1/users")).status_code == 403  # from the same address, and known


async def test_wrong_tokens_of_devices_without_a_socket_are_slowed_down_too(tmp_path: Path, slow_clock: Clock) -> None:
    async with whole_hub(tmp_path) as hub, hub.client(Authorization="Bearer old") as device:
        codes = [(await device.post("/api/v1/device", content=b"")).json()["code"] for _ in range(11)]
        assert (codes[:10], codes[10]) == (["wrong_token"] * 10, "too_many_tries")


@pytest.mark.parametrize(("role", "way"), [*((role, way) for role in ROLES for way in ("link", "password", "token")), (GUEST, "share")])
async def test_a_role_may_do_what_the_table_says_and_nothing_else(tmp_path: Path, role: str, way: str) -> None:
    async with whole_hub(tmp_path) as hub, await hub.client_of(role, way) as client:
        for (method, path), actions in hub.gated().items():
            answer = await call(client, method, path)
            if actions <= ALLOWED[role] and (method, path) == ("GET", "/api/v1/query") and role == GUEST:
                is_refusal(answer, 403, "out_of_reach")  # it names no device
            elif actions <= ALLOWED[role]:
                is_refusal(answer, 422, "unknown_parameter")
            else:
                assert role in is_refusal(answer, 403, "not_allowed")["message"]


async def test_metrics_are_for_who_may_read_and_for_this_machine(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, await hub.browser("viewer") as browser, hub.client() as stranger:
        assert (await browser.get("/metrics")).status_code == 200
        is_refusal(await stranger.get("/metrics"), 401, "not_logged_in")
        await hub.parts.state._change("UPDATE logins SET role = 'retired'", ())
        is_refusal(await browser.get("/metrics"), 403, "not_allowed")


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
        ("/api/v1/query?device=pump&form=0", "channel, device, from, limit, span_s, to, where, width"),
        ("/api/v1/commands?Limit=5", "after, device, group, limit, name, state"),
        ("/api/v1/hub?device=pump", "takes none"),
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
