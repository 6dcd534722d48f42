"""The course that all benchmarks share: a hub of their own, the load beside it, windows measured from outside, and an end in any case.

Owns the life of the hub, provisioning, what a window cost and what the hub says of itself. Must not know what is measured. Called by
every benchmark; `run_bench` is what the command line calls.
"""

import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import trio

from hub.client import HubClient, HubError
from simulators.bench.accounting import Histogram, cpu_s, gauge_of, histogram_of, quantile_between
from simulators.bench.encryption import Certificate, client_context, make_certificate
from simulators.bench.errors import BenchError
from simulators.bench.program import Program, started
from simulators.bench.report import BenchRow
from simulators.hub_process import HubFailed, HubProcess, raise_descriptor_limit

Say = Callable[[str], None]
Devices = Sequence[tuple[str, str]]  # name, token
T = TypeVar("T")
HOST: Final = "127.0.0.1"
DURABLE, LATE = "tributary_receive_to_durable_seconds", "tributary_event_loop_late_seconds"
QUERY_EVERY_S: Final = 1.0
SETTLE_S: Final = 120.0  # until the history store has caught up
SPARE_DESCRIPTORS: Final = 200
MAX_TROUBLES: Final = 20  # lines: a traceback fits
BUSY_LOAD: Final = 1.0  # of the last minute


class BenchHub:
    """A hub of the benchmark's own, and the right to ask it anything."""

    def __init__(self, process: HubProcess, client: HubClient, certificate: Certificate | None) -> None:
        self.client = client
        self.certificate = certificate
        self.pid = process.pid
        self.data_dir = process.data_dir
        self.url = process.url
        self.port = int(process.url.rpartition(":")[2])
        self.admin_token = process.admin_token

    async def provision(self, count: int) -> Devices:
        """Add devices and return them."""
        names = [f"bench-{number:05}" for number in range(count)]
        return list((await self.client.add_devices(names)).items())

    async def settled(self) -> None:
        """Wait until everything journaled is stored. Raises BenchError."""
        with trio.move_on_after(SETTLE_S):
            while True:  # an HTTP answer is all there is to wait for
                if not (await self.client.hub())["store_lag"]:
                    return
                await trio.sleep(0.02)
        raise BenchError(f"the history store did not catch up within {SETTLE_S:g} s", "ask for less load")


@asynccontextmanager
async def running_hub(
    connections: int, *, is_encrypted: bool = False, at: Path | None = None, settings: Mapping[str, str] | None = None
) -> AsyncIterator[BenchHub]:
    """Run a hub for so many connections on a directory of its own; both are gone when the block is left.

    `settings` are environment variables.
    With `at` the directory is the caller's, who may look into it afterwards and start another hub there.
    """
    has_descriptors = raise_descriptor_limit()
    if connections + SPARE_DESCRIPTORS > has_descriptors:
        message = (
            f"{connections:,} connections need {connections + SPARE_DESCRIPTORS:,} file descriptors, and {has_descriptors:,} are allowed"
        )
        raise BenchError(message, "ask for fewer, or raise the limit: ulimit -Hn", is_usage=True)
    with nullcontext(at) if at else tempfile.TemporaryDirectory(prefix="tributary-bench-") as directory:
        environment = {"TRIBUTARY_MAX_CONNECTIONS": str(connections + SPARE_DESCRIPTORS), **(settings or {})}
        certificate = make_certificate(Path(directory)) if is_encrypted else None
        if certificate:
            environment |= {"TRIBUTARY_TLS_CERTIFICATE": str(certificate.chain), "TRIBUTARY_TLS_KEY": str(certificate.key)}
        process = HubProcess(Path(directory) / "data", environment=environment)
        try:
            await trio.to_thread.run_sync(process.start)
            tls = client_context() if is_encrypted else None
            async with HubClient(process.url, process.admin_token, tls=tls) as client:
                yield BenchHub(process, client, certificate)
        except (BenchError, HubError, ExceptionGroup):  # the log goes with the directory
            for line in troubles_in(process.tail(200)):
                print(f"hub: {line}", file=sys.stderr, flush=True)
            raise
        finally:
            process.kill()


def troubles_in(log: str) -> list[str]:
    """Return the last lines of a hub's log that are no everyday news."""
    return [line for line in log.splitlines() if '"level": "info"' not in line and line.strip()][-MAX_TROUBLES:]


