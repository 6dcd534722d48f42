"""`tributary bench ...`: the benchmarks, against hubs they start themselves.

Owns the options; simulators.bench measures, bench_rows.py prints. Touches no hub that is running already.
"""

from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.bench_page import page
from hub.cli.bench_peers import peers
from hub.cli.bench_rows import MarkdownOption, Say, measure
from hub.cli.bench_workers import workers
from hub.cli.options import JsonOption

if TYPE_CHECKING:
    from simulators.bench.report import BenchRow

PairsOption = Annotated[int, typer.Option("--pairs", help="How often hub and floor are measured in turn.")]
TlsOption = Annotated[bool, typer.Option("--tls", help="Hub and floor speak TLS, with a certificate made by openssl.")]
SecondsOption = Annotated[float, typer.Option("--seconds", help="Length of each measured window.")]


def add_to(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(
        name="bench",
        help="Measure this installation, on hubs of its own, each figure beside a floor in the same run.",
        no_args_is_help=True,
    )
    group.callback()(_group)
    for command, summary in (
        (ingest, "CPU per acked frame."),
        (rules, "What 500 rules cost."),
        (flood, "Durable frames a second."),
        (pack, "Queryable readings a second out of pack frames."),
        (fanout, "CPU per delivery to a viewer; viewers that do not read."),
        (latency, "Device to viewer, p50 and p99."),
        (idle, "Memory per idle device connection."),
        (store, "The history: inserts, bytes, one series out of very many, ingest beside queries."),
        (peers, "Beside an asyncio hub and Mosquitto with a subscriber; what a kill loses."),
        (workers, "Durable frames a second of several processes on one port."),
        (page, "What the dashboard costs its viewer, in Chromium."),
    ):
        group.command(short_help=summary)(command)
    group.command("all", short_help="All of them in one table, in about 15 minutes.")(everything)
    app.add_typer(group)


def _group() -> None:
    pass


def ingest(
    devices: Annotated[int, typer.Option("--devices", help="Devices, each with a connection.")] = 1_000,
    frames_per_s: Annotated[float, typer.Option("--rate", help="Frames a second of all devices together.")] = 5_000.0,
    seconds: SecondsOption = 12.0,
    pairs: PairsOption = 3,
    is_encrypted: TlsOption = False,
    as_json: JsonOption = False,
    as_markdown: MarkdownOption = False,
) -> None:
    """CPU of the whole hub per acked frame, beside a bare trio-websocket sink that stores nothing."""

    def work(say: Say) -> "list[BenchRow]":
        from simulators.bench.course import run_bench
        from simulators.bench.ingest import IngestPlan, run

        plan = IngestPlan(devices=devices, frames_per_s=frames_per_s, seconds=seconds, pairs=pairs, is_encrypted=is_encrypted)
        return run_bench(run, plan, say)

    measure(work, as_json=as_json, as_markdown=as_markdown)


def rules(
    count: Annotated[int, typer.Option("--rules", help="How many rules.")] = 500,
    devices: Annotated[int, typer.Option("--devices", help="Devices, each with a connection.")] = 1_000,
    frames_per_s: Annotated[float, typer.Option("--rate", help="Frames a second of all devices together.")] = 5_000.0,
    seconds: SecondsOption = 12.0,
    pairs: PairsOption = 3,
    as_json: JsonOption = False,
    as_markdown: MarkdownOption = False,
) -> None:
    """CPU of the whole hub per acked frame with rules, beside the same hub without a rule."""

    def work(say: Say) -> "list[BenchRow]":
        from simulators.bench.course import run_bench
        from simulators.bench.ingest import IngestPlan
        from simulators.bench.rules import RulesPlan, run

        plan = RulesPlan(IngestPlan(devices, frames_per_s, seconds, pairs), count)
        return run_bench(run, plan, say)

    measure(work, as_json=as_json, as_markdown=as_markdown)


def flood(
    devices: Annotated[int, typer.Option("--devices", help="Devices, each with a connection.")] = 64,
    senders: Annotated[int, typer.Option("--senders", help="Processes that send; more where one is busy all the time.")] = 1,
    seconds: SecondsOption = 8.0,
    pairs: PairsOption = 3,
    as_json: JsonOption = False,
    as_markdown: MarkdownOption = False,
) -> None:
    """Durable frames a second, devices sending as fast as their window lets them, beside a flooded sink; who suffers beside one flooder."""

    def work(say: Say) -> "list[BenchRow]":
        from simulators.bench.course import run_bench
        from simulators.bench.flood import FloodPlan, run

        return run_bench(run, FloodPlan(devices=devices, senders=senders, seconds=seconds, pairs=pairs), say)

    measure(work, as_json=as_json, as_markdown=as_markdown)


def pack(
    devices: Annotated[int, typer.Option("--devices", help="Devices, each with a connection.")] = 16,
    values: Annotated[int, typer.Option("--values", help="Readings of one frame, 4 bytes each.")] = 8_000,
    readings: Annotated[int, typer.Option("--readings", help="Readings of one run.")] = 24_000_000,
    pairs: PairsOption = 3,
    as_json: JsonOption = False,
    as_markdown: MarkdownOption = False,
) -> None:
    """Readings a second made durable and queryable out of `pack` frames, beside DuckDB alone."""

    def work(say: Say) -> "list[BenchRow]":
        from simulators.bench.course import run_bench
        from simulators.bench.pack import PackPlan, run

        return run_bench(run, PackPlan(devices=devices, values=values, readings=readings, pairs=pairs), say)

    measure(work, as_json=as_json, as_markdown=as_markdown)


def fanout(
    viewers: Annotated[int, typer.Option("--viewers", help="Viewers of the same subscription.")] = 1_000,
    updates_per_s: Annotated[float, typer.Option("--rate", help="Updates a second that each viewer gets.")] = 10.0,
    crowd: Annotated[int, typer.Option("--crowd", help="Viewers of which one is slow and 100 never read.")] = 500,
    seconds: SecondsOption = 8.0,
    pairs: PairsOption = 3,
    is_encrypted: TlsOption = False,
    as_json: JsonOption = False,
    as_markdown: MarkdownOption = False,
) -> None:
    """CPU per delivery to a viewer, beside a task and a channel per viewer; and what viewers that do not read do to the others."""

    def work(say: Say) -> "list[BenchRow]":
        from simulators.bench.course import run_bench
        from simulators.bench.crowd import CrowdPlan
        from simulators.bench.fanout import FanoutPlan, run

        beside = CrowdPlan(viewers=crowd, seconds=min(seconds, 15.0), pairs=pairs)
        plan = FanoutPlan(viewers, updates_per_s=updates_per_s, seconds=seconds, pairs=pairs, crowd=beside, is_encrypted=is_encrypted)
        return run_bench(run, plan, say)

    measure(work, as_json=as_json, as_markdown=as_markdown)


def latency(
    devices: Annotated[int, typer.Option("--devices", help="Devices, each with a connection.")] = 1_000,
    frames_per_s: Annotated[float, typer.Option("--rate", help="Frames a second of all devices together.")] = 2_500.0,
    seconds: SecondsOption = 12.0,
    pairs: PairsOption = 3,
    as_json: JsonOption = False,
    as_markdown: MarkdownOption = False,
) -> None:
    """From a device's send to a viewer's socket, stored first, at half of the load of `ingest`, beside a bare relay."""

    def work(say: Say) -> "list[BenchRow]":
        from simulators.bench.course import run_bench
        from simulators.bench.latency import LatencyPlan, run

        return run_bench(run, LatencyPlan(devices=devices, frames_per_s=frames_per_s, seconds=seconds, pairs=pairs), say)

    measure(work, as_json=as_json, as_markdown=as_markdown)


def idle(
    devices: Annotated[int, typer.Option("--devices", help="Connections that are held.")] = 2_000,
    pairs: PairsOption = 3,
    as_json: JsonOption = False,
    as_markdown: MarkdownOption = False,
) -> None:
    """Memory of the hub per idle device connection, beside a bare trio-websocket server that holds as many."""

    def work(say: Say) -> "list[BenchRow]":
        from simulators.bench.course import run_bench
        from simulators.bench.idle import IdlePlan, run

        return run_bench(run, IdlePlan(devices=devices, pairs=pairs), say)

    measure(work, as_json=as_json, as_markdown=as_markdown)


def store(
    pairs: Annotated[int, typer.Option("--pairs", help="Windows with queries and without, in turn.")] = 7,
    is_small: Annotated[bool, typer.Option("--small", help="Seconds instead of minutes; for a look at whether it runs.")] = False,
    as_json: JsonOption = False,
    as_markdown: MarkdownOption = False,
) -> None:
    """Readings a second into each history store that is here and bytes a reading; one series out of 36 million; ingest beside queries."""

    def work(say: Say) -> "list[BenchRow]":
        from simulators.bench.course import run_bench
        from simulators.bench.store import run
        from simulators.bench.store_plan import StorePlan

        return run_bench(run, StorePlan.small(pairs) if is_small else StorePlan(pairs=pairs), say)

    measure(work, as_json=as_json, as_markdown=as_markdown)


def everything(
    pairs: PairsOption = 3,
    as_json: JsonOption = False,
    as_markdown: MarkdownOption = False,
) -> None:
    """All of them, one after another, in one table; takes about 15 minutes."""

    def work(say: Say) -> "list[BenchRow]":
        from simulators.bench.everything import EverythingPlan, run

        return run(EverythingPlan(pairs), say)

    measure(work, as_json=as_json, as_markdown=as_markdown)
