"""Two real hubs on one Redis judge by the same rules: what lasts goes on where the device moves, and one of them tells of it, once."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import trio

from devices import Channel, Device
from tests.support.hub_process import RunningHub, running_hub
from tests.support.receiver import Receiver, running
from tests.support.redis import PROGRAM, running_redis
from tests.support.victoria import PROGRAM as VICTORIA
from tests.support.victoria import running_victoria
from tests.support.waiting import until

pytestmark = pytest.mark.needs_server(PROGRAM, VICTORIA)
LASTS_S = 5.0
MOVES_S = 3.5  # after the first reading: what would begin anew would be raised so much later


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[list[RunningHub]]:
    """Two hubs that are nodes of one cluster."""
    with ExitStack() as stack:
        redis = stack.enter_context(running_redis(tmp_path / "redis"))
        store = stack.enter_context(running_victoria(tmp_path / "victoria"))
        shared = {"TRIBUTARY_STATE": "redis", "TRIBUTARY_REDIS_URL": redis.url, "TRIBUTARY_STORE": f"victoriametrics+{store.url}"}
        more = {"TRIBUTARY_WEBHOOK_ALLOW": "127.0.0.1"}
        yield [
            stack.enter_context(running_hub(tmp_path / name, environment={**shared, **more, "TRIBUTARY_NODE": name})) for name in ("a", "b")
        ]


async def asked(hub: RunningHub, path: str) -> Any:
    return await trio.to_thread.run_sync(hub.api, "GET", path)


async def alerts(hub: RunningHub) -> list[tuple[str, str]]:
    """Return state and id of each alert that a hub knows."""
    return [(each["state"], each["id"]) for each in (await asked(hub, "/api/v1/alerts"))["alerts"]]


async def show(hubs: list[RunningHub], state: str) -> str:
    """Return the id of the one alert, once all hubs show it in this state."""
    while True:
        found = [await alerts(hub) for hub in hubs]
        assert all(len(each) <= 1 for each in found)
        if all(len(each) == 1 and each[0][0] == state for each in found):
            assert len(set().union(*found)) == 1
            return found[0][0][1]
        await trio.sleep(0.02)  # other processes: there is nothing to be woken by


async def test_what_lasts_goes_on_where_the_device_moves_and_one_node_tells_of_it(nodes: list[RunningHub]) -> None:
    receiver = Receiver()
    a, b = nodes
    with trio.fail_after(60):
        async with running(receiver):
            token = a.provision("pump")
            a.api("POST", "/api/v1/rules", {"rule": "hot", "kind": "above", "channels": ["temp"], "limit": 80, "for_s": LASTS_S})
            b.api("POST", "/api/v1/targets", {"target": "on-call", "kind": "webhook", "url": receiver.url})
            while not (await asked(b, "/api/v1/rules"))["rules"] or not (await asked(a, "/api/v1/targets"))["targets"]:  # noqa: ASYNC110
                await trio.sleep(0.02)  # other processes: there is nothing to be woken by
            began_s = trio.current_time()
            async with Device(a.url, "pump", token, channels=[Channel("temp")]) as pump:
                await pump.send({"temp": 90.0})
                await pump.drained(10)
            await trio.sleep_until(began_s + MOVES_S)
            moved_us = time.time_ns() // 1_000
            async with Device(b.url, "pump", token, channels=[Channel("temp")]) as pump:
                while not await alerts(b):
                    await pump.send({"temp": 91.0})
                    await pump.drained(10)
                id_ = await show(nodes, "open")
                after_s = ((await asked(b, "/api/v1/alerts"))["alerts"][0]["raised_us"] - moved_us) / 1e6
                print(f"raised {after_s:.1f} s after the device moved, which it did {MOVES_S:g} s after the first reading")
                assert after_s < LASTS_S
                a.api("POST", f"/api/v1/alerts/{id_}/acknowledge")
                assert await show(nodes, "acknowledged") == id_
                await pump.send({"temp": 20.0})
                assert await show(nodes, "cleared") == id_
            await until(lambda: receiver.events() == ["alert.opened", "alert.cleared"])
            assert len(receiver.bodies) == 2
    assert "Traceback" not in a.process.log.read_text() + b.process.log.read_text()
