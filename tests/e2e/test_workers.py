"""`tributary serve --workers N`: several processes on one port, found by one data directory, started again, restarted in turn."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import trio

from hub.client import HubClient, fleet
from simulators.bench.encryption import make_certificate
from tests.support import redis, victoria
from tests.support.live_cluster import Sender, Viewer, until
from tests.support.victoria import raw_points
from tests.support.workers import Port, Workers, comes_true, workers_on

pytestmark = [pytest.mark.needs_server(redis.PROGRAM), pytest.mark.needs_server(victoria.PROGRAM)]


async def sender_at(port: Port, name: str, nursery: trio.Nursery) -> Sender:
    """Begin a device that comes to a port."""
    async with port.client() as admin:
        token = await admin.add_device(name)
    sender = Sender(name)
    await nursery.start(sender.run, port.url, token)
    return sender


async def watch(port: Port, sender: Sender, nursery: trio.Nursery) -> Viewer:
    """Begin a viewer that comes to a port."""
    viewer = Viewer(sender.name, 0)
    await viewer.sit_at(port, nursery)  # type: ignore[arg-type]
    return viewer


async def is_whole(workers: Workers, count: int) -> None:
    """Return when each knows all others."""
    with trio.fail_after(30):
        for port in workers.each(count):
            headers = {"Authorization": f"Bearer {port.admin_token}"}
            async with httpx.AsyncClient(base_url=port.url, headers=headers) as client:
                while sum(each["alive"] for each in (await client.get("/api/v1/nodes")).json()["nodes"]) < count:  # noqa: ASYNC110
                    await trio.sleep(0.05)


async def all_is_there(workers: Workers, sender: Sender) -> None:
    """End sending; everything is acked and in the database, once."""
    await sender.drained()
    chosen = f'{{__name__="tributary_reading",device="{sender.name}"}}'
    with trio.fail_after(60):
        while True:
            found = await trio.to_thread.run_sync(raw_points, workers.store_url, chosen)
            stored = {t_ms: value for _, times, values in found for t_ms, value in zip(times, values, strict=True)}
            if stored == sender.sent:
                return
            await trio.sleep(0.2)  # the database shows what it has when it likes


async def test_workers_share_a_port_come_back_and_are_restarted_one_after_the_other_and_nothing_is_lost(tmp_path: Path) -> None:
    async with workers_on(tmp_path) as workers, trio.open_nursery() as nursery:
        await workers.start(2)
        await is_whole(workers, 2)
        ports = workers.each(2)
        async with ports[0].client() as one, ports[1].client() as two:
            for name in ("valve-1", "valve-2"):
                await one.add_device(name)
                assert (await fleet.edit(two, name, {"title": "made on one"}))["title"] == "made on one"
                await one.remove_device(name)
                await two.add_device(name)
        senders = [await sender_at(workers.shared, f"pump-{number}", nursery) for number in range(3)]
        viewers = [(sender, await watch(workers.shared, sender, nursery)) for sender in senders]
        async with HubClient.local(workers.process.data_dir) as client:
            assert {each["device"] for each in await client.devices()} >= {sender.name for sender in senders}
        before = ports[1].pid
        os.kill(before, signal.SIGKILL)
        await comes_true(lambda: ports[1].pid != before)
        os.kill(workers.process.pid, signal.SIGHUP)
        await comes_true(lambda: workers.said("workers_restarted") == 1, 60.0)
        least = [len(sender.sent) + 20 for sender in senders]
        await until(
            lambda: all(viewer.picture.totals((of.name, "temp"))[0] > few for few, (of, viewer) in zip(least, viewers, strict=True))
        )
        for sender in senders:
            await all_is_there(workers, sender)
        for sender, viewer in viewers:
            await viewer.shows(sender)
        assert (workers.said("worker_ended"), workers.said("worker_ready")) == (1, 5)
        nursery.cancel_scope.cancel()
    assert not (workers.process.data_dir / "hub.json").exists()


async def test_workers_speak_tls_on_their_port_and_are_found_by_tools_and_by_each_other(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    async with workers_on(tmp_path, tls_certificate=str(certificate.chain), tls_key=str(certificate.key)) as workers:
        await workers.start(2)
        assert workers.shared.url.startswith("https://")
        async with HubClient.local(workers.process.data_dir) as client:
            await client.add_device("pump")
        await is_whole(workers, 2)


@pytest.mark.parametrize(
    ("environment", "said"),
    [({}, 'state = "sqlite"'), ({"TRIBUTARY_STATE": "redis", "TRIBUTARY_REDIS_URL": "redis://127.0.0.1:1/0"}, 'store = "duckdb"')],
)
def test_what_cannot_be_several_processes_is_refused_in_one_line(tmp_path: Path, environment: dict[str, str], said: str) -> None:
    command = [
        str(Path(sys.executable).parent / "tributary"),
        "serve",
        "--workers",
        "4",
        "--port",
        "0",
        "--data-dir",
        str(tmp_path / "data"),
    ]
    run = subprocess.run(command, capture_output=True, text=True, timeout=30, env={**os.environ, **environment})
    assert run.returncode == 2
    assert said in run.stderr
    assert len(run.stderr.strip().splitlines()) == 1, run.stderr
