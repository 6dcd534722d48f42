"""The life of one hub with a secret of each kind and somebody who means harm: what is open, what is said, what is kept, what is left.

No secret stands in the log, in an answer, in an export, in a backup or in the list of processes; nothing else listens; and of a device
that is deleted with its readings only the audit log knows.
"""

import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
import pytest
import trio

from devices.client import Device
from devices.wire.messages import Channel, Kind
from tests.support.command_line import TRIBUTARY
from tests.support.environment import clean_environment
from tests.support.hub_process import RunningHub, running_hub
from tests.support.waiting import until

ERASED = "erased-device-7f3a"
PAYLOAD, ARGUMENT, NOTE = "payload-5f1d9c", "argument-77ab01", "log-line-3c2e88"  # what devices and people say, which is in no log
HASHED = ("device token", "other device token", "provisioning key", "api token", "password", "session", "login link", "share link")
IN_STATE = ("webhook secret", "webhook address")  # with these the hub signs and asks: they are kept as they are (docs/security.md)
NOT_THERE = "smtp password"  # of the environment


@dataclass
class Life:
    """What happened, and where it may have left something."""

    hub: RunningHub
    directory: Path
    secrets: dict[str, str] = field(default_factory=dict)
    answers: list[tuple[str, str]] = field(default_factory=list)  # that are given to those who may read, or to nobody
    listening: list[tuple[str, int, str]] = field(default_factory=list)
    processes: str = ""

    def heard(self, place: str, answer: httpx.Response) -> httpx.Response:
        """Keep an answer, head and body, and say it."""
        self.answers.append((place, f"{answer.headers!r} {answer.text}"))
        return answer

    def log(self) -> str:
        """Return everything that the hub has printed."""
        return self.hub.process.log.read_text()

    def files(self, folder: Path) -> Iterator[tuple[str, bytes]]:
        """Return every file below a folder."""
        yield from ((str(path.relative_to(folder)), path.read_bytes()) for path in sorted(folder.rglob("*")) if path.is_file())


def _make_secrets(life: Life, admin: httpx.Client) -> None:
    """Have the hub make a secret of each kind, and use those that people use."""

    def made(path: str, body: dict[str, object], key: str) -> str:
        answer = admin.post(path, json=body)
        assert answer.status_code in (200, 201), answer.text
        return str(answer.json()[key])

    secrets = life.secrets
    secrets["administrator's token"] = life.hub.admin_token
    secrets["device token"], secrets["other device token"] = life.hub.provision("pump"), life.hub.provision(ERASED)
    secrets["provisioning key"] = made("/api/v1/provisioning", {"name": "pumps"}, "key")
    secrets["api token"] = made("/api/v1/tokens", {"name": "grafana", "role": "viewer"}, "token")
    secrets["password"] = "correct-horse-91c4"
    made("/api/v1/users", {"name": "ann", "role": "admin", "password": secrets["password"]}, "name")
    secrets["login link"] = life.hub.login_url().partition("token=")[2]
    tile = {"id": "a", "type": "number", "x": 0, "y": 0, "w": 1, "h": 1, "title": "", "config": {}}
    document = {"title": "Hall", "variables": [], "range": "1h", "tiles": [tile | {"config": {"source": {"devices": ["pump"]}}}]}
    assert admin.put("/api/v1/dashboards/hall", json={"dashboard": document, "version": 0}).status_code in (200, 201)
    secrets["share link"] = made("/api/v1/dashboards/hall/shares", {"name": "screen"}, "url").partition("#/")[2]
    secrets["webhook address"] = "hook-path-2d77e0"
    where = f"http://127.0.0.1:9/{secrets['webhook address']}"
    secrets["webhook secret"] = made("/api/v1/targets", {"target": "on-call", "kind": "webhook", "url": where}, "secret")
    rule = {"kind": "above", "channels": ["temp"], "limit": 80}
    assert admin.post("/api/v1/rules", json={"rule": "hot", **rule}).status_code in (200, 201)
    with httpx.Client(base_url=life.hub.url, headers={"Origin": life.hub.url}) as browser:
        life.heard("login", browser.post("/login", data={"name": "ann", "password": "wrong-horse"}))
        assert browser.post("/login", data={"name": "ann", "password": secrets["password"]}).status_code == 303
        secrets["session"] = next(iter(browser.cookies.values()))
        life.heard("page", browser.get("/"))
        life.heard("sessions", browser.get("/api/v1/account/sessions"))


