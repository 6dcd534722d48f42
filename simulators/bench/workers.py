"""`tributary bench workers`: frames a second that several hub processes on one port make durable, beside one process of the same.

Owns the course of the measurement: a Redis and a VictoriaMetrics of its own for each run, the same senders against one process and against
many in turn, and what every process spends. The senders, the database and Redis share the machine's cores: what is left of them is told.
"""

import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import trio

from hub.client import HubClient
from simulators.bench.accounting import cpu_s
from simulators.bench.course import Devices, Say, against, troubles_in, window
from simulators.bench.errors import BenchError, check
from simulators.bench.report import BenchRow, row_of
from simulators.hub_process import HubFailed, HubProcess
from simulators.redis_process import RedisFailed, RedisProcess
from simulators.victoria_process import VictoriaFailed, VictoriaProcess

_STEP_US: Final = 1_000  # between two readings of a series: VictoriaMetrics holds one a millisecond


@dataclass(frozen=True, slots=True)
class WorkersPlan:
    """The load, and against how many processes. 3 pairs of 8 s take some 2 minutes. Raises BenchError."""

    workers: int = field(default_factory=lambda: max(2, len(os.sched_getaffinity(0))))
    devices: int = 128
    senders: int = 2  # processes
    seconds: float = 8.0
    pairs: int = 3
    readings: int = 10  # a frame
    warm_up_s: float = 2.0
    seed: int = 1

    def __post_init__(self) -> None:
        check("--workers", self.workers, 2, 64)
        check("--devices", self.devices, 1, 5_000)
        check("--senders", self.senders, 1, min(16, self.devices))
        check("--seconds", self.seconds, 0.5, 60)
        check("--pairs", self.pairs, 1, 10)


@dataclass(slots=True)
class Runs:
    """What each run against so many processes gave."""

    per_s: list[float] = field(default_factory=list)
    per_core: list[float] = field(default_factory=list)
    hub_cores: list[float] = field(default_factory=list)
    database_cores: list[float] = field(default_factory=list)
    redis_cores: list[float] = field(default_factory=list)
    sender_cores: list[float] = field(default_factory=list)
    idle_share: list[float] = field(default_factory=list)  # of all cores of the machine


@dataclass(frozen=True, slots=True)
class Stand:
    """The processes of one run."""

    port: int
    devices: Devices
    hub: int  # process id, of the parent where there are several
    database: int
    redis: int


@asynccontextmanager
async def stand(workers: int, plan: WorkersPlan) -> AsyncIterator[Stand]:
    """Run a Redis, a database and so many hub processes until the block is left. Raises BenchError."""
    with tempfile.TemporaryDirectory(prefix="tributary-bench-") as directory:
        redis, victoria = RedisProcess(Path(directory) / "redis"), VictoriaProcess(Path(directory) / "victoria")
        said = {"state": "redis", "redis_url": redis.url, "store": victoria.store_url, "node": "bench", "workers": str(workers)}
        hub = HubProcess(Path(directory) / "data", environment={f"TRIBUTARY_{name.upper()}": value for name, value in said.items()})
        try:
            for start in (redis.start, victoria.start, hub.start):
                await trio.to_thread.run_sync(start)
            async with HubClient(hub.url, hub.admin_token) as client:
                devices = list((await client.add_devices([f"bench-{number:05}" for number in range(plan.devices)])).items())
            yield Stand(int(hub.url.rpartition(":")[2]), devices, hub.pid, victoria.pid, redis.pid)
        except (RedisFailed, VictoriaFailed, HubFailed) as error:
            raise BenchError(str(error), "install redis-server and victoria-metrics, or look at the lines above") from error
        except BenchError as error:
            raise BenchError(error.message, " ".join([error.hint, *troubles_in(hub.tail(200))])) from error
        finally:
            with trio.CancelScope(shield=True):  # and not killed: workers would live a little longer than their directory
                await trio.to_thread.run_sync(hub.stop, 60.0)
            victoria.kill()
            redis.kill()


async def measure(plan: WorkersPlan, workers: int, runs: Runs) -> None:
    """Flood so many processes once."""
    load: dict[str, Any] = {"readings": plan.readings, "seed": plan.seed, "is_hub": True, "step_us": _STEP_US}
    async with stand(workers, plan) as here, AsyncExitStack() as stack:
        shares = [here.devices[at :: plan.senders] for at in range(plan.senders)]
        senders = [await stack.enter_async_context(against("flooder", here.port, devices=share, **load)) for share in shares]
        await trio.sleep(plan.warm_up_s)
        before = [cpu_s(here.database), cpu_s(here.redis), *_idle_s()]
        measured = await window(here.hub, plan.seconds, *senders)
        after = [cpu_s(here.database), cpu_s(here.redis), *_idle_s()]
        database_s, redis_s, idle_s, all_s = (now - then for now, then in zip(after, before, strict=True))
    per_s = sum(each["acked"] / each["elapsed_s"] for each in measured.said)
    runs.per_s.append(per_s)
    runs.hub_cores.append(measured.cpu_s / measured.elapsed_s)
    runs.per_core.append(per_s * measured.elapsed_s / measured.cpu_s)
    runs.database_cores.append(database_s / measured.elapsed_s)
    runs.redis_cores.append(redis_s / measured.elapsed_s)
    runs.sender_cores.append(sum(each["cpu_share"] for each in measured.said))
    runs.idle_share.append(idle_s / all_s)


def _idle_s() -> tuple[float, float]:
    """Return the time that all cores have had, that in which they had nothing to do first."""
    ticks = [int(each) for each in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return ticks[3] + ticks[4], sum(ticks)


async def run(plan: WorkersPlan, say: Say) -> list[BenchRow]:
    """Measure all pairs, one process and many in turn, and return the rows."""
    one, many = Runs(), Runs()
    for pair in range(plan.pairs):
        for workers, runs in ((1, one), (plan.workers, many)):
            await measure(plan, workers, runs)
            say(
                f"workers {pair + 1}/{plan.pairs}: {workers} of them {runs.per_s[-1]:,.0f} frames/s on {runs.hub_cores[-1]:.2f} cores; "
                f"the database took {runs.database_cores[-1]:.2f}, Redis {runs.redis_cores[-1]:.2f}, senders {runs.sender_cores[-1]:.2f}; "
                f"{runs.idle_share[-1]:.0%} of {os.cpu_count()} cores were idle"
            )
    name = f"workers: {plan.workers}"
    return [
        row_of(f"{name}, durable frames : 1", "frames/s", many.per_s, one.per_s),
        row_of(f"{name}, durable frames per core of theirs : 1", "frames/s", many.per_core, one.per_core),
        row_of(f"{name}, their CPU : 1", "cores", many.hub_cores, one.hub_cores),
        row_of(f"{name}, CPU of VictoriaMetrics : with 1", "cores", many.database_cores, one.database_cores),
        row_of(f"{name}, CPU of Redis : with 1", "cores", many.redis_cores, one.redis_cores),
        row_of(f"{name}, CPU of the senders : with 1", "cores", many.sender_cores, one.sender_cores),
        row_of(f"{name}, of the machine's cores idle : with 1", "share", many.idle_share, one.idle_share),
    ]
