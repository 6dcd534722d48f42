"""`tributary bench page`: what a dashboard of 12 charts costs its viewer's browser, and how old a reading is when it is on the screen.

Owns the course: hub, devices, the dashboard in Chromium without a GPU. Beside it plotly alone redraws the same charts as often in an empty
page, which has neither messages nor readings, legends or words. Needs Chromium and playwright.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import trio

from simulators.bench.board import CHARTS, Drawn, drawn, let_draw, opened, plotly_alone, save_board
from simulators.bench.chromium import PageFigures, running_browser
from simulators.bench.course import BenchHub, Devices, Say, against, running_hub
from simulators.bench.errors import BenchError, check
from simulators.bench.report import BenchRow, Target, row_of

if TYPE_CHECKING:
    from playwright.sync_api import Page

PACES: Final = (4, 10)  # updates a second of each chart
BUSY: Final = Target(40, 40, of="value")  # % of the main thread: the rest is the viewer's own
LOAD_DEVICES: Final = 200
LOAD_READINGS: Final = 10  # a frame
PAST_S: Final = 300.0  # all that a chart shows


@dataclass(frozen=True, slots=True)
class PaintingPlan:
    """How long the charts are watched at each pace, how often, and what load there is while readings are timed. Raises BenchError."""

    seconds: float = 10.0
    runs: int = 3
    load_frames_per_s: float = 2_000.0
    settle_s: float = 5.0
    past_s: float = PAST_S  # of the lines, when it begins

    def __post_init__(self) -> None:
        check("--seconds", self.seconds, 0.5, 120)
        check("--runs", self.runs, 1, 10)
        check("--load", self.load_frames_per_s, 1, 20_000)


async def run(plan: PaintingPlan, say: Say) -> list[BenchRow]:
    """Show the dashboard at each pace, at the first one also beside other load; return the rows."""
    rows: list[BenchRow] = []
    count = CHARTS * len(PACES) + LOAD_DEVICES
    async with running_hub(count) as hub:
        devices = await hub.provision(count)
        others = devices[CHARTS * len(PACES) :]
        for number, pace in enumerate(PACES):
            shown = devices[CHARTS * number :][:CHARTS]
            await save_board(hub, f"bench-{pace}", [name for name, _ in shown])
            async with against("gauges", hub.port, is_hub=True, devices=shown, rate=pace, past_s=plan.past_s):
                await hub.settled()
                link = await hub.client.new_login()
                rows += await trio.to_thread.run_sync(_busy, plan, link, pace, say, abandon_on_cancel=True)
                if pace == PACES[0]:  # every reading is a point of its line then
                    rows += await _beside_load(plan, hub, others, pace, say)
    return rows


def _busy(plan: PaintingPlan, link: str, pace: int, say: Say) -> list[BenchRow]:
    ours: list[float] = []
    alone: list[float] = []
    draws: list[float] = []
    with running_browser() as browser:
        page = opened(browser, link, f"bench-{pace}")
        bare = plotly_alone(browser, page, pace)
        figures, floor = PageFigures(page), PageFigures(bare)
        page.wait_for_timeout(1000 * plan.settle_s)
        for number in range(plan.runs):
            before, _ = figures.spent(), drawn(page)
            page.wait_for_timeout(1000 * plan.seconds)
            spent = figures.spent()
            draws.append(drawn(page).draws / CHARTS / (spent.at_s - before.at_s))
            ours.append(_when_all_drawn(spent.share_since(before), draws[-1], pace))
            alone.append(_alone(bare, floor, plan.seconds, pace))
            say(f"page at {pace}/s {number + 1}/{plan.runs}: {ours[-1]:.1f} %, {draws[-1]:.1f} redraws/s; plotly alone {alone[-1]:.1f} %")
    name = f"{CHARTS} charts x 2 series at {pace} updates/s"
    return [
        row_of(f"page: main thread busy, {name} : plotly alone", "%", ours, alone, target=BUSY),
        row_of(f"page: redraws of each, {name}", "1/s", draws),
    ]


def _alone(bare: "Page", figures: PageFigures, seconds: float, pace: int) -> float:
    let_draw(bare, is_wanted=True)
    bare.wait_for_timeout(1_000)
    before, done = figures.spent(), let_draw(bare, is_wanted=True)
    bare.wait_for_timeout(1000 * seconds)
    spent, done = figures.spent(), let_draw(bare, is_wanted=False) - done
    return _when_all_drawn(spent.share_since(before), done / CHARTS / (spent.at_s - before.at_s), pace)


def _when_all_drawn(share: float, draws: float, pace: int) -> float:
    """Return what the share would be with a redraw for each update: a browser that cannot follow, or has no processor, draws less."""
    return share * max(1.0, pace / draws) if draws else float("inf")


async def _beside_load(plan: PaintingPlan, hub: BenchHub, others: Devices, pace: int, say: Say) -> list[BenchRow]:
    load: dict[str, Any] = {"devices": others, "rate": plan.load_frames_per_s, "readings": LOAD_READINGS, "seed": 1}
    async with against("sender", hub.port, is_hub=True, **load) as sender:
        await trio.sleep(plan.settle_s)
        link = await hub.client.new_login()
        await sender.ask("begin")
        found = await trio.to_thread.run_sync(_timed, plan, link, pace, abandon_on_cancel=True)
        said = await sender.ask("end")
    say(f"page beside {said['acked']:,} frames acked of other devices: {sum(len(each.painted_ms) for each in found):,} readings timed")
    if not all(each.painted_ms and each.arrived_ms for each in found):
        raise BenchError("the page showed no new reading", "give --seconds more, or --load less")
    name = f"with {plan.load_frames_per_s:,.0f} frames/s of other devices : in the page"
    return [_aged(f"page: device to paint p{at}, {name}", found, at) for at in (50, 99)]


def _timed(plan: PaintingPlan, link: str, pace: int) -> list[Drawn]:
    with running_browser() as browser:
        page = opened(browser, link, f"bench-{pace}")
        found = []
        for _ in range(plan.runs):
            page.wait_for_timeout(1_000)
            drawn(page)
            page.wait_for_timeout(1000 * plan.seconds)
            found.append(drawn(page))
        return found


def _aged(name: str, found: Sequence[Drawn], percent: int) -> BenchRow:
    def quantile(ages_ms: Sequence[float]) -> float:
        return ages_ms[len(ages_ms) * percent // 100]

    return row_of(name, "ms", [quantile(each.painted_ms) for each in found], [quantile(each.arrived_ms) for each in found])
