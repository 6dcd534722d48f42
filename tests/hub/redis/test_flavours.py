"""A Redis that sentinels agree on, and one that is a cluster: the state works on each, and goes on after a failover."""

from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest
import trio

from hub.cli.findings import Verdict
from hub.cli.redis_checks import check_redis
from hub.config import Settings
from hub.nodes.leases import RedisLeases
from hub.ports import Changed, DeviceRecord, Document, StoreUnavailable
from hub.redis import Passwords, Redis, servers_of
from hub.state.redis import RedisStateStore
from tests.support.redis import PROGRAM, connected, is_replicated, running_cluster, running_sentinel
from tests.support.waiting import wait_until

pytestmark = pytest.mark.needs_server(PROGRAM)

DEVICE: Final = DeviceRecord("pump", 1, b"hash", {})
USER: Final = Document("user", "ann", 1, {})


async def state_works(redis: Redis) -> None:
    """Change the state as one node, be told as the other, and take a lease."""
    one, two = RedisStateStore(redis, "one"), RedisStateStore(redis, "two")
    await one.start()
    await two.start()
    await one.change([USER], devices=[DEVICE])
    assert await two.devices() == [DEVICE]
    assert await two.next_change() == Changed(frozenset({("device", "pump"), ("user", "ann")}))
    async with trio.open_nursery() as nursery:
        leases = RedisLeases(redis, "one")
        await nursery.start(leases.run)
        assert (await leases.take("pump", 7)).fence == 8
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("servers", [1, 3])
async def test_the_state_works_on_a_cluster(tmp_path: Path, servers: int) -> None:
    with running_cluster(tmp_path, servers) as url:
        async with connected(url) as redis:
            await state_works(redis)


async def test_a_server_of_a_cluster_is_not_taken_for_a_redis_of_its_own(tmp_path: Path) -> None:
    with running_cluster(tmp_path, 2) as url:
        said = []
        for server in servers_of(url):
            async with connected(server) as redis:
                try:
                    await RedisStateStore(redis, "one").start()
                except StoreUnavailable as error:
                    said.append(str(error))
        assert len(said) == 1  # the other one has all keys of a hub
        assert "write redis+cluster://" in said[0]


def test_doctor_looks_at_each_server_of_a_cluster(tmp_path: Path) -> None:
    with running_cluster(tmp_path, 2) as url:
        findings = check_redis(Settings(data_dir=tmp_path, state="redis", redis_url=url))
    assert [finding.verdict for finding in findings] == [Verdict.OK] * 6


async def test_the_state_goes_on_on_the_server_that_sentinels_choose_next(tmp_path: Path) -> None:
    with running_sentinel(tmp_path, "s3cret") as (url, primary):
        async with connected(url, passwords=Passwords("s3cret")) as redis:  # which is for servers
            with pytest.raises(StoreUnavailable, match="authenticat"):
                await RedisStateStore(redis, "one").start()
        async with connected(url, passwords=Passwords(None, "s3cret")) as redis:
            assert redis.away is None
            await state_works(redis)
            store = RedisStateStore(redis, "one")
            await store.start()
            wait_until(lambda: is_replicated(primary))  # which Redis does not promise
            await trio.to_thread.run_sync(primary.kill)
            with trio.fail_after(30):
                while not await changes(store):  # noqa: ASYNC110
                    await trio.sleep(0.05)  # other processes: there is nothing to be woken by
                assert await store.devices() == [DEVICE]
                assert await store.next_change() == Changed(None)


async def changes(store: RedisStateStore) -> bool:
    """Tell whether the state can be changed."""
    with suppress(StoreUnavailable):
        await store.change(devices=[DEVICE], made_of={"pump": DEVICE})
        return True
    return False
