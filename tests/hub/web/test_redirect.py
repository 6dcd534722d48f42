"""Plain requests on the TLS port, and the base path: who is sent on, to where, and who is told instead."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import trio
import trustme

from tests.support.door import Place, is_refusal, running_door, until, upgrade, wears_security

SAFE = b"%s %s HTTP/1.1\r\nHost: %s\r\n\r\n"


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tls") / "hub.pem"
    trustme.CA().issue_cert("hub.example").private_key_and_cert_chain_pem.write_to_path(path)
    return path


async def place_of(place: Place, target: bytes, host: bytes = b"hub.example:8443", method: bytes = b"GET") -> str:
    """Return where a request is sent to."""
    heard = await place.answer_to(SAFE % (method, target, host))
    assert heard.startswith(b"HTTP/1.1 307 "), heard
    wears_security(heard)
    fields: Mapping[bytes, bytes] = dict(line.split(b": ", 1) for line in heard.strip().split(b"\r\n")[1:])
    assert (fields[b"Connection"], fields[b"Cache-Control"]) == (b"close", b"no-store")
    return fields[b"Location"].decode()


async def test_browser_on_the_tls_port_is_sent_to_https_of_the_same_host(pem: Path) -> None:
    async with running_door(tls_certificate=pem) as place:
        assert await place_of(place, b"/") == "https://hub.example:8443/"
        assert await place_of(place, b"/login?token=x%20y", method=b"HEAD") == "https://hub.example:8443/login?token=x%20y"
        assert await place_of(place, b"/", b"[::1]:8443") == "https://[::1]:8443/"
        assert await place_of(place, b"//evil.example/", b"10.0.0.7") == "https://10.0.0.7//evil.example/"
        await place.holds(0)


async def test_who_follows_the_link_of_a_shared_dashboard_is_sent_to_that_link(pem: Path) -> None:
    link = "/shared/5f0c9a1be2d34f67/"
    async with running_door(tls_certificate=pem) as place:
        assert await place_of(place, link.encode()) == f"https://hub.example:8443{link}"


async def test_browser_on_the_tls_port_is_sent_to_the_public_address(pem: Path) -> None:
    async with running_door(tls_certificate=pem, public_url="https://dash.example.com/hub") as place:
        assert await place_of(place, b"/static/a.js?v=1") == "https://dash.example.com/hub/static/a.js?v=1"
        assert await place_of(place, b"/hub/") == "https://dash.example.com/hub/"
        assert await place_of(place, b"/hub") == "https://dash.example.com/hub"


@pytest.mark.parametrize(
    "request_",
    [
        b"POST /login HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
        b"GET /api/v1/hub HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer secret\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: evil.example/x?\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: user@evil.example\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
        upgrade(),
    ],
)
async def test_what_no_redirect_would_make_right_is_told_so(pem: Path, request_: bytes) -> None:
    async with running_door(tls_certificate=pem) as place:
        said = is_refusal(await place.answer_to(request_), 403, "tls_required")
        assert "https://" in said["hint"]


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        (b"/hub/static/a.js", b"hello from /static/a.js"),
        (b"/hub/", b"hello from /"),
        (b"/static/a.js", b"hello from /static/a.js"),  # the proxy took it away
        (b"/hubs/a", b"hello from /hubs/a"),
        (b"/hub/hub/a", b"hello from /hub/a"),
        (b"/hub/shared/5f0c9a1be2d34f67/api/v1/query", b"hello from /api/v1/query"),
    ],
)
async def test_base_path_may_be_there_or_be_taken_away_by_the_proxy(asked: bytes, answered: bytes) -> None:
    async with running_door(public_url="https://example.com/hub") as place:
        heard = await place.answer_to(b"GET %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" % asked)
        assert heard.endswith(b"\r\n\r\n" + answered)


async def test_base_path_without_its_last_slash_is_sent_there() -> None:
    async with running_door(public_url="https://example.com/hub") as place:
        assert await place_of(place, b"/hub") == "/hub/"


@pytest.mark.parametrize("path", ["/hub/v1/device", "/v1/device"])
async def test_sockets_open_below_the_base_path(path: str) -> None:
    async with running_door(public_url="https://example.com/hub") as place:
        with trio.fail_after(30):
            async with await place.connect() as stream:
                await stream.send_all(upgrade(path))
                assert (await until(stream, b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
