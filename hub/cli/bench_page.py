"""`tributary bench page`: what the dashboard costs its viewer's browser.

Owns the options; simulators.bench.scrolling measures, in a Chromium of its own on a hub of its own.
"""

from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.bench_rows import MarkdownOption, Say, measure
from hub.cli.options import JsonOption

if TYPE_CHECKING:
    from simulators.bench.report import BenchRow


def page(
    devices: Annotated[int, typer.Option("--devices", help="Devices, each with a connection and a row on the overview.")] = 1_000,
    frames_per_s: Annotated[float, typer.Option("--rate", help="Frames a second of all devices together.")] = 1_000.0,
    runs: Annotated[int, typer.Option("--runs", help="How often the page is scrolled from end to end and back.")] = 3,
    as_json: JsonOption = False,
    as_markdown: MarkdownOption = False,
) -> None:
    """Longest time between two frames in Chromium while the overview is scrolled and its devices send, beside an empty page."""

    def work(say: Say) -> "list[BenchRow]":
        from simulators.bench.course import run_bench
        from simulators.bench.scrolling import PagePlan, run

        return run_bench(run, PagePlan(devices, frames_per_s, runs), say)

    measure(work, as_json=as_json, as_markdown=as_markdown)
