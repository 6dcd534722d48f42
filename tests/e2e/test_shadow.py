"""Shadows of a real hub and real devices: set while one is away, killed hubs and devices, two editors, a hub that went back to a backup."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from devices.client import Device
from devices.client.ways import Way
from devices.wire.messages import Channel
from hub.client import HubClient, HubError, shadow
from simulators.hub_process import free_port
from tests.support.chance import Eager
from tests.support.command_line import TRIBUTARY
from tests.support.hub_process import RunningHub, running_hub
from tests.support.waiting import until

PROGRAM = Path(__file__).with_name("shadow_program.py")
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("TRIBUTARY_")}
in_thread = trio.to_thread.run_sync


def client_of(hub: RunningHub) -> HubClient:
    return HubClient(hub.url, hub.admin_token)


def pump_of(hub: RunningHub, token: str, spool: Path, applied: list[dict[str, Any]], way: Way = "auto") -> Device:
    device = Device(hub.url, "pump", token, channels=[Channel("temp", "Cel")], spool_dir=spool, rng=Eager(), way=way)

    @device.on_desired
    def apply(document: dict[str, Any], delta: Mapping[str, Any]) -> None:
        applied.append(document)

    return device


def _is_applied(applied: list[dict[str, Any]], number: int) -> bool:
    return bool(applied) and applied[-1] == {"n": number}


@pytest.mark.parametrize("way", ["websocket", "http"])
async def test_what_is_set_while_a_device_is_away_survives_a_killed_hub_and_reaches_it(tmp_path: Path, way: Way) -> None:
    applied: list[dict[str, Any]] = []
    with running_hub(tmp_path / "data", port=free_port()) as hub:
        token = await in_thread(hub.provision, "pump")
        async with client_of(hub) as client:
            said = await shadow.replace(client, "pump", {"interval_s": 5}, 0)
            await in_thread(hub.process.kill)
            await in_thread(hub.process.start)
            assert (await shadow.shadow(client, "pump"))["desired"] == said["desired"]
            async with client.live() as live, pump_of(hub, token, tmp_path / "spool", applied, way):
                assert (await shadow.in_step(client, "pump", 20))["reported"]["document"] == {"interval_s": 5}
                with trio.fail_after(20):
                    while True:
                        message = await live.receive()
                        if message["op"] == "shadows" and message["items"] and message["items"][0]["is_in_step"]:
                            break
                assert message["items"][0]["reported"]["document"] == {"interval_s": 5}
    assert applied == [{"interval_s": 5}]


async def test_whatever_kills_the_hub_the_device_ends_with_what_was_desired_last(tmp_path: Path) -> None:
    applied: list[dict[str, Any]] = []
    with running_hub(tmp_path / "data", port=free_port()) as hub:
        token = await in_thread(hub.provision, "pump")
        async with client_of(hub) as client, pump_of(hub, token, tmp_path / "spool", applied) as device:
            await shadow.merge(client, "pump", {"n": 0})
            for number in range(1, 3):
                await shadow.merge(client, "pump", {"n": number})  # answered: it is kept
                if number % 2:
                    await until(partial(_is_applied, applied, number))
                    await device.report({"seen": number})
                await in_thread(hub.process.kill)
                await in_thread(hub.process.start)
            said = await shadow.in_step(client, "pump", 30)
            await device.drained(30)
            assert said["desired"]["document"] == {"n": 2}
            assert said["reported"]["document"] == {"n": 2, "seen": 1}
    numbers = [document["n"] for document in applied]
    assert numbers == sorted(numbers)
    assert numbers[-1] == 2


async def test_a_device_that_is_killed_between_applying_and_reporting_applies_again_and_reports(tmp_path: Path) -> None:
    with running_hub(tmp_path / "data") as hub:
        token = await in_thread(hub.provision, "pump")
        command = [sys.executable, str(PROGRAM), hub.url, token, str(tmp_path)]
        async with client_of(hub) as client:
            await shadow.replace(client, "pump", {"a": 1}, 0)
            died = await in_thread(lambda: subprocess.run([*command, "die"], timeout=30, check=False))
            assert died.returncode == -signal.SIGKILL
            assert (await shadow.shadow(client, "pump"))["reported"]["version"] == 0
            process = await trio.lowlevel.open_process([*command, "live"])
            try:
                assert (await shadow.in_step(client, "pump", 20))["reported"]["document"] == {"a": 1}
            finally:
                process.kill()
                await process.wait()
    applied = [json.loads(line) for line in (tmp_path / "applied").read_text().splitlines()]
    assert len(applied) >= 2
    assert all(document == {"a": 1} for document in applied)


async def test_of_two_editors_one_wins_and_the_other_sees_both(tmp_path: Path) -> None:
    with running_hub(tmp_path / "data") as hub:
        await in_thread(hub.provision, "pump")
        async with client_of(hub) as ann, client_of(hub) as bob:
            ends: list[object] = []

            async def edit(client: HubClient, name: str) -> None:
                try:
                    ends.append(await shadow.replace(client, "pump", {"by": name}, 0))
                except HubError as error:
                    ends.append(error)

            async with trio.open_nursery() as nursery:
                nursery.start_soon(edit, ann, "ann")
                nursery.start_soon(edit, bob, "bob")
            [lost] = [end for end in ends if isinstance(end, HubError)]
            [won] = [end for end in ends if isinstance(end, dict)]
            assert (lost.code, lost.status) == ("conflict", 409)
            version = won["desired"]["version"]
            assert str(version) in str(lost)
            with pytest.raises(HubError, match="not 1"):
                await shadow.merge(ann, "pump", {"x": 1}, 1)
            assert (await shadow.merge(ann, "pump", {"x": 1}, version))["desired"]["document"] == won["desired"]["document"] | {"x": 1}


async def test_a_hub_that_went_back_to_a_backup_and_its_devices_agree_on_what_was_desired_then(tmp_path: Path) -> None:
    applied: list[dict[str, Any]] = []
    port = free_port()
    with running_hub(tmp_path / "data", port=port) as hub:
        token = await in_thread(hub.provision, "pump")
        async with pump_of(hub, token, tmp_path / "spool", applied) as device:
            async with client_of(hub) as client:
                await shadow.merge(client, "pump", {"a": "then"})
                then = await shadow.in_step(client, "pump", 20)
                backup = await _tributary("backup", str(tmp_path / "backups"), "--data-dir", str(tmp_path / "data"))
                await shadow.merge(client, "pump", {"a": "later"})
                await shadow.in_step(client, "pump", 20)
                await device.report({"serial": "x"})
                await device.drained(20)
            await in_thread(hub.process.kill)
            await _tributary("restore", backup, "--data-dir", str(tmp_path / "new"))
            with running_hub(tmp_path / "new", port=port) as restored:
                async with client_of(restored) as client:
                    await until(lambda: applied[-1] == {"a": "then"}, 30)
                    with trio.fail_after(20):  # by the backup it is in step before the device has said again what the backup lacks
                        while (said := await shadow.shadow(client, "pump"))["reported"]["document"] != {"a": "then", "serial": "x"}:
                            await trio.lowlevel.checkpoint()
                    await device.drained(20)
                    assert (await shadow.in_step(client, "pump", 20))["desired"] == said["desired"] == then["desired"]
    assert [document["a"] for document in applied] == ["then", "later", "then"]


async def _tributary(*arguments: str) -> str:
    done = await trio.run_process([TRIBUTARY, *arguments], capture_stdout=True, capture_stderr=True, env=ENVIRONMENT, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().strip()
