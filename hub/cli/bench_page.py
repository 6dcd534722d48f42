"""`tributary bench page`: what the dashboard costs its viewer's browser.

Owns the options; simulators.bench measures (scrolling.py, painting.py, soaking.py), in a Chromium of its own on hubs of its own.
"""

from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.bench_rows import MarkdownOption, Say, measure
from hub.cli.fleet import span_s
from hub.cli.options import JsonOption

if TYPE_CHECKING:
    from simulators.bench.report import BenchRow


def page(
    devices: Annotated[int, typer.Option("--devices", help="Devices, each with a connection and a row on the overview.")] = 1_000,
    frames_per_s: Annotated[float, typer.Option("--rate", help="Frames a second of all of them together.")] = 1_000.0,
    seconds: Annotated[float, typer.Option("--seconds", help="Length of each window in which 12 charts are watched.")] = 10.0,
    load_frames_per_s: Annotated[
        float, typer.Option("--load", help="Frames a second of other devices while readings are timed.")
    ] = 2_000.0,
    runs: Annotated[int, typer.Option("--runs", help="How often all that is done.")] = 3,
    soak: Annotated[
        str, typer.Option("--soak", help="Keep the 12 charts open for so long instead, as 30m or 8h: whether the page grows.")
    ] = "",
    as_json: JsonOption = False,
    as_markdown: MarkdownOption = False,
) -> None:
    """A dashboard of 12 charts: how busy the browser is, how old readings are on the screen. How smooth the overview scrolls."""
    soak_s = span_s(soak) if soak else 0.0

    def work(say: Say) -> "list[BenchRow]":
        from simulators.bench import painting, scrolling, soaking
        from simulators.bench.course import run_bench

        if soak:
            return run_bench(soaking.run, soaking.SoakPlan(soak_s), say)
        charts = painting.PaintingPlan(seconds, runs, load_frames_per_s)
        overview = scrolling.PagePlan(devices, frames_per_s, runs)
        return [*run_bench(painting.run, charts, say), *run_bench(scrolling.run, overview, say)]

    measure(work, as_json=as_json, as_markdown=as_markdown)
