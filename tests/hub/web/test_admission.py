"""Who may open a WebSocket, and what everybody else hears instead."""

from ipaddress import ip_network

import pytest

from hub.core.seldom import Seldom
from tests.support.door import is_refusal, running_door, until, upgrade

LIVE = {"path": "/v1/live", "subprotocol": "tributary.live.v1.json"}
COOKIE = {"Cookie": "theme=dark; tributary_session=good", "Authorization": "", "Host": "hub.example:8080"}


async def refused(request: bytes, status: int, code: str, **settings: object) -> bytes:
    """Return a refusal after checking it, and that no session began."""
    async with running_door(**settings) as place:
        heard = await place.answer_to(request)
        is_refusal(heard, status, code)
        assert place.sessions.ended == []
        assert place.door.failed == 0
        return heard


async def is_let_in(request: bytes, **settings: object) -> None:
    async with running_door(**settings) as place, await place.connect() as stream:
        await stream.send_all(request)
        assert (await until(stream, b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer  ", "Basic ZGV2aWNlLXRva2Vu", "device-token"])
async def test_device_without_a_bearer_token_is_refused(authorization: str) -> None:
    heard = await refused(upgrade(Authorization=authorization), 401, "no_token")
    assert b"WWW-Authenticate: Bearer" in heard


@pytest.mark.parametrize("token", ["nonsense", "viewer-token", "device-token2", "device-token, device-token"])
async def test_device_with_a_token_that_is_not_a_devices_is_refused(token: str) -> None:
    assert token.encode() not in await refused(upgrade(Authorization=f"Bearer {token}"), 401, "wrong_token")


async def test_viewer_with_neither_session_nor_token_is_refused() -> None:
    for authorization, code in (("", "not_logged_in"), ("Bearer device-token", "wrong_token")):
        await refused(upgrade(**LIVE, Authorization=authorization, Origin="http://hub.example"), 401, code)


@pytest.mark.parametrize(
    ("origin", "is_allowed"),
    [
        ("http://hub.example:8080", True),
        ("https://hub.example:8080", True),  # a reverse proxy ends TLS
        ("http://HUB.example:8080", True),
        ("", False),
        ("null", False),
        ("http://hub.example", False),
        ("http://hub.example:8081", False),
        ("http://hub.example.evil.example:8080", False),
        ("http://evil-hub.example:8080", False),
        ("http://evil.example", False),
        ("http://evil.example/http://hub.example:8080", False),
        ("http://hub.example:8080@evil.example", False),
        ("http://user@hub.example:8080", False),
        ("http://hub.example:8080/", False),
        ("http://hub.example:8080, http://evil.example", False),
        ("ws://hub.example:8080", False),
        ("file://", False),
        ("http://hub.example:http", False),
        ("http://[hub.example:8080", False),
        ("chrome-extension://abc", False),
    ],
)
async def test_session_cookie_opens_a_socket_for_pages_of_this_hub_only(origin: str, is_allowed: bool) -> None:
    request = upgrade(**LIVE, **COOKIE, Origin=origin)
    if is_allowed:
        await is_let_in(request)
    else:
        await refused(request, 403, "foreign_origin")


async def test_pages_on_the_allow_list_may_open_sockets() -> None:
    request = upgrade(**LIVE, **COOKIE, Origin="https://plant.example")
    await is_let_in(request, allowed_origins=("https://plant.example:443",))
    await refused(request, 403, "foreign_origin", allowed_origins=("http://plant.example", "https://other.example"))


async def test_default_port_may_be_written_or_left_out() -> None:
    await is_let_in(upgrade(**LIVE, **COOKIE | {"Host": "hub.example"}, Origin="http://hub.example:80"))
    await is_let_in(upgrade(**LIVE, **COOKIE | {"Host": "hub.example:443"}, Origin="https://hub.example"))


async def test_bearer_token_needs_no_origin_but_a_foreign_one_is_refused() -> None:
    await is_let_in(upgrade(**LIVE, Authorization="Bearer viewer-token"))
    await is_let_in(upgrade())
    await refused(upgrade(Origin="https://evil.example"), 403, "foreign_origin")
    await refused(upgrade(**LIVE, Authorization="Bearer viewer-token", Origin="null"), 403, "foreign_origin")


async def test_upgrade_without_a_subprotocol_we_speak_hears_which_ones_there_are() -> None:
    for offer in (None, "chat", "tributary.live.v1.json", "tributary.device.v2"):
        heard = await refused(upgrade(subprotocol=offer), 400, "bad_request")
        assert b"tributary.device.v1" in heard
    heard = await refused(upgrade("/v1/live", Authorization="Bearer viewer-token"), 400, "bad_request")
    assert b"tributary.live.v1.json" in heard
    assert b"tributary.live.v1.msgpack" in heard


@pytest.mark.parametrize("key", ["", "short", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ==", "!" * 24])
async def test_handshake_with_a_bad_key_is_refused(key: str) -> None:
    await refused(upgrade(key=key), 400, "bad_request")


async def test_other_websocket_versions_are_refused_with_the_one_we_speak() -> None:
    for version in ("", "8", "13, 8"):
        assert b"Sec-WebSocket-Version: 13" in await refused(upgrade(version=version), 426, "bad_request")


async def test_handshake_that_is_no_plain_get_is_refused() -> None:
    await refused(upgrade().replace(b"GET ", b"POST ", 1), 400, "bad_request")
    await refused(upgrade(Content_Length="5") + b"hello", 400, "bad_request")


async def test_upgrade_elsewhere_hears_where_sockets_are() -> None:
    for path in ("/", "/v1/device/", "/v1/other", "/static/../v1/device"):
        assert b"/v1/device" in await refused(upgrade(path), 404, "not_found")


async def test_plain_request_where_sockets_are_hears_426() -> None:
    heard = await refused(b"GET /v1/device HTTP/1.1\r\nHost: h\r\n\r\n", 426, "upgrade_required")
    assert b"Upgrade: websocket" in heard


async def test_a_refused_device_is_told_to_the_log_once_and_its_token_never(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.web.admission._seldom", Seldom())
    async with running_door() as place:
        for _ in range(3):
            is_refusal(await place.answer_to(upgrade(Authorization="Bearer s3cret", X_Forwarded_For="10.0.0.9")), 401, "wrong_token")
    (line,) = place.logs
    assert (line["log_level"], line["why"], line["forwarded_for"]) == ("warning", "wrong_token", "10.0.0.9")
    assert "tributary device token" in line["hint"]
    assert "s3cret" not in str(line)


@pytest.mark.parametrize("way", [{}, LIVE])
async def test_wrong_tokens_from_one_address_are_slowed_down_and_right_ones_from_there_are_let_in(way: dict[str, str]) -> None:
    async with running_door() as place:
        for _ in range(5):
            is_refusal(await place.answer_to(upgrade(**way, Authorization="Bearer nonsense")), 401, "wrong_token")
        slowed = await place.answer_to(upgrade(**way, Authorization="Bearer nonsense"))
        is_refusal(slowed, 429, "too_many_tries")
        assert b"Retry-After: 6\r\n" in slowed
        right = "viewer-token" if way else "device-token"
        async with await place.connect() as stream:
            await stream.send_all(upgrade(**way, Authorization=f"Bearer {right}"))
            assert (await until(stream, b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")


async def test_behind_a_trusted_proxy_the_address_it_forwards_is_slowed_down_and_its_neighbour_is_not() -> None:
    async with running_door(trusted_proxies=(ip_network("127.0.0.0/8"),)) as place:
        heard = [await place.answer_to(upgrade(Authorization="Bearer x", X_Forwarded_For="10.0.0.9")) for _ in range(6)]
        is_refusal(heard[-1], 429, "too_many_tries")
        is_refusal(await place.answer_to(upgrade(Authorization="Bearer x", X_Forwarded_For="10.0.0.10")), 401, "wrong_token")