async def _use_devices(life: Life) -> None:
    """Have two devices say all that a device says, and take a command and what is desired of them."""
    headers = {"Authorization": f"Bearer {life.hub.admin_token}"}
    async with httpx.AsyncClient(base_url=life.hub.url, headers=headers, timeout=30) as admin:
        for name, secret in (("pump", "device token"), (ERASED, "other device token")):
            with trio.fail_after(30):
                await _use_device(life, admin, name, life.secrets[secret])


async def _use_device(life: Life, admin: httpx.AsyncClient, name: str, token: str) -> None:
    device = Device(life.hub.url, name, token, channels=[Channel("temp", "Cel"), Channel("word", "", Kind.TEXT)])

    @device.command("blink", args={"key": {"type": "text"}})
    async def blink(key: str) -> str:
        return f"done {key}"

    @device.on_desired
    def apply(document: object, delta: object) -> None:
        pass

    async with device:
        await device.send({"temp": 90.0, "word": PAYLOAD})
        await device.log("warning", NOTE)
        await device.report({"word": PAYLOAD})
        await device.drained()
        sent = await admin.post(f"/api/v1/devices/{name}/commands", json={"name": "blink", "args": {"key": ARGUMENT}})
        assert sent.status_code in (200, 201, 202), sent.text
        desired = await admin.patch(f"/api/v1/devices/{name}/shadow/desired", json={"document": {"word": PAYLOAD}})
        assert desired.status_code == 200, desired.text
        await device.drained()
    assert (await admin.patch(f"/api/v1/devices/{name}", json={"tags": [f"note={name}"]})).status_code == 200


UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    "Sec-WebSocket-Protocol": "tributary.device.v1, tributary.live.v1.json",
}


async def _mean_harm(life: Life) -> None:
    """Say secrets where none belong, and wrong ones where they do."""
    for kind, secret in life.secrets.items():
        async with httpx.AsyncClient(base_url=life.hub.url) as client:
            for place, said in (
                (f"/nothing?token={secret}", {}),
                (f"/login?token={secret}x", {}),
                ("/api/v1/hub", {"Authorization": f"Bearer {secret}x"}),
                ("/api/v1/hub", {"Authorization": f"Basic {secret}"}),
                ("/api/v1/hub", {"Cookie": f"session={secret}"}),
                ("/metrics", {"Authorization": f"Bearer {secret}x", "X-Forwarded-For": secret}),
            ):
                life.heard(f"{kind} at {place.partition('?')[0]}", await client.get(place, headers=said))
            for path in ("/v1/device", "/v1/live"):
                life.heard(
                    f"{kind} at {path}",
                    await client.get(f"{path}?token={secret}", headers=UPGRADE | {"Authorization": f"Bearer {secret}x"}),
                )


