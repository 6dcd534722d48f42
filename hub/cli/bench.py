"""`tributary bench ...`: the benchmarks, against hubs they start themselves.

Owns the options; simulators.bench measures. Touches no hub that is running already.
"""

import sys
from typing import Annotated

import typer

from hub.cli.options import JsonOption


def add_to(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(name="bench", help="Measure this installation, on hubs of its own.", no_args_is_help=True)
    group.callback()(_group)
    group.command()(ingest)
    app.add_typer(group)


def _group() -> None:
    pass


def ingest(
    devices: Annotated[int, typer.Option("--devices", help="Devices, each with a connection.")] = 1_000,
    frames_per_s: Annotated[float, typer.Option("--rate", help="Frames a second of all devices together.")] = 5_000.0,
    seconds: Annotated[float, typer.Option("--seconds", help="Length of each measured window.")] = 20.0,
    pairs: Annotated[int, typer.Option("--pairs", help="How often hub and bare sink are measured in turn.")] = 3,
    as_json: JsonOption = False,
) -> None:
    """What one acked frame costs the whole hub in CPU, beside a bare trio-websocket sink that stores nothing."""
    import trio

    from simulators.bench.ingest import IngestPlan, run
    from simulators.bench.report import as_json as rows_as_json
    from simulators.bench.report import as_table

    plan = IngestPlan(devices=devices, frames_per_s=frames_per_s, seconds=seconds, pairs=pairs)
    rows = trio.run(run, plan, lambda line: print(line, file=sys.stderr, flush=True))
    typer.echo(rows_as_json(rows) if as_json else as_table(rows))
