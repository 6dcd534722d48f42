"""`tributary bench workers`: several hub processes on one port beside one of them.

Owns the options of this benchmark alone; simulators.bench.workers measures. Added to the group by bench.py.
"""

from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.bench_rows import MarkdownOption, Say, measure
from hub.cli.options import JsonOption

if TYPE_CHECKING:
    from simulators.bench.report import BenchRow


def workers(
    count: Annotated[int | None, typer.Option("--workers", help="How many processes. Default: as many as this machine has cores.")] = None,
    devices: Annotated[int, typer.Option("--devices", help="Devices, each with a connection.")] = 128,
    senders: Annotated[int, typer.Option("--senders", help="Processes that send.")] = 2,
    seconds: Annotated[float, typer.Option("--seconds", help="Length of each measured window.")] = 8.0,
    pairs: Annotated[int, typer.Option("--pairs", help="How often one process and several are measured in turn.")] = 3,
    as_json: JsonOption = False,
    as_markdown: MarkdownOption = False,
) -> None:
    """Durable frames a second of several processes on one port, with Redis and VictoriaMetrics beside them, beside one such process."""

    def work(say: Say) -> "list[BenchRow]":
        from simulators.bench.course import run_bench
        from simulators.bench.workers import WorkersPlan, run

        told = {} if count is None else {"workers": count}
        return run_bench(run, WorkersPlan(devices=devices, senders=senders, seconds=seconds, pairs=pairs, **told), say)

    measure(work, as_json=as_json, as_markdown=as_markdown)
