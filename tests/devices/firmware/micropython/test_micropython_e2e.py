"""The MicroPython client against a real hub while its link is cut and its power is: every value is stored once; the examples work."""

import random
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from simulators.faults.proxy import fault_proxy
from tests.support.hub_process import RunningHub, running_hub
from tests.support.micropython import COUNTER, FOLDER, environment
from tests.support.micropython import interpreter as interpreter

pytestmark = pytest.mark.slow
EXAMPLES = FOLDER / "examples"
ROUNDS = 4


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    with running_hub(tmp_path_factory.mktemp("micropython") / "data") as running:
        yield running


@contextmanager
def started(interpreter: str, script: Path, folder: Path, url: str = "", device: str = "", token: str = "") -> Iterator[None]:
    """Run a program on a board until the block is left; its power is cut then."""
    said = {"TRIBUTARY_URL": url, "TRIBUTARY_DEVICE": device, "TRIBUTARY_TOKEN": token, "TRIBUTARY_SPOOL": str(folder)}
    with (folder / "said.log").open("a") as log:
        process = subprocess.Popen([interpreter, str(script)], env=environment() | said, stdout=log, stderr=log, cwd=folder)
    try:
        yield
        assert process.poll() is None, (folder / "said.log").read_text()[-2_000:]
    finally:
        process.kill()
        process.wait()


async def stored(hub: RunningHub, device: str, channel: str) -> list[Any]:
    """Return every value of a channel."""
    path = f"/api/v1/query?device={device}&channel={channel}&from=0&limit=100000"
    series = (await trio.to_thread.run_sync(hub.api, "GET", path))["series"]
    return [value for each in series for _, _, value in each["points"]]


async def until_so(holds: Callable[[], Awaitable[object]]) -> None:
    """Wait until something is so in another process: there is nothing to be woken by."""
    with trio.fail_after(30):
        while not await holds():  # noqa: ASYNC110
            await trio.sleep(0.05)


async def until_stored(hub: RunningHub, device: str, channel: str, count: int) -> list[Any]:
    """Wait for so many values."""
    found: list[Any] = []

    async def has_come() -> bool:
        found[:] = await stored(hub, device, channel)
        return len(found) >= count

    await until_so(has_come)
    return found


async def test_every_value_is_stored_once_though_link_and_power_are_cut(hub: RunningHub, tmp_path: Path, interpreter: str) -> None:
    rng = random.Random(5)
    device = f"counting-{Path(interpreter).name}"
    token = await trio.to_thread.run_sync(hub.provision, device)
    count = 0
    async with fault_proxy(*hub.address) as proxy:
        url = proxy.url.replace("http", "ws")
        for round_ in range(ROUNDS):
            with started(interpreter, COUNTER, tmp_path, url, device, token):
                proxy.cut_after(rng.randrange(400, 6_000), "rst" if round_ % 2 else "fin")
                count = len(await until_stored(hub, device, "count", count + 15))
        with started(interpreter, COUNTER, tmp_path, url, device, token):
            values = await until_stored(hub, device, "count", count + 20)
            newest = max(values)
            while set(range(1, newest + 1)) - set(values) and len(values) < newest + 60:  # what waits comes beside what is new
                values = await until_stored(hub, device, "count", len(values) + 1)
    assert len(values) == len(set(values))
    # counter.py writes a value down before it makes its reading: each power cut may skip one.
    assert len(set(range(1, newest + 1)) - set(values)) <= ROUNDS
    shown = await trio.to_thread.run_sync(hub.api, "GET", f"/api/v1/devices/{device}")
    assert not shown.get("gaps")


def adapted(name: str, hub: RunningHub, folder: Path, token: str, device: str) -> Path:
    """Return an example with its first lines filled in, as its reader fills them in."""
    text = (EXAMPLES / name).read_text()
    for line in text.splitlines():
        if line.startswith("URL ="):
            text = text.replace(line, f"URL = {hub.url.replace('http', 'ws')!r}")
        elif line.startswith("NAME, TOKEN ="):
            text = text.replace(line, f"NAME, TOKEN = {device!r}, {token!r}")
    path = folder / name
    path.write_text(text.replace('"/spool"', repr(str(folder / "spool"))))
    return path


async def test_the_examples_work_as_they_are_written(hub: RunningHub, tmp_path: Path, interpreter: str) -> None:
    kind = Path(interpreter).name
    for name, channel, least in (("temperature.py", "temperature", 1), ("vibration.py", "acceleration", 1_024)):
        folder = tmp_path / name
        folder.mkdir()
        device = f"{channel}-{kind}"
        token = await trio.to_thread.run_sync(hub.provision, device)
        with started(interpreter, adapted(name, hub, folder, token, device), folder):
            await until_stored(hub, device, channel, least)


async def test_a_relay_is_switched_by_command_and_by_its_shadow(hub: RunningHub, tmp_path: Path, interpreter: str) -> None:
    device = f"pump-{Path(interpreter).name}"
    token = await trio.to_thread.run_sync(hub.provision, device)

    async def call(method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        return await trio.to_thread.run_sync(hub.api, method, path, body)

    with started(interpreter, adapted("relay.py", hub, tmp_path, token, device), tmp_path), trio.fail_after(30):

        async def takes_commands() -> bool:
            return bool((await call("GET", f"/api/v1/devices/{device}")).get("commands"))

        async def is_done() -> bool:
            return bool((await call("GET", f"/api/v1/commands/{made['id']}"))["state"] == "done")

        async def is_in_step() -> bool:
            return bool((await call("GET", f"/api/v1/devices/{device}/shadow"))["is_in_step"])

        await until_so(takes_commands)
        made = await call("POST", f"/api/v1/devices/{device}/commands", {"name": "pulse", "args": {"s": 0.2}, "ttl_s": 20})
        await until_so(is_done)
        await call("PATCH", f"/api/v1/devices/{device}/shadow/desired", {"document": {"on": True}})
        await until_so(is_in_step)
        assert await until_stored(hub, device, "on", 3) == [True, False, True]


async def test_a_sleeper_is_shown_as_sleeping_once_it_has_said_everything(hub: RunningHub, tmp_path: Path, interpreter: str) -> None:
    device = f"meadow-{Path(interpreter).name}"
    token = await trio.to_thread.run_sync(hub.provision, device)
    script = adapted("sleeper.py", hub, tmp_path, token, device)

    async def is_asleep() -> bool:
        return bool((await trio.to_thread.run_sync(hub.api, "GET", f"/api/v1/devices/{device}"))["presence"] == "sleeping")

    for waking in range(1, 13):
        done = await trio.run_process(
            [interpreter, str(script)], env=environment(), cwd=tmp_path, capture_stdout=True, capture_stderr=True, check=False
        )
        assert done.returncode == 0, done.stderr.decode()[-2_000:]
        if waking % 6 == 0:  # only then it connects
            await until_stored(hub, device, "moisture", waking)
            await until_so(is_asleep)
    assert not [name for name in (tmp_path / "spool").iterdir() if name.name[0] == "f"]
