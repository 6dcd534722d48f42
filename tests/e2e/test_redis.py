"""A real hub whose state is in a real Redis, which is not there at the start, is killed, and comes back: service goes on meanwhile."""

import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import httpx
import pytest
import trio
from trio_websocket import open_websocket_url

from devices import Channel, Device
from hub.client import HubClient, HubError
from simulators.hub_process import HubProcess
from tests.support.chance import Eager
from tests.support.command_line import CommandLine
from tests.support.hub_process import HubFailed, RunningHub, running_hub
from tests.support.redis import PROGRAM, RedisProcess, connected, running_redis

pytestmark = pytest.mark.needs_server(PROGRAM)

_READY_S: Final = 20.0
in_thread = trio.to_thread.run_sync


def on(redis: RedisProcess, **more: str) -> Mapping[str, str]:
    """Return the environment of a hub on a Redis."""
    return {"TRIBUTARY_STATE": "redis", "TRIBUTARY_REDIS_URL": redis.url, "TRIBUTARY_NODE": "one", **more}


async def test_a_hub_waits_for_a_redis_that_is_not_there_yet(tmp_path: Path) -> None:
    redis = RedisProcess(tmp_path / "redis")
    hub = HubProcess(tmp_path / "data", environment=on(redis))
    try:
        with trio.fail_after(_READY_S):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.to_thread.run_sync, lambda: hub.start())
                while not hub.log.exists() or "waiting_for_redis" not in hub.log.read_text():  # noqa: ASYNC110
                    await trio.sleep(0.02)  # another process: there is nothing to be woken by
                await trio.to_thread.run_sync(redis.start)
        text = hub.log.read_text()
        assert "Connection refused" in text
        assert "Traceback" not in text
        assert hub.stop() == 0
    finally:
        hub.kill()
        redis.kill()


async def test_frames_and_live_view_go_on_without_redis_and_changes_when_it_is_back(tmp_path: Path) -> None:
    with running_redis(tmp_path / "redis") as redis, running_hub(tmp_path / "data", environment=on(redis)) as hub, trio.fail_after(60):
        token = hub.provision("pump")
        async with (
            HubClient(hub.url, hub.admin_token) as client,
            Device(hub.url, "pump", token, channels=[Channel("temp")], rng=Eager()) as device,
            client.live() as live,
        ):
            await live.subscribe("a", ["pump"], span_s=60)
            await device.send({"temp": 1.0})
            await device.drained(10)
            redis.kill()
            with pytest.raises(HubError) as refused:
                await client.add_device("late")
            assert refused.value.code == "store_unavailable"
            await device.send({"temp": 2.0})
            await device.drained(10)
            async for message in live:
                if any(2.0 in column.get("v", ()) for column in message.get("data", ())):
                    break
            await trio.to_thread.run_sync(redis.start)
            while True:
                with suppress(HubError):
                    await client.add_device("later")
                    break
                await trio.sleep(0.05)  # another process: there is nothing to be woken by
        text = hub.process.log.read_text()
        assert "redis_away" in text
        assert "redis_answers" in text
        assert "Traceback" not in text


