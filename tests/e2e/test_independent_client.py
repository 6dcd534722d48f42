"""The client written from docs/protocol.md alone against a real hub: the page is enough, and the hub keeps to it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trio

from tests import independent_client
from tests.support.hub_process import RunningHub, running_hub

PROGRAM = Path(independent_client.__file__)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    with running_hub(tmp_path_factory.mktemp("independent") / "data") as running:
        yield running


async def takes_commands(hub: RunningHub, device: str) -> None:
    """Wait until a device has said which commands it takes."""
    with trio.fail_after(10):
        while not (await trio.to_thread.run_sync(hub.api, "GET", f"/api/v1/devices/{device}")).get("commands"):  # noqa: ASYNC110
            await trio.sleep(0.02)  # another process's state: there is nothing to be woken by


async def command_in_state(hub: RunningHub, command_id: str, state: str) -> dict[str, Any]:
    """Wait until a command is in this state."""
    with trio.fail_after(10):
        while True:
            item: dict[str, Any] = await trio.to_thread.run_sync(hub.api, "GET", f"/api/v1/commands/{command_id}")
            if item["state"] == state:
                return item
            await trio.sleep(0.02)


def test_independent_client_imports_nothing_of_ours() -> None:
    source = PROGRAM.read_text()
    assert not any(
        f"{word} {ours}" in source for word in ("import", "from") for ours in ("devices", "hub", "dashboard", "simulators", "tests")
    )


async def test_every_frame_is_acked_within_the_window(hub: RunningHub, tmp_path: Path) -> None:
    token = hub.provision("independent-1")
    with trio.fail_after(20):
        said = await independent_client.run(hub.device_url, token, "independent-1", frames=2_000, commands=0, ids=tmp_path / "ids")
    assert said["sent"] == said["acked"] == 2_000
    assert said["rejects"] == []
    assert 1 <= said["most_in_flight"] <= said["window"][0]


async def test_command_is_accepted_and_done(hub: RunningHub, tmp_path: Path) -> None:
    token = hub.provision("independent-2")
    said: list[dict[str, Any]] = []

    async def be_the_device() -> None:
        said.append(await independent_client.run(hub.device_url, token, "independent-2", frames=10, commands=1, ids=tmp_path / "ids"))

    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(be_the_device)
            await takes_commands(hub, "independent-2")
            body = {"name": "blink", "args": {"n": 3}, "ttl_s": 30}
            item = await trio.to_thread.run_sync(hub.api, "POST", "/api/v1/devices/independent-2/commands", body)
    done = await command_in_state(hub, item["id"], "done")
    assert done["value"] == {"blinked": 3}
    assert said[0]["commands"] == [item["id"]]
    assert said[0]["rejects"] == []


def test_it_runs_as_a_program(hub: RunningHub, tmp_path: Path) -> None:
    token = hub.provision("independent-3")
    command = [sys.executable, str(PROGRAM), hub.device_url, token, "independent-3", "--frames", "20", "--ids", str(tmp_path / "ids")]
    run = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["acked"] == 20


def test_a_refusal_is_one_line(hub: RunningHub, tmp_path: Path) -> None:
    token = hub.provision("independent-4")
    run = subprocess.run([sys.executable, str(PROGRAM), hub.device_url, token, "another-name"], capture_output=True, text=True, timeout=30)
    assert run.returncode != 0
    assert "4501" in run.stderr
    assert "Traceback" not in run.stderr