@asynccontextmanager
async def against(program: str, port: int, *, is_hub: bool, is_encrypted: bool = False, **plan: Any) -> AsyncIterator[Program]:
    """Run a sender or viewers against a port: all of its connections are open when this yields."""
    async with started(program, {"host": HOST, "port": port, "is_hub": is_hub, "is_encrypted": is_encrypted, **plan}) as (running, _):
        yield running


@asynccontextmanager
async def floor(program: str, certificate: Certificate | None = None, **plan: Any) -> AsyncIterator[tuple[Program, int]]:
    """Run a floor, over TLS with a certificate; yields it and its port."""
    async with started(program, {"certificate": certificate and [str(path) for path in certificate], **plan}) as (running, said):
        yield running, said["port"]


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time: what a process spent, and what the programs said at its end, in their order."""

    cpu_s: float
    elapsed_s: float
    said: Sequence[dict[str, Any]]


async def window(pids: int | Sequence[int], seconds: float, *programs: Program) -> Window:
    """Let the programs count for so long, and what processes spend. Raises BenchError where one gave up or the hub rejected its frames."""
    for program in programs:
        await program.ask("begin")
    watched = [pids] if isinstance(pids, int) else pids
    spent_s, began_s = sum(map(cpu_s, watched)), trio.current_time()
    await trio.sleep(seconds)
    spent_s, elapsed_s = sum(map(cpu_s, watched)) - spent_s, trio.current_time() - began_s
    said = [await program.ask("end") for program in programs]
    for report in said:
        if report.get("rejects"):
            raise BenchError(f"the hub rejects {report['rejects']} frames of the load: {report['first_reject']}", "report this")
    return Window(spent_s, elapsed_s, said)


@dataclass(frozen=True, slots=True)
class HubDelays:
    """What the hub says of its own delays in a window, in seconds, with history queries running beside it."""

    durable_p50_s: float
    durable_p99_s: float
    late_p99_s: float
    late_worst_s: float
    queries: int


async def delays_with_queries(hub: BenchHub, devices: Devices, seconds: float) -> HubDelays:
    """Ask the history of one device after another for so long, and read the hub's delays meanwhile."""
    before = await hub.client.metrics()
    queries, deadline_s = 0, trio.current_time() + seconds
    while trio.current_time() < deadline_s:
        next_s = min(trio.current_time() + QUERY_EVERY_S, deadline_s)
        await hub.client.query(devices[queries % len(devices)][0], span_s=3_600, width="1s")
        queries += 1
        await trio.sleep_until(next_s)
    after = await hub.client.metrics()

    def quantile(name: str, share: float) -> float:
        said: list[Histogram] = [histogram_of(text, name) for text in (before, after)]
        return quantile_between(said[0], said[1], share)

    worst_s = gauge_of(after, "tributary_event_loop_worst_late_seconds")
    late_p99_s = min(quantile(LATE, 0.99), worst_s)  # what a bucket leaves open may lie above the worst
    return HubDelays(quantile(DURABLE, 0.5), quantile(DURABLE, 0.99), late_p99_s, worst_s, queries)


def run_bench(bench: Callable[[T, Say], Awaitable[list[BenchRow]]], plan: T, say: Say) -> list[BenchRow]:
    """Run a benchmark until it ends or a signal comes; its processes are gone either way. Raises BenchError, KeyboardInterrupt."""
    if (load := os.getloadavg()[0]) > BUSY_LOAD:
        say(f"this machine is busy with something else (load average {load:.1f}): the figures will say so")
    try:
        rows = trio.run(_until_signal, bench, plan, say)
    except BaseException as error:
        reason = _reason(error)
        if reason is error:
            raise
        raise reason from error
    if rows is None:
        raise KeyboardInterrupt
    return rows


async def _until_signal(bench: Callable[[T, Say], Awaitable[list[BenchRow]]], plan: T, say: Say) -> list[BenchRow] | None:
    rows = None
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        async with trio.open_nursery() as nursery:

            async def stop_on_signal() -> None:
                await anext(aiter(signals))
                nursery.cancel_scope.cancel()

            nursery.start_soon(stop_on_signal)
            rows = await bench(plan, say)
            nursery.cancel_scope.cancel()
    return rows


def _reason(error: BaseException) -> BaseException:
    """Return what a person should hear: the one failure in a group, the hub's and the client's said as ours."""
    while isinstance(error, BaseExceptionGroup):
        error = next((each for each in error.exceptions if isinstance(each, BenchError)), error.exceptions[0])
    if isinstance(error, HubFailed):
        return BenchError(f"the hub: {error}", "look at the lines above")
    if isinstance(error, HubError):
        return BenchError(f"the hub said: {error.message}", error.hint)
    return error
