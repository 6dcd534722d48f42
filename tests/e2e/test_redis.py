"""A real hub whose state is in a real Redis, which is not there at the start, is killed, and comes back: service goes on meanwhile."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest
import trio

from devices import Channel, Device
from hub.client import HubClient, HubError
from simulators.hub_process import HubProcess
from tests.support.hub_process import HubFailed, running_hub
from tests.support.redis import PROGRAM, RedisProcess, running_redis

pytestmark = pytest.mark.needs_server(PROGRAM)

_READY_S: Final = 20.0


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
            Device(hub.url, "pump", token, channels=[Channel("temp")]) as device,
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
