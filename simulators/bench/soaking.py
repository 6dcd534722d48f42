"""`tributary bench page --soak`: whether a dashboard that stays open grows.

Owns the course: the dashboard of 12 charts at 4 updates a second, looked at again and again after its garbage was collected, and the line
through what was found. Needs Chromium and playwright.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import trio

from simulators.bench.board import CHARTS, drawn, opened, save_board
from simulators.bench.chromium import PageFigures, running_browser
from simulators.bench.course import Say, against, running_hub
from simulators.bench.errors import check
from simulators.bench.painting import PAST_S
from simulators.bench.report import BenchRow, Target
from simulators.bench.slope import Slope, slope_of

PACE: Final = 4  # updates a second of each chart
STEADY: Final = Target(1_000, 100, of="value")  # KB/h: open for a week, a page has 168 and 17 MB more
LOOK_S: Final = 60.0
MIN_LOOKS: Final = 12
WARM_UP: Final = 0.15  # of the whole, five minutes at most: code is compiled, every part of the page is used once
MAX_WARM_UP_S: Final = 300.0
UNITS: Final = {"heap_kb": ("heap", "KB/h"), "nodes": ("DOM nodes", "1/h"), "listeners": ("event listeners", "1/h")}


@dataclass(frozen=True, slots=True)
class SoakPlan:
    """How long the page stays open. Raises BenchError."""

    seconds: float = 1_800.0
    past_s: float = PAST_S  # of the lines, when it begins: charts are full

    def __post_init__(self) -> None:
        check("--soak", self.seconds, 10, 7 * 86_400)


async def run(plan: SoakPlan, say: Say) -> list[BenchRow]:
    """Keep the dashboard open, and return the rows."""
    async with running_hub(CHARTS) as hub:
        devices = await hub.provision(CHARTS)
        await save_board(hub, "bench-soak", [name for name, _ in devices])
        async with against("gauges", hub.port, is_hub=True, devices=devices, rate=PACE, past_s=plan.past_s):
            await hub.settled()
            link = await hub.client.new_login()
            looks = await trio.to_thread.run_sync(_looks, plan, link, say, abandon_on_cancel=True)
    return rows_of(plan, looks)


def _looks(plan: SoakPlan, link: str, say: Say) -> list[dict[str, float]]:
    warm_up_s = min(WARM_UP * plan.seconds, MAX_WARM_UP_S)
    every_s = min(LOOK_S, (plan.seconds - warm_up_s) / MIN_LOOKS)
    looks: list[dict[str, float]] = []
    with running_browser() as browser:
        page = opened(browser, link, "bench-soak")
        figures = PageFigures(page)
        began_s = figures.spent().at_s
        page.wait_for_timeout(1000 * warm_up_s)
        while (at_s := figures.spent().at_s - began_s) < plan.seconds or len(looks) < MIN_LOOKS:
            draws = drawn(page).draws  # and the bench keeps nothing in the page
            looks.append({"at_s": at_s, **figures.held()})
            heap_mb, nodes = looks[-1]["heap_kb"] / 1024, looks[-1]["nodes"]
            say(f"page after {at_s / 60:.1f} min: heap {heap_mb:.2f} MB, {nodes:,.0f} nodes, {draws:,} charts drawn since the last look")
            page.wait_for_timeout(1000 * every_s)
    return looks


def rows_of(plan: SoakPlan, looks: Sequence[dict[str, float]]) -> list[BenchRow]:
    """Return a row for each thing that may grow; `runs` are the bounds between which its slope lies with a confidence of 95 %.

    A target is met where even the upper one meets it: a page that was not watched for long enough meets none.
    """
    hours = [look["at_s"] / 3600 for look in looks]
    rows = []
    for key, (said, unit) in UNITS.items():
        slope = slope_of(hours, [look[key] for look in looks])
        target = STEADY if key == "heap_kb" else None
        rows.append(_row(f"page: slope of {said}, open for {plan.seconds / 60:g} min", unit, slope, target))
    return rows


def _row(name: str, unit: str, slope: Slope, target: Target | None) -> BenchRow:
    said: dict[str, Any] = target.said(unit) if target else {}
    met = target.met(slope.high, None) if target else ""
    value, low, high = (float(f"{each:.5g}") for each in (slope.value, slope.low, slope.high))
    return BenchRow(name, value, unit, None, said, met, None, {"ours": value}, {"ours": (low, high)})
