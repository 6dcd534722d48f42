"""`tributary bench peers`: the hub beside what people build instead, on the same work in the same run.

Owns the course. On DuckDB: the hub and an asyncio hub, same devices, same bytes, one viewer each. On VictoriaMetrics: the hub and Mosquitto
with a subscriber that writes to it, both on the same server, whose own cost counts on neither side. At the end every one is killed under
load and asked for what it had acked (killing.py).
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import trio

from simulators.bench.course import Devices, Say, against, running_hub, window
from simulators.bench.errors import BenchError
from simulators.bench.load_plan import LoadPlan
from simulators.bench.peers import killing
from simulators.bench.peers.mosquitto_process import find_mosquitto
from simulators.bench.peers.stack import usual_stack
from simulators.bench.program import Program, started
from simulators.bench.report import BenchRow, row_of
from simulators.victoria_process import VictoriaFailed, VictoriaProcess, find_program

DRAWN_EVERY_S: Final = 0.1
CATCH_UP_S: Final = 60.0
LIBRARIES: Final = ("websockets", "uvloop", "paho")


@dataclass(frozen=True, slots=True)
class PeersPlan(LoadPlan):
    """The load and how long it is measured. 3 rounds of 10 s each for four systems take about 4 minutes. Raises BenchError."""

    seconds: float = 10.0
    killed_after_s: float = 5.0


@dataclass(slots=True)
class Costs:
    """µs of CPU an acked frame and the p99 of acks in ms, a figure a run."""

    cpu_us: list[float] = field(default_factory=list)
    ack_p99_ms: list[float] = field(default_factory=list)

    def note(self, cpu_s: float, said: Mapping[str, Any]) -> None:
        """Note one run. Raises BenchError where nothing was acked."""
        if not said["acked"]:
            raise BenchError("nothing was acked in the window", "give --seconds more")
        self.cpu_us.append(cpu_s / said["acked"] * 1e6)
        self.ack_p99_ms.append(said["ack_p99_s"] * 1e3)


@dataclass(slots=True)
class Runs:
    """What each system cost: the hub on DuckDB and the asyncio hub, the hub on VictoriaMetrics and the usual stack."""

    hub: Costs = field(default_factory=Costs)
    asyncio_hub: Costs = field(default_factory=Costs)
    hub_on_server: Costs = field(default_factory=Costs)
    stack: Costs = field(default_factory=Costs)


async def measure(plan: PeersPlan, port: int, pid: int, devices: Devices, costs: Costs, token: str | None = None) -> None:
    """Run sender and viewer against a hub: ours with its token, the peer without, which speaks our protocol as far as this goes."""
    subscribe = {"devices": [devices[0][0]], "channels": ["c0"], "width_us": 0, "span_s": 1}
    watching: dict[str, Any] = {"quick": 1, "token": token or "-", "drawn_every_s": DRAWN_EVERY_S}
    async with (
        against("viewers", port, is_hub=token is not None, subscribe=subscribe, **watching) as viewer,
        against("sender", port, is_hub=True, **plan.load(devices)) as sender,
    ):
        await trio.sleep(plan.warm_up_s)
        measured = await window(pid, plan.seconds, viewer, sender)
    seen, said = measured.said
    if not seen["deliveries"]:
        raise BenchError("the viewer was told nothing", "give --seconds more")
    costs.note(measured.cpu_s, said)


async def measure_asyncio_hub(plan: PeersPlan, devices: Devices, costs: Costs) -> None:
    """Run the asyncio hub once; in the end it must have stored what it made durable."""
    with TemporaryDirectory(prefix="tributary-bench-") as directory:
        async with started("peers.asyncio_hub", {"directory": directory}) as (peer, said):
            await measure(plan, said["port"], peer.pid, devices, costs)
            await caught_up(peer, "stored", "durable")


async def measure_stack(plan: PeersPlan, devices: Devices, database: str, costs: Costs) -> None:
    """Run Mosquitto and its subscriber once; in the end the subscriber must have written what it received."""
    async with usual_stack(database) as stack:
        async with against("peers.mqtt_sender", stack.port, is_hub=False, **plan.load(devices)) as sender:
            await trio.sleep(plan.warm_up_s)
            measured = await window(stack.pids, plan.seconds, sender)
        costs.note(measured.cpu_s, measured.said[0])
        await caught_up(stack.writer, "written", "received")


async def caught_up(program: Program, behind: str, ahead: str) -> None:
    """Wait until a program has done with all that it took. Raises BenchError."""
    with trio.move_on_after(CATCH_UP_S):
        while True:  # its answer is all there is to wait for
            said = await program.ask("end")
            if said[behind] >= said[ahead]:
                return
            await trio.sleep(0.05)
    raise BenchError(f"{program.name} was still behind after {CATCH_UP_S:g} s", "lower --rate: this machine does not keep up")


def check_installed() -> None:
    """Raise BenchError, which says how, where a peer is not installed."""
    for library in LIBRARIES:
        if find_spec(library) is None:
            raise BenchError(f"{library} is not installed", "pip install 'tributary-hub[bench]'")
    for program, path in (("mosquitto", find_mosquitto()), ("victoria-metrics", find_program())):
        if path is None:
            raise BenchError(f"{program} is not installed", f"apt-get install {program}")


@asynccontextmanager
async def database() -> AsyncIterator[VictoriaProcess]:
    """Run a VictoriaMetrics; it is gone when the block is left."""
    with TemporaryDirectory(prefix="tributary-bench-") as directory:
        server = VictoriaProcess(Path(directory) / "victoria")
        try:
            await trio.to_thread.run_sync(server.start)
            yield server
        except VictoriaFailed as error:
            raise BenchError(str(error), "look at what else this machine does") from None
        finally:
            server.kill()


async def run(plan: PeersPlan, say: Say) -> list[BenchRow]:
    """Measure each system in turn, round by round, then kill each once, and return the rows."""
    check_installed()
    runs = Runs()
    async with (
        database() as server,
        running_hub(plan.devices) as hub,
        running_hub(plan.devices, settings={"TRIBUTARY_STORE": server.store_url}) as hub_on_server,
    ):
        devices, devices_on_server = await hub.provision(plan.devices), await hub_on_server.provision(plan.devices)
        for pair in range(plan.pairs):
            await measure(plan, hub.port, hub.pid, devices, runs.hub, hub.admin_token)
            await measure_asyncio_hub(plan, devices, runs.asyncio_hub)
            await measure(plan, hub_on_server.port, hub_on_server.pid, devices_on_server, runs.hub_on_server, hub_on_server.admin_token)
            await measure_stack(plan, devices, server.url, runs.stack)
            say(
                f"peers {pair + 1}/{plan.pairs}: µs a frame: hub {runs.hub.cpu_us[-1]:.1f}, asyncio hub {runs.asyncio_hub.cpu_us[-1]:.1f}; "
                f"on VictoriaMetrics: hub {runs.hub_on_server.cpu_us[-1]:.1f}, Mosquitto and subscriber {runs.stack.cpu_us[-1]:.1f}"
            )
    async with database() as empty_server:
        return [*rows_of(runs), *await killing.rows(plan.load, plan.killed_after_s, empty_server, say)]


def rows_of(runs: Runs) -> list[BenchRow]:
    """Make the rows of what each system costs."""
    return [
        row_of("peers: CPU per acked frame : an asyncio hub", "µs", runs.hub.cpu_us, runs.asyncio_hub.cpu_us),
        row_of("peers: send to ack p99 : an asyncio hub", "ms", runs.hub.ack_p99_ms, runs.asyncio_hub.ack_p99_ms),
        row_of(
            "peers: CPU per acked frame, VictoriaMetrics : Mosquitto and a subscriber", "µs", runs.hub_on_server.cpu_us, runs.stack.cpu_us
        ),
        row_of(
            "peers: send to ack p99 : Mosquitto, which acks before its disk", "ms", runs.hub_on_server.ack_p99_ms, runs.stack.ack_p99_ms
        ),
    ]