def _look_everywhere(life: Life, admin: httpx.Client) -> None:
    """Ask for everything that there is to read."""
    paths = [path for path, ways in admin.get("/api/v1/openapi.json").json()["paths"].items() if "get" in ways and "{" not in path]
    for path in [*paths, "/metrics", "/api/v1/query?device=pump&span_s=600", "/api/v1/export?device=pump", "/api/v1/devices/pump"]:
        if "/login" not in path and "/targets" not in path:  # its address is what an administrator reads there
            with suppress(httpx.ReadTimeout):
                life.heard(path, admin.get(path, timeout=2))
    life.heard("target", admin.get("/api/v1/devices/pump/log"))
    own = psutil.Process(life.hub.process.pid)
    life.listening = [(str(each.laddr.ip), each.laddr.port, each.type.name) for each in own.net_connections() if not each.raddr]
    life.processes = "\n".join(" ".join(each.cmdline()) for each in (own, *own.children(recursive=True)))
    subprocess.run(
        [TRIBUTARY, "backup", str(life.directory / "backup"), "--data-dir", str(life.directory / "data")],
        check=True,
        capture_output=True,
        env=clean_environment(),
    )


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    directory = tmp_path_factory.mktemp("life")
    environment = {
        "TRIBUTARY_LOG_LEVEL": "debug",
        "TRIBUTARY_WEBHOOK_ALLOW": "127.0.0.1",
        "TRIBUTARY_SMTP_URL": "smtp+starttls://hub@127.0.0.1:9",
        "TRIBUTARY_MAIL_FROM": "hub@hub.example",
        "TRIBUTARY_SMTP_PASSWORD": "smtp-password-08bd",
    }
    with running_hub(directory / "data", environment=environment) as hub:
        life = Life(hub, directory, {NOT_THERE: environment["TRIBUTARY_SMTP_PASSWORD"]})
        with httpx.Client(base_url=hub.url, headers={"Authorization": f"Bearer {hub.admin_token}"}, timeout=30) as admin:
            _make_secrets(life, admin)
            trio.run(_use_devices, life)
            trio.run(_mean_harm, life)
            _look_everywhere(life, admin)
            assert admin.delete(f"/api/v1/devices/{ERASED}", params={"data": "true"}).status_code == 204
            life.heard("series", admin.get("/api/v1/series"))
            with closing(sqlite3.connect(directory / "data" / "state.db")) as state:
                trio.run(until, lambda: "document rules_of_device" not in _known_of(state, ERASED))
        assert hub.process.stop() == 0
        yield life


def test_every_kind_of_secret_was_in_use(life: Life) -> None:
    assert set(life.secrets) == {*HASHED, *IN_STATE, NOT_THERE, "administrator's token"}
    assert all(len(secret) >= 16 for secret in life.secrets.values())
    assert len(life.answers) > 60


def test_no_secret_and_nothing_that_devices_say_is_in_the_log(life: Life) -> None:
    log = life.log()
    assert "connection_refused" in log or "refused" in log  # there is something to look through
    said = life.secrets | {"reading": PAYLOAD, "argument": ARGUMENT, "line of a device": NOTE}
    assert [kind for kind, secret in said.items() if secret in log] == []
    assert "Traceback" not in log


def test_no_answer_says_a_secret(life: Life) -> None:
    assert [(place, kind) for place, text in life.answers for kind, secret in life.secrets.items() if secret in text] == []


def test_no_secret_is_an_argument_of_a_process(life: Life) -> None:
    assert "serve" in life.processes
    assert [kind for kind, secret in life.secrets.items() if secret in life.processes] == []


@pytest.mark.parametrize("folder", ["data", "backup"])
def test_what_is_kept_is_hashed_but_for_what_the_hub_itself_says_to_others(life: Life, folder: str) -> None:
    found: dict[str, set[str]] = {}
    for name, content in life.files(life.directory / folder):
        for kind, secret in life.secrets.items():
            if secret.encode() in content:
                found.setdefault(kind, set()).add(Path(name).name.partition("-")[0])
    assert found == {kind: {"state.db"} for kind in IN_STATE} | {"administrator's token": {"admin.token"}}


def test_the_hub_listens_where_it_was_told_and_nowhere_else(life: Life) -> None:
    assert life.listening == [(*life.hub.address, "SOCK_STREAM")]
    assert life.hub.address[0] == "127.0.0.1"


def test_of_a_device_that_is_deleted_with_its_readings_nothing_is_left_but_alerts_and_the_audit_log(life: Life) -> None:
    with closing(sqlite3.connect(life.directory / "data" / "state.db")) as state:
        assert _known_of(state, ERASED) == {"audit", "document alert", "document notice"}
        whole = {"devices", "commands", "connections", "log_lines", "document shadow", "document rules_of_device"}
        assert _known_of(state, "pump") >= whole  # what a device that is there has
    place, text = life.answers[-1]
    assert (place, ERASED in text, "pump" in text) == ("series", False, True)


def _known_of(state: sqlite3.Connection, device: str) -> set[str]:
    """Return where a device stands: tables, and kinds of documents."""
    tables = [name for (name,) in state.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found = [(table, row) for table in tables for row in state.execute(f"SELECT * FROM {table}") if device in repr(row)]
    return {f"document {row[0]}" if table == "documents" else table for table, row in found}