async def test_who_is_logged_in_reads_on_without_redis_and_devices_come_anew(tmp_path: Path) -> None:
    with running_redis(tmp_path / "redis") as redis, running_hub(tmp_path / "data", environment=on(redis)) as hub, trio.fail_after(60):
        token = hub.provision("pump")
        script = hub.api("POST", "/api/v1/tokens", {"name": "script", "role": "admin", "days": 1})["token"]
        link = hub.api("POST", "/api/v1/logins")["url"]
        async with httpx.AsyncClient(base_url=hub.url, headers={"Origin": hub.url}, timeout=20.0) as page:
            assert (await page.get(link)).status_code == 200
            names = ("hub", "devices", "alerts", "dashboards", "nodes", "latest", "users")
            paths = ("/", *(f"/api/v1/{name}" for name in names))
            assert {path: (await page.get(path)).status_code for path in paths} == dict.fromkeys(paths, 200)
            redis.kill()
            assert {path: (await page.get(path)).status_code for path in paths} == dict.fromkeys(paths, 200)
            guess = {"Cookie": "; ".join(f"{name}=guess" for name in page.cookies)}
            async with httpx.AsyncClient(base_url=hub.url, headers=guess) as stranger:
                assert (await stranger.get("/api/v1/hub")).json()["code"] == "store_unavailable"
            async with Device(hub.url, "pump", token, channels=[Channel("temp")], rng=Eager()) as device:
                await device.send({"temp": 1.0})
                await device.drained(10)
            session = (await page.post("/api/v1/live", json={"messages": []})).json()["session"]
            assert (await page.get(f"/api/v1/live/{session}")).json()["messages"]
            cookies = "; ".join(f"{name}={value}" for name, value in page.cookies.items())
            headers = [(b"Cookie", cookies.encode()), (b"Origin", hub.url.encode())]
            address = hub.url.replace("http", "ws", 1) + "/v1/live"
            async with open_websocket_url(address, subprotocols=["tributary.live.v1.json"], extra_headers=headers) as socket:
                assert '"ready"' in await socket.get_message()
            changed = await page.post("/api/v1/alerts/acknowledge", json={"alerts": ["none"]})
            assert (changed.status_code, changed.json()["code"]) == (503, "store_unavailable")
            assert "can read, and change nothing" in changed.json()["message"]
            by_token = {"Authorization": f"Bearer {script}"}
            assert (await page.get("/api/v1/devices", headers=by_token)).status_code == 200
            await trio.to_thread.run_sync(redis.start)
            while (await page.put("/api/v1/devices/pump/shadow/desired", json={})).status_code == 503:  # noqa: ASYNC110
                await trio.sleep(0.05)  # another process: there is nothing to be woken by
        assert "Traceback" not in hub.process.log.read_text()


def test_what_a_hub_keeps_in_redis_outlives_both(tmp_path: Path) -> None:
    with running_redis(tmp_path / "redis") as redis:
        with running_hub(tmp_path / "data", environment=on(redis)) as hub:
            hub.provision("pump")
            hub.api("POST", "/api/v1/tokens", {"name": "script", "role": "viewer", "days": 1})
        redis.kill()
        redis.start()
        with running_hub(tmp_path / "data", environment=on(redis)) as hub:
            assert [device["device"] for device in hub.api("GET", "/api/v1/devices")["devices"]] == ["pump"]
            assert [token["name"] for token in hub.api("GET", "/api/v1/tokens")["tokens"]] == ["script"]
            with pytest.raises(AssertionError, match="state_elsewhere"):
                hub.api("POST", "/api/v1/backup", {"folder": str(tmp_path / "backup")})
        assert not (tmp_path / "data" / "state.db").exists()


def test_a_wrong_password_ends_the_start_in_one_line_and_the_right_one_is_taken(tmp_path: Path) -> None:
    with running_redis(tmp_path / "redis", "--requirepass", "right") as redis:
        hub = HubProcess(tmp_path / "data", environment=on(redis, TRIBUTARY_REDIS_PASSWORD="no such"))
        try:
            with pytest.raises(HubFailed):
                hub.start()
        finally:
            hub.kill()
        text = hub.log.read_text()
        assert "correct redis_url, redis_password" in text
        assert "Traceback" not in text
        assert "no such" not in text
        with running_hub(tmp_path / "data", environment=on(redis, TRIBUTARY_REDIS_PASSWORD="right")) as good:
            good.provision("pump")


async def test_a_node_whose_name_another_took_ends_in_order(tmp_path: Path) -> None:
    with running_redis(tmp_path / "redis") as redis, trio.fail_after(60):
        hub = HubProcess(tmp_path / "data", environment=on(redis))
        try:
            await trio.to_thread.run_sync(hub.start)
            async with connected(redis.url) as client, HubClient(hub.url, hub.admin_token) as admin, admin.live() as live:
                record = f'{time.time_ns() // 1_000_000 + 60_000} another life 0 {{"url": "http://elsewhere"}}'
                await client.ask(lambda asked: asked.hset(client.key("nodes"), {"one": record}))
                with pytest.raises(HubError, match="1012"):
                    async for _ in live:
                        pass
            assert await trio.to_thread.run_sync(hub.stop) == 1
            assert "another node took the name one while this one did not reach Redis: it is at http://elsewhere" in hub.tail(1)
            assert "Traceback" not in hub.log.read_text()
            assert not (hub.data_dir / "hub.json").exists()
        finally:
            hub.kill()


