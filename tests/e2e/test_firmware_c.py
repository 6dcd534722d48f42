"""The C client as a program against a real hub: its cable is cut, it and the hub are killed, and what is stored is what it counted.

The client runs under the sanitizers. Whether a command ran is what the client's own program notes down, not what it says.
"""

import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest
import trio

from hub.client import HubClient
from simulators.faults import FaultProxy, fault_proxy
from simulators.hub_process import free_port
from tests.support.c_programs import compile_node
from tests.support.hub_process import RunningHub, running_hub
from tests.support.waiting import until

ROUNDS = 2
# Of the course, what exercises all of the client's parts in some seconds; `make firmware` plays it whole.
SCENES = (
    *("handshake", "fragments", "cut", "reboot", "other-channels", "lanes", "bad-frame"),
    *("bad-messages", "epoch-used", "interrupted", "shadow-kept", "fence-kept"),
)
pytestmark = pytest.mark.needs_server("cc")


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_node(tmp_path_factory.mktemp("node") / "node")


class Life:
    """A client process that can be killed and started again on the same flash."""

    def __init__(self, node: Path, environment: Mapping[str, str], log: Path) -> None:
        self._node, self._environment, self._log = node, {**os.environ, **environment}, log
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, settings: Mapping[str, str] | None = None) -> None:
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [str(self._node)], env={**self._environment, **(settings or {})}, stdout=subprocess.PIPE, stderr=log
            )

    def kill(self) -> None:
        assert self.process is not None
        assert self.process.poll() is None, self._log.read_text()
        self.process.kill()
        self.process.communicate()

    def clear(self) -> None:
        """Leave nothing running."""
        if self.process is not None and self.process.poll() is None:
            self.kill()

    def end(self) -> int:
        """Let it send what waits and close; return how far it has counted."""
        assert self.process is not None
        self.process.terminate()
        said, _ = self.process.communicate(timeout=90)
        assert self.process.returncode == 0, self._log.read_text()
        return int(said)


async def counted(client: HubClient) -> list[int]:
    """Return every stored value of `count`, as often as it is stored."""
    points = await client.query("node", ["count"], from_us=0, limit=50_000)
    return [int(value) for series in points["series"] for _, _, value in series["points"]]


async def cut(proxy: FaultProxy, after_bytes: int) -> None:
    """Cut in the middle of a frame, and wait until it is back."""
    before = proxy.accepted
    proxy.cut_after(after_bytes)
    await until(lambda: proxy.accepted > before)


async def lived(hub: RunningHub, proxy: FaultProxy, life: Life, ids: list[str]) -> None:
    """Cut, kill the client, kill the hub, in turn, with commands on their way."""
    chance = random.Random(10)
    for number in range(ROUNDS):
        for text in ("echo", "wait"):
            args = {"text": f"round {number}"} if text == "echo" else {"s": 0.3}
            body = {"name": text, "args": args, "ttl_s": 60}
            ids.append((await trio.to_thread.run_sync(hub.api, "POST", "/api/v1/devices/node/commands", body))["id"])
        await cut(proxy, chance.randrange(200, 3_000))
        if number % 2 == 0:
            life.kill()
            life.start({"TRIBUTARY_CHANNELS": "other"})  # an update: what waits goes by the list of before
        else:
            hub.process.kill()
            hub.process.start()


async def test_what_is_stored_is_what_was_counted_through_cuts_and_kills(tmp_path: Path, node: Path) -> None:
    (tmp_path / "spool").mkdir()
    ids, runs = list[str](), tmp_path / "runs"
    with running_hub(tmp_path / "data", port=free_port()) as hub, trio.fail_after(120):
        host, port = hub.address
        async with HubClient(hub.url, hub.admin_token) as client, fault_proxy(host, port) as proxy:
            environment = {"TRIBUTARY_URL": proxy.url, "TRIBUTARY_DEVICE": "node", "TRIBUTARY_TOKEN": hub.provision("node")}
            environment |= {"TRIBUTARY_SPOOL": str(tmp_path / "spool"), "TRIBUTARY_INTERVAL_MS": "10", "TRIBUTARY_RUNS": str(runs)}
            life = Life(node, environment, tmp_path / "log")
            life.start()
            try:
                while not (await trio.to_thread.run_sync(hub.api, "GET", "/api/v1/devices/node")).get("commands"):  # noqa: ASYNC110
                    await trio.sleep(0.02)  # another process's state: there is nothing to be woken by
                await lived(hub, proxy, life, ids)
                made = await trio.to_thread.run_sync(life.end)
            finally:
                life.clear()
            while len(values := await counted(client)) < made:  # noqa: ASYNC110  # the hub's store catches up in its own time
                await trio.sleep(0.05)
            assert Counter(values) == Counter(range(1, made + 1))
            assert (await client.losses("node"))["gaps"] == []
            states = {each: (await trio.to_thread.run_sync(hub.api, "GET", f"/api/v1/commands/{each}"))["state"] for each in ids}
    begun = Counter(line.split()[1] for line in runs.read_text().splitlines())
    assert set(begun) <= set(ids)
    assert set(begun.values()) == {1}
    assert all(states[id_] in {"done", "failed"} for id_ in begun)


def test_it_passes_the_course(tmp_path: Path, node: Path) -> None:
    tributary = Path(sys.executable).parent / "tributary"
    wanted = [] if os.environ.get("TRIBUTARY_TEST_WHOLE_COURSE") else [part for name in SCENES for part in ("--only", name)]
    course = subprocess.run([str(tributary), "conformance", "--run", str(node), *wanted], capture_output=True, text=True, timeout=300)
    assert course.returncode == 0, course.stdout + course.stderr
