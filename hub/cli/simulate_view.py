"""What a person sees while a simulation runs: a table that is drawn anew four times a second, or a line now and then where nobody looks.

Owns the look, on stderr; figures.py has the figures. simulate.py opens it round a run.
"""

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import trio

if TYPE_CHECKING:
    from rich.table import Table

    from simulators.fleet.figures import Figures
    from simulators.fleet.scenario import Scenario

LINE_EVERY_S: Final = 10.0
DRAW_EVERY_S: Final = 0.25
WIDTH: Final = 100  # at most, whatever stands in it: a table that grows and shrinks four times a second cannot be read


@asynccontextmanager
async def shown(figures: "Figures", scenario: "Scenario") -> AsyncIterator[Callable[[str], None]]:
    """Show the figures while the block runs; gives a function to say a line with."""
    is_seen = sys.stderr.isatty()
    async with trio.open_nursery() as nursery:
        if is_seen:
            from rich.console import Console
            from rich.live import Live

            with Live(console=Console(stderr=True), auto_refresh=False, transient=True, redirect_stdout=False) as live:
                nursery.start_soon(_draw, live, figures, scenario)
                yield lambda line: live.console.print(line, markup=False, highlight=False)
                nursery.cancel_scope.cancel()
        else:
            nursery.start_soon(_tell, figures, scenario)
            yield lambda line: print(line, file=sys.stderr, flush=True)
            nursery.cancel_scope.cancel()


async def _draw(live: Any, figures: "Figures", scenario: "Scenario") -> None:
    while True:
        live.update(_table(figures, scenario, min(WIDTH, live.console.width)), refresh=True)
        await trio.sleep(DRAW_EVERY_S)


async def _tell(figures: "Figures", scenario: "Scenario") -> None:
    """Print a line whenever another stage begins, and every ten seconds."""
    stage, due_s = "", 0.0
    while True:
        if figures.stage != stage or trio.current_time() >= due_s:
            stage, due_s = figures.stage, trio.current_time() + LINE_EVERY_S
            print(" | ".join(f"{name} {value}" for name, value in rows_of(figures, scenario)), file=sys.stderr, flush=True)
        await trio.sleep(DRAW_EVERY_S)


def _table(figures: "Figures", scenario: "Scenario", width: int) -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(f"{scenario.name}: {scenario.devices:,} devices"), show_header=False, title_justify="left", width=width)
    for name, value in rows_of(figures, scenario):
        table.add_row(Text(name), Text(value))
    return table


def rows_of(figures: "Figures", scenario: "Scenario") -> list[tuple[str, str]]:
    """Return what is worth seeing now, in words."""
    done, of = figures.progress
    rows = [("stage", figures.stage + (f" {done:,} of {of:,}" if of and figures.stage != "running" else ""))]
    if not figures.ticks:
        return rows
    counts, now = figures.counts, figures.now
    sent = max(counts["sent"], counts["acked"])  # a worker that was killed had no time to tell of its last ones
    rows += [
        ("phase", f"{figures.phase}, {figures.elapsed_s:.0f} of {scenario.run_s:.0f} s"),
        ("connected", f"{now('connected'):,} of {scenario.devices:,}"),
        (
            "frames",
            f"{sent:,} sent, {counts['acked']:,} acked, {now('in_flight'):,} in flight, {now('spooled'):,} on spools",
        ),
        ("due -> acked", _quantiles(figures, "ack")),
    ]
    if scenario.viewers.count:
        rows.append(("viewers", f"{now('viewers'):,} of {scenario.viewers.count:,}, {counts['points']:,} readings"))
        rows.append(("due -> shown", _quantiles(figures, "seen")))
    if scenario.commands.rate:
        rows.append(("commands", f"{figures.commands['sent']:,} sent"))
    if scenario.faults:
        rows.append(("faults now", ", ".join(figures.faults_now) or "none"))
    return rows


def _quantiles(figures: "Figures", name: str) -> str:
    p50, p99 = figures.last(f"{name}_p50"), figures.last(f"{name}_p99")
    return "-" if p50 is None else f"p50 {p50:,.1f} ms, p99 {p99:,.1f} ms"
