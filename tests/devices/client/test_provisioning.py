"""A device that registers itself, at a real HTTP server that answers what a test wants: nothing is asked before the nonce is kept."""

import json
import stat
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trio

from devices.client import DeviceRefused, Unreachable, kept_token, register
from devices.client import provisioning as module


class Hub:
    """What the server was asked, and what it will answer: the last answer stays."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, Any]]] = []
        self.answers: list[tuple[int, dict[str, str], bytes]] = []
        self.url = ""

    def next_answer(self) -> tuple[int, dict[str, str], bytes]:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    hub = Hub()
    monkeypatch.setattr(module, "_PAUSE_S", (0.01, 0.05))

    class Site(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            hub.asked.append((self.path, self.headers["Authorization"], body))
            status, headers, content = hub.next_answer()
            if not status:
                self.close_connection = True  # as a hub that dies before it answers
                return
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(content))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        hub.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield hub
        finally:
            server.shutdown()
            thread.join(10)


def said(**what: str) -> bytes:
    return json.dumps(what).encode()


GIVEN: tuple[int, dict[str, str], bytes] = (201, {}, said(device="pump", token="secret"))


async def test_the_token_is_kept_for_its_owner_alone_and_asked_for_once(hub: Hub, tmp_path: Path) -> None:
    hub.answers = [GIVEN]
    path = tmp_path / "state" / "pump.token"
    assert await kept_token(hub.url, "pump", "key", path, facts={"title": "a pump"}) == "secret"
    assert await kept_token(hub.url, "pump", "", path) == "secret"
    assert path.read_text() == "secret\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["pump.token"]
    [(place, credential, body)] = hub.asked
    assert (place, credential) == ("/api/v1/provision", "Bearer key")
    assert body["title"] == "a pump"
    assert len(body["nonce"]) == 32


async def test_an_answer_that_was_lost_is_asked_for_again_with_the_same_nonce(hub: Hub, tmp_path: Path) -> None:
    hub.answers = [(0, {}, b""), (503, {"Retry-After": "0"}, said(message="busy")), (429, {}, b"not JSON"), GIVEN]
    with trio.fail_after(20):
        assert await kept_token(hub.url, "pump", "key", tmp_path / "pump.token") == "secret"
    assert len(hub.asked) == 4
    assert len({body["nonce"] for _, _, body in hub.asked}) == 1


async def test_a_device_that_lost_its_power_while_it_asked_goes_on_with_the_same_nonce(hub: Hub, tmp_path: Path) -> None:
    hub.answers = [(503, {}, b"")]
    path = tmp_path / "pump.token"
    with trio.move_on_after(0.5):
        await kept_token(hub.url, "pump", "key", path)
    hub.answers = [GIVEN]
    assert await kept_token(hub.url, "pump", "key", path) == "secret"
    assert len({body["nonce"] for _, _, body in hub.asked}) == 1


@pytest.mark.parametrize(("status", "code"), [(401, "wrong_key"), (403, "provisioning_off"), (409, "exists"), (422, "bad_name")])
async def test_where_somebody_has_to_act_it_says_what_and_stops(hub: Hub, tmp_path: Path, status: int, code: str) -> None:
    hub.answers = [(status, {}, said(code=code, message="no", hint="ask an administrator"))]
    with pytest.raises(DeviceRefused, match="ask an administrator") as caught:
        await kept_token(hub.url, "pump", "key", tmp_path / "pump.token")
    assert caught.value.code == status
    assert "key" not in str(caught.value)


@pytest.mark.parametrize("path", ["", "/", "/v1/device", "/hub", "/hub/v1/device"])
async def test_an_address_with_a_path_keeps_it(hub: Hub, path: str) -> None:
    hub.answers = [GIVEN]
    await register(hub.url + path, "pump", "key", "n" * 16)
    assert hub.asked[0][0] == ("/hub" if "hub" in path else "") + "/api/v1/provision"


async def test_nobody_there_is_tried_again_later(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="cannot register"):
        await register("http://127.0.0.1:1", "pump", "key", "n" * 16)
    with pytest.raises(Unreachable):
        await register("https://127.0.0.1:1", "pump", "key", "n" * 16)
