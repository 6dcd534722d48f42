"""The first bytes of a connection: PROXY headers of trusted proxies, before plain HTTP and before TLS."""

import ssl
from ipaddress import ip_network
from pathlib import Path

import pytest
import trio
import trustme

from tests.hub.web.test_proxies import FORGED, tell_who
from tests.support.door import Place, everything, running_door

TRUSTED = (ip_network("127.0.0.1"),)
HEADER = b"PROXY TCP4 203.0.113.5 192.0.2.1 50000 443\r\n"
REQUEST = b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"


async def body_of(place: Place, sent: bytes) -> bytes:
    return (await place.answer_to(sent)).rpartition(b"\r\n\r\n")[2]


async def test_client_is_the_one_of_the_header() -> None:
    async with running_door(tell_who, trusted_proxies=TRUSTED, has_proxy_protocol=True) as place:
        assert await body_of(place, HEADER + REQUEST) == b"203.0.113.5 http"


async def test_connection_without_a_header_is_served_as_it_is() -> None:
    async with running_door(tell_who, trusted_proxies=TRUSTED, has_proxy_protocol=True) as place:
        assert await body_of(place, REQUEST) == b"127.0.0.1 http"
        assert await body_of(place, FORGED) == b"203.0.113.5 https"


async def test_client_of_a_header_is_not_believed_what_it_says_itself() -> None:
    forged = FORGED.replace(b"203.0.113.5", b"127.0.0.1")
    async with running_door(tell_who, trusted_proxies=TRUSTED, has_proxy_protocol=True) as place:
        assert await body_of(place, HEADER + forged) == b"203.0.113.5 http"
        assert await body_of(place, b"PROXY UNKNOWN\r\n" + forged) == b"unknown http"


@pytest.mark.parametrize("settings", [{"trusted_proxies": TRUSTED}, {"has_proxy_protocol": True}, {}])
async def test_header_is_no_request_where_it_is_not_agreed_on(settings: dict[str, object]) -> None:
    async with running_door(tell_who, **settings) as place:
        assert (await place.answer_to(HEADER + REQUEST)).startswith(b"HTTP/1.1 400 ")


async def test_wrong_header_ends_the_connection_and_is_told_once() -> None:
    async with running_door(tell_who, trusted_proxies=TRUSTED, has_proxy_protocol=True) as place:
        for _ in range(3):
            assert await place.answer_to(b"PROXY TCP4 evil\r\n" + REQUEST) == b""
        assert await place.answer_to(HEADER[:9], is_ended=True) == b""
        lines = [line for line in place.logs if line["event"] == "proxy_header_refused"]
        assert [line["proxy"] for line in lines] == ["127.0.0.1"]


async def test_header_that_never_ends_is_cut_off() -> None:
    async with running_door(tell_who, trusted_proxies=TRUSTED, has_proxy_protocol=True, head_timeout_s=0.2) as place:
        assert await place.answer_to(HEADER[:9]) == b""


async def test_header_in_pieces_stands_before_tls_too(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.issue_cert("hub.example").private_key_and_cert_chain_pem.write_to_path(tmp_path / "hub.pem")
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    pem = tmp_path / "hub.pem"
    async with running_door(tell_who, trusted_proxies=TRUSTED, has_proxy_protocol=True, tls_certificate=pem, tls_key=pem) as place:
        with trio.fail_after(30):
            transport = await place.connect()
            for byte in HEADER:
                await transport.send_all(bytes([byte]))
            stream = trio.SSLStream(transport, trust, server_hostname="hub.example")
            await stream.send_all(REQUEST)
            assert (await everything(stream)).endswith(b"203.0.113.5 https")
            await trio.aclose_forcefully(transport)
