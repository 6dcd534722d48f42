"""Who is behind a proxy: only the operator's proxies are believed, and of what they pass on only what they wrote themselves."""

from ipaddress import ip_network

import pytest
import trio

from hub.web.proxies import outside
from tests.support.door import is_refusal, running_door, upgrade

TRUSTED = tuple(map(ip_network, ("127.0.0.1", "10.0.0.0/8", "fd00::/8")))
PEER = ("127.0.0.1", 4711)


@pytest.mark.parametrize(
    ("said", "client"),
    [
        ("203.0.113.5", "203.0.113.5"),
        ("198.51.100.1, 203.0.113.5", "203.0.113.5"),  # the first was written by the client
        ("127.0.0.1, 203.0.113.5", "203.0.113.5"),
        ("203.0.113.5, 10.1.2.3", "203.0.113.5"),
        ("203.0.113.5, 10.1.2.3, fd00::1", "203.0.113.5"),
        ("evil, 203.0.113.5,10.1.2.3", "203.0.113.5"),
        ("203.0.113.5:50000", "203.0.113.5"),
        ("[2001:db8::1]:50000", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("::ffff:203.0.113.5", "203.0.113.5"),
        ("10.9.9.9, ::ffff:10.1.2.3", "10.9.9.9"),
        ("10.0.0.1", "10.0.0.1"),
    ],
)
def test_right_most_address_that_is_no_proxy_is_the_client(said: str, client: str) -> None:
    seen = outside(PEER, {"x-forwarded-for": said}, TRUSTED, is_encrypted=False)
    assert seen.client == (client, 0)


@pytest.mark.parametrize("said", ["", "unknown", "203.0.113.5, _hidden", "203.0.113.5;", "[2001:db8::1", "203.0.113.5,", "1.2.3", "a:1"])
def test_what_is_no_address_ends_at_the_proxy_that_said_it(said: str) -> None:
    assert outside(PEER, {"x-forwarded-for": said}, TRUSTED, is_encrypted=False).client == PEER


@pytest.mark.parametrize("peer", ["203.0.113.9", "2001:db8::9", "unknown", "127.0.0.2"])
def test_nobody_else_is_believed(peer: str) -> None:
    fields = {"x-forwarded-for": "127.0.0.1", "x-forwarded-proto": "https"}
    assert outside((peer, 1), fields, TRUSTED, is_encrypted=False) == ((peer, 1), False)
    assert outside((peer, 1), fields, (), is_encrypted=True) == ((peer, 1), True)


@pytest.mark.parametrize(
    ("said", "is_encrypted", "is_believed_encrypted"),
    [("https", False, True), ("http", True, False), ("http, https", False, True), ("https, http", True, False), ("ws", True, True)],
)
def test_scheme_is_the_one_that_the_nearest_proxy_says(said: str, *, is_encrypted: bool, is_believed_encrypted: bool) -> None:
    seen = outside(PEER, {"x-forwarded-proto": said}, TRUSTED, is_encrypted=is_encrypted)
    assert seen.is_encrypted is is_believed_encrypted


async def tell_who(scope: object, receive: object, send: object) -> None:
    """Answer with the client and the scheme."""
    assert isinstance(scope, dict)
    assert callable(send)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": f"{scope['client'][0]} {scope['scheme']}".encode()})


FORGED = b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX-Forwarded-For: 203.0.113.5\r\nX-Forwarded-Proto: https\r\n\r\n"


async def test_app_gets_the_client_that_a_trusted_proxy_names() -> None:
    async with running_door(tell_who, trusted_proxies=TRUSTED) as place:
        assert (await place.answer_to(FORGED)).endswith(b"203.0.113.5 https")


async def test_app_gets_the_connected_one_where_no_proxy_is_trusted() -> None:
    async with running_door(tell_who) as place:
        assert (await place.answer_to(FORGED)).endswith(b"127.0.0.1 http")


async def test_each_request_of_a_connection_has_its_own_client() -> None:
    second = FORGED.replace(b"203.0.113.5", b"203.0.113.6")
    async with running_door(tell_who, trusted_proxies=TRUSTED) as place:
        heard = await place.answer_to(FORGED.replace(b"Connection: close\r\n", b"") + second)
        assert b"203.0.113.5 https" in heard
        assert heard.endswith(b"203.0.113.6 https")


async def test_refused_device_stands_in_the_log_with_its_own_address() -> None:
    async with running_door(trusted_proxies=TRUSTED) as place:
        request = upgrade(Authorization="Bearer wrong", X_Forwarded_For="192.0.2.77, 203.0.113.5")
        is_refusal(await place.answer_to(request), 401, "wrong_token")
        assert [line["remote"] for line in place.logs if line["event"] == "device_refused"] == ["203.0.113.5"]


async def test_plain_page_may_not_open_sockets_where_the_proxy_says_https() -> None:
    request = upgrade("/v1/live", subprotocol="tributary.live.v1.json", Authorization="", Cookie="tributary_session=good")
    request = request.replace(b"\r\n\r\n", b"\r\nOrigin: http://hub.example\r\nX-Forwarded-Proto: https\r\n\r\n")
    async with running_door(trusted_proxies=TRUSTED) as place:
        is_refusal(await place.answer_to(request), 403, "foreign_origin")
    async with running_door() as place:
        with trio.fail_after(30):
            async with await place.connect() as stream:
                await stream.send_all(request)
                assert (await stream.receive_some()).startswith(b"HTTP/1.1 101")