def values_of(hub: RunningHub) -> list[float]:
    """Return what is stored of the device."""
    return [value for each in hub.api("GET", "/api/v1/query?device=pump&span_s=600")["series"] for *_, value in each["points"]]


class Pump:
    """A device that counts when it is told to."""

    def __init__(self, spool: Path) -> None:
        self._spool = spool
        self.ran: list[int] = []

    def at(self, hub: RunningHub, token: str) -> Device:
        """Return its client."""
        device = Device(hub.url, "pump", token, channels=[Channel("temp")], spool_dir=self._spool, rng=Eager())
        device.command("count", args={"to": {"type": "integer"}})(lambda to: self.ran.append(to))
        return device


async def a_life_alone(data: Path, pump: Pump) -> tuple[str, str, list[str]]:
    """Have a hub without others learn things; return tokens of the device and of a program, and two commands, one of which waits."""
    with running_hub(data) as hub:
        token = hub.provision("pump")
        async with pump.at(hub, token) as device, HubClient(hub.url, hub.admin_token) as client:
            await device.send({"temp": 70.0})
            await device.drained(10)
            first = await client.command("pump", "count", {"to": 1})
            assert (await client.command_ended(first["id"]))["state"] == "done"
        api = str(hub.api("POST", "/api/v1/tokens", {"name": "script", "role": "operator", "days": 1})["token"])
        hub.api("POST", "/api/v1/rules", {"rule": "hot", "kind": "above", "limit": 50, "devices": ["pump"], "channels": ["temp"]})
        waiting = hub.api("POST", "/api/v1/devices/pump/commands", {"name": "count", "args": {"to": 2}, "ttl_s": 3_600})
    return token, api, [first["id"], str(waiting["id"])]


async def test_a_hub_that_stood_alone_goes_on_as_a_node_with_all_that_it_knew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data, config = tmp_path / "data", tmp_path / "node.toml"
    with running_redis(tmp_path / "redis") as redis, trio.fail_after(60):
        pump = Pump(tmp_path / "spool")
        token, api, commands = await a_life_alone(data, pump)
        hasty = HubProcess(data, environment=on(redis))
        with pytest.raises(HubFailed):
            await in_thread(hasty.start)
        assert "has 1 device of the hub that stood alone here" in hasty.tail(1)
        assert "tributary state copy" in hasty.tail(1)
        config.write_text(f'state = "redis"\nredis_url = "{redis.url}"\nnode = "one"\n')
        run = CommandLine(data, monkeypatch, capsys)
        done = await in_thread(run, "state", "copy", "--config", str(config))
        assert (done.code, done.out) == (0, f"tributary serve --data-dir {data} --config {config}\n"), done.err
        assert "1 devices" in done.err
        again = await in_thread(run, "state", "copy", "--config", str(config))
        assert again.code == 1
        assert "--replace" in again.err
        with running_hub(data, environment=on(redis)) as hub:
            async with pump.at(hub, token) as device, HubClient(hub.url, api) as client:
                assert (await client.command_ended(commands[1]))["state"] == "done"
                assert pump.ran == [1, 2]  # by a fence above that of the hub alone
                await device.send({"temp": 71.0})
                await device.drained(10)
                assert [each["id"] for each in await client.commands("pump")] == commands[::-1]
                while not hub.api("GET", "/api/v1/alerts")["alerts"]:  # noqa: ASYNC110
                    await trio.sleep(0.05)  # another process: there is nothing to be woken by
            while values_of(hub) != [70.0, 71.0]:  # noqa: ASYNC110
                await trio.sleep(0.05)  # another process: there is nothing to be woken by
            with (data / "state.db").open("rb") as file:
                assert file.read(6) == b"SQLite"  # it stays


def test_a_copy_of_a_state_is_refused_where_the_settings_name_no_redis(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = CommandLine(tmp_path / "data", monkeypatch, capsys)("state", "copy")
    assert refused.code == 2
    assert "there is no Redis to copy to" in refused.err
