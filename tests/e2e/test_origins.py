"""Pages of other sites against a real hub: whatever Origin they send, with our user's cookie they get in nowhere (reliability.md row 47).

Each variant is tried on both sockets before the upgrade, and on the ways without a WebSocket; and nothing is refused that should not be.
"""

import base64
import http.client
import json
from collections.abc import Iterator
from http.cookies import SimpleCookie
from typing import Any, NamedTuple

import msgpack
import pytest

from tests.support.hub_process import RunningHub, running_hub

ALLOWED = "https://dash.example:8443"
# {own} stands for host:port of the hub as the browser calls it, {host} and {port} for its parts.
FOREIGN = [
    "http://evil.example",
    "https://evil.example",
    "null",
    "",
    "http://",
    "file://",
    "http://{host}",  # the default port is another one
    "http://{host}:{port}0",
    "http://{host}:1",
    "http://{own}.evil.example",
    "http://evil.example/{own}",
    "http://evil.example#{own}",
    "http://evil.example?{own}",
    "http://{own}@evil.example",
    "http://user@{own}",
    "http://{own}/",
    "http://x{own}",
    "ftp://{own}",
    "ws://{own}",
    "{own}",
    "http://localhost:{port}",  # the same machine by another name
    "http://{own} http://evil.example",
    "http://evil.example, http://{own}",
    "https://dash.example",  # the allowed one on another port
    "https://dash.example:8443.evil.example",
    "http://dash.example:8443",  # and over another scheme
]
OWN = ["http://{own}", "HTTP://{own}", "https://{own}", ALLOWED, ALLOWED.upper()]


class Asked(NamedTuple):
    """A hub, and who asks it."""

    hub: RunningHub
    cookie: str
    device_token: str

    def origin(self, written: str) -> str:
        host, port = self.hub.address
        return written.format(own=f"{host}:{port}", host=host, port=port)

    def __call__(self, method: str, path: str, body: bytes | None = None, /, **headers: str) -> tuple[int, Any]:
        """Send a request on a connection of its own; return the status, and what is said of a refusal."""
        connection = http.client.HTTPConnection(*self.hub.address, timeout=10)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            text = b"" if answer.status == 101 else answer.read(100_000)
            is_json = answer.headers.get("content-type", "").startswith("application/json")
            return answer.status, json.loads(text) if is_json else text
        finally:
            connection.close()

    def upgrade(self, path: str, **headers: str) -> int:
        """Return the status of a handshake."""
        spoken = "tributary.live.v1.json" if path == "/v1/live" else "tributary.device.v1"
        shake = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Protocol": spoken}
        return self("GET", path, **shake, Sec_WebSocket_Key=base64.b64encode(bytes(16)).decode(), **headers)[0]


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    settings = {"TRIBUTARY_ALLOWED_ORIGINS": ALLOWED}
    with running_hub(tmp_path_factory.mktemp("hub") / "data", environment=settings) as hub:
        yield Asked(hub, logged_in(hub), hub.provision("boiler"))


def logged_in(hub: RunningHub, **headers: str) -> str:
    """Log in by a link and return the cookie as a browser sends it back."""
    return "; ".join(f"{name}={each.value}" for name, each in cookies_of(hub, **headers).items())


def cookies_of(hub: RunningHub, **headers: str) -> "SimpleCookie":
    connection = http.client.HTTPConnection(*hub.address, timeout=10)
    path = hub.login_url().partition("/login")[2]
    connection.request("GET", f"/login{path}", headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return SimpleCookie(answer.headers["Set-Cookie"])


@pytest.mark.parametrize("written", FOREIGN)
def test_a_page_of_another_site_gets_in_nowhere_with_our_cookie(asked: Asked, written: str) -> None:
    by_cookie = {"Cookie": asked.cookie, "Origin": asked.origin(written)}
    as_json = {"Content-Type": "application/json"}
    assert asked.upgrade("/v1/live", **by_cookie) == 403
    assert asked.upgrade("/v1/device", **by_cookie) == 401  # a cookie is nothing to it
    assert asked.upgrade("/v1/device", Authorization=f"Bearer {asked.device_token}", Origin=asked.origin(written)) == 403
    for method, path, body in (
        ("POST", "/api/v1/live", b'{"messages": []}'),
        ("GET", "/api/v1/live/no-such-session?after=0", None),
        ("GET", "/api/v1/live/no-such-session/events", None),
        ("DELETE", "/api/v1/live/no-such-session", None),
        ("POST", "/api/v1/devices", b'{"name": "forged"}'),
        ("GET", "/api/v1/devices", None),
    ):
        status, said = asked(method, path, body, **by_cookie, **as_json)
        assert (status, said["code"]) == (403, "foreign_origin"), (method, path)
    hello = msgpack.packb({"messages": [b"\x80"], "after": 0})
    assert asked("POST", "/api/v1/device", hello, **by_cookie)[0] == 401
    assert [each["device"] for each in asked.hub.api("GET", "/api/v1/devices")["devices"]] == ["boiler"]


def test_there_are_as_many_variants_as_were_promised() -> None:
    assert len(set(FOREIGN)) >= 20


def test_a_missing_origin_does_with_a_token_and_not_with_a_cookie(asked: Asked) -> None:
    assert asked.upgrade("/v1/live", Cookie=asked.cookie) == 403
    assert asked("POST", "/api/v1/live", b"{}", Cookie=asked.cookie, Content_Type="application/json")[0] == 403
    token = {"Authorization": f"Bearer {asked.hub.admin_token}"}
    assert asked.upgrade("/v1/live", **token) == 101
    assert asked.upgrade("/v1/device", Authorization=f"Bearer {asked.device_token}") == 101
    assert asked("POST", "/api/v1/live", b"{}", **token, Content_Type="application/json")[0] == 201
    assert asked("GET", "/api/v1/devices", Cookie=asked.cookie)[0] == 200  # a page asks its own site so


@pytest.mark.parametrize("written", OWN)
def test_the_hubs_own_page_and_an_allowed_one_get_in(asked: Asked, written: str) -> None:
    by_cookie = {"Cookie": asked.cookie, "Origin": asked.origin(written)}
    assert asked.upgrade("/v1/live", **by_cookie) == 101
    assert asked("POST", "/api/v1/live", b"{}", **by_cookie, Content_Type="application/json")[0] == 201
    assert asked("GET", "/api/v1/devices", **by_cookie)[0] == 200


def test_the_cookie_is_sent_by_this_sites_own_pages_alone_and_by_no_script(asked: Asked) -> None:
    (cookie,) = cookies_of(asked.hub).values()
    assert (cookie["samesite"].lower(), cookie["httponly"], cookie["domain"], cookie["path"]) == ("strict", True, "", "/")
    assert not cookie["secure"]
    (forged,) = cookies_of(asked.hub, X_Forwarded_Proto="https").values()
    assert not forged["secure"]  # whoever says so is no proxy of ours


def test_behind_a_trusted_proxy_that_ends_tls_the_cookie_is_for_tls_only(tmp_path_factory: pytest.TempPathFactory) -> None:
    settings = {"TRIBUTARY_TRUSTED_PROXIES": "127.0.0.1"}
    with running_hub(tmp_path_factory.mktemp("hub") / "data", environment=settings) as hub:
        for said, is_secure in {"https": True, "http": False, "https, http": False, "http, https": True}.items():
            (cookie,) = cookies_of(hub, X_Forwarded_Proto=said).values()
            assert bool(cookie["secure"]) is is_secure, said
