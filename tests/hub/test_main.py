"""The whole hub in this process: it says where it listens, stops in order, and refuses a directory that another one uses."""

import json
import stat
from pathlib import Path

import httpx
import pytest
import trio
from structlog.testing import capture_logs

from devices import Channel, Device
from hub.client import HubClient
from hub.client.accounts import make_token
from hub.client.live import LiveConnection
from hub.config import Settings
from hub.core.errors import Refusal
from hub.datadir import DataDirError
from hub.main import now_us, serve


def settings_for(directory: Path) -> Settings:
    return Settings(port=0, data_dir=directory)


def said_in(directory: Path) -> dict[str, object]:
    path = directory / "hub.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    said: dict[str, object] = json.loads(path.read_text())
    return said


async def test_a_hub_says_where_it_listens_and_leaves_nothing_of_it_when_it_stops(tmp_path: Path) -> None:
    for _ in range(2):  # the second one finds what the first one left
        async with trio.open_nursery() as nursery:
            url = await nursery.start(serve, settings_for(tmp_path))
            assert said_in(tmp_path)["url"] == url
            async with httpx.AsyncClient() as client:
                assert (await client.get(f"{url}/healthz")).status_code == 200
                assert (await client.get(f"{url}/readyz")).status_code == 200
            nursery.cancel_scope.cancel()
        assert not await trio.Path(tmp_path / "hub.json").exists()
        with pytest.raises(OSError, match="attempts to connect"):
            await trio.open_tcp_stream("127.0.0.1", int(url.rpartition(":")[2]))


async def test_a_second_hub_is_refused_a_directory_in_use_by_one_plain_error(tmp_path: Path) -> None:
    async with trio.open_nursery() as nursery:
        await nursery.start(serve, settings_for(tmp_path))
        with pytest.RaisesGroup(DataDirError):
            async with trio.open_nursery() as other:
                await other.start(serve, settings_for(tmp_path))
        assert said_in(tmp_path)["pid"]
        nursery.cancel_scope.cancel()


async def test_a_hub_whose_database_is_away_starts_says_so_and_takes_frames(tmp_path: Path) -> None:
    settings = Settings(port=0, data_dir=tmp_path, store="victoriametrics+http://127.0.0.1:9")  # nobody listens on the discard port
    with capture_logs() as logs:
        async with trio.open_nursery() as nursery:
            url = await nursery.start(serve, settings)
            async with HubClient(url, (tmp_path / "admin.token").read_text().strip()) as client:
                async with Device(
                    url, "pump", await client.add_device("pump"), channels=[Channel("temp")], spool_dir=tmp_path / "spool"
                ) as device:
                    await device.send({"temp": 20.5})
                    await device.drained(10)
                said = await client.hub()
            assert (said["store"]["name"], said["store"]["state"], said["ack_after"]) == ("VictoriaMetrics", "down", "journal")
            assert "127.0.0.1:9" in said["store"]["reason"]
            nursery.cancel_scope.cancel()
    assert "history_not_open" in [log["event"] for log in logs]


async def test_acks_wait_for_no_database_that_answers_before_it_syncs(tmp_path: Path) -> None:
    settings = Settings(port=0, data_dir=tmp_path, store="victoriametrics+http://127.0.0.1:9", ack_after="store")
    with pytest.RaisesGroup(pytest.RaisesExc(Refusal, match="ack_after = store is not possible with VictoriaMetrics")):
        async with trio.open_nursery() as nursery:
            await nursery.start(serve, settings)


async def test_frames_are_acked_by_a_hub_whose_acks_wait_for_the_store(tmp_path: Path) -> None:
    settings = Settings(port=0, data_dir=tmp_path, ack_after="store")
    async with trio.open_nursery() as nursery:
        url = await nursery.start(serve, settings)
        async with HubClient(url, (tmp_path / "admin.token").read_text().strip()) as client:
            async with Device(
                url, "pump", await client.add_device("pump"), channels=[Channel("temp")], spool_dir=tmp_path / "spool"
            ) as device:
                for number in range(600):  # more than a window
                    await device.send({"temp": number})
                await device.drained(20)
            answer = await client.query("pump", span_s=60)  # acked is stored
        assert sorted(value for series in answer["series"] for *_, value in series["points"]) == list(range(600))
        nursery.cancel_scope.cancel()


async def test_a_clock_of_the_hub_that_is_set_by_an_hour_ends_nothing_and_holds_nothing_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_by_us = 0
    monkeypatch.setattr("hub.main.now_us", lambda: now_us() + set_by_us)
    async with trio.open_nursery() as nursery:
        url = await nursery.start(serve, settings_for(tmp_path))
        async with HubClient(url, (tmp_path / "admin.token").read_text().strip()) as client:
            device_token, token = await client.add_device("pump"), await make_token(client, "wall", "viewer", 30)
            async with (
                Device(url, "pump", device_token, channels=[Channel("temp")], spool_dir=tmp_path / "spool") as device,
                HubClient(url, token["token"]) as watching,
                watching.live("websocket") as live,
            ):
                await live.subscribe("all", span_s=7_200)
                for number, set_by_s in enumerate((0, 3_600, -3_600, 0)):
                    set_by_us = set_by_s * 1_000_000
                    await device.send({"temp": float(number)})
                    await device.drained(20)
                    await until_shown(live, float(number))
                    await until_has_looked(client)
                assert device.statistics().connects == 1
                metrics = await client.metrics()
                assert "tributary_device_connections_ended_total{" not in metrics
                assert "tributary_connections_open_viewers 1.0" in metrics
                assert (await client.device("pump"))["presence"] == "online"
        nursery.cancel_scope.cancel()


async def until_shown(live: LiveConnection, value: float) -> None:
    with trio.fail_after(20):
        async for message in live:
            if any(value in column["v"] for column in message.get("data", ()) if "v" in column):
                return


async def until_has_looked(client: HubClient) -> None:
    """Return when what looks at a clock once a second has done so."""
    looked = (await client.hub())["load"]["over_s"]
    with trio.fail_after(20):
        while (await client.hub())["load"]["over_s"] == looked < 10:
            pass
