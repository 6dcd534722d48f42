"""`tributary bench peers`: the hub beside what people build instead.

Owns the options; simulators.bench.peers measures, on hubs, brokers and databases of its own.
"""

from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.bench_rows import MarkdownOption, Say, measure
from hub.cli.options import JsonOption

if TYPE_CHECKING:
    from simulators.bench.report import BenchRow


def peers(
    devices: Annotated[int, typer.Option("--devices", help="Devices, each with a connection.")] = 1_000,
    frames_per_s: Annotated[float, typer.Option("--rate", help="Frames a second of all devices together.")] = 2_500.0,
    seconds: Annotated[float, typer.Option("--seconds", help="Length of each measured window.")] = 10.0,
    pairs: Annotated[int, typer.Option("--pairs", help="How often each is measured in turn.")] = 3,
    as_json: JsonOption = False,
    as_markdown: MarkdownOption = False,
) -> None:
    """CPU per acked frame and acks beside an asyncio hub, and beside Mosquitto with a subscriber; what a kill of each loses."""

    def work(say: Say) -> "list[BenchRow]":
        from simulators.bench.course import run_bench
        from simulators.bench.peers.comparing import PeersPlan, run

        return run_bench(run, PeersPlan(devices, frames_per_s, seconds, pairs), say)

    measure(work, as_json=as_json, as_markdown=as_markdown)
