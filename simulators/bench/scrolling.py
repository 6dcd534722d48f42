"""`tributary bench page`: how smooth the overview scrolls in Chromium while all of its devices send.

Owns the course: hub, devices, a browser, and the frames it shows while the page is scrolled down, up, and by keys; beside it an empty page
of the same height, scrolled the same way, which says what browser and machine do by themselves. Needs Chromium and playwright.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import trio

from simulators.bench.chromium import TIMEOUT_MS, longest_task_ms, running_browser
from simulators.bench.course import Say, against, running_hub
from simulators.bench.errors import check
from simulators.bench.report import BenchRow, Target, row_of

if TYPE_CHECKING:
    from playwright.sync_api import Page

TARGET: Final = Target(100, 100, of="value")  # ms: what a hand that scrolls takes for standing still
TASK: Final = Target(50, 16, of="value")  # ms: from 50 on browsers call a task long; a frame of the screen has 16
SPEED_PX_PER_S: Final = 6_000  # a wheel that is turned hard
READY: Final = "count => document.querySelector('.device-grid')?.getAttribute('aria-rowcount') === String(count + 1)"
DRAWN: Final = "() => [...document.querySelectorAll('[data-presence=online] .row-value')].some(value => /\\d/.test(value.textContent))"
EMPTY: Final = "() => { document.body.replaceChildren(Object.assign(document.createElement('div'), { style: 'height: 53000px' })) }"
RECORD: Final = """() => {
  if (window.gaps) return window.gaps.splice(0); // it records already
  window.gaps = [];
  let last = performance.now();
  const frame = () => {
    const now = performance.now();
    window.gaps.push(now - last);
    last = now;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}"""


@dataclass(frozen=True, slots=True)
class PagePlan:
    """The load and how often the page is scrolled from end to end and back. Raises BenchError."""

    devices: int = 1_000
    frames_per_s: float = 1_000.0
    runs: int = 3
    settle_s: float = 5.0

    def __post_init__(self) -> None:
        check("--devices", self.devices, 20, 2_000)
        check("--rate", self.frames_per_s, 1, 20_000)
        check("--runs", self.runs, 1, 10)


async def run(plan: PagePlan, say: Say) -> list[BenchRow]:
    """Scroll, and return the rows."""
    async with running_hub(plan.devices) as hub:
        devices = await hub.provision(plan.devices)
        load: dict[str, Any] = {"devices": devices, "rate": plan.frames_per_s, "readings": 4, "seed": 1}
        async with against("sender", hub.port, is_hub=True, **load):
            await trio.sleep(plan.settle_s)
            link = await hub.client.new_login()
            return await trio.to_thread.run_sync(_measured, plan, link, say, abandon_on_cancel=True)


def _measured(plan: PagePlan, link: str, say: Say) -> list[BenchRow]:
    with running_browser() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(TIMEOUT_MS)
        page.goto(link)
        page.wait_for_function(READY, arg=plan.devices)
        page.wait_for_function(DRAWN)
        found = [_scrolled(page) for _ in range(plan.runs)]
        tasks = [longest_task_ms(page, lambda: _scrolled(page))]
        page.goto("about:blank")
        page.evaluate(EMPTY)
        empty = [_scrolled(page) for _ in range(plan.runs)]
        empty_tasks = [longest_task_ms(page, lambda: _scrolled(page))]
    for number, gaps in enumerate(found, 1):
        say(f"page {number}/{plan.runs}: {len(gaps):,} frames, longest gap {max(gaps):.1f} ms, p99 {_p99(gaps):.1f} ms")
    # Of all runs the worst: one stop is what a person remembers.
    name = f"page: longest gap between frames, scrolling {plan.devices:,} devices : empty page"
    return [
        row_of(name, "ms", [max(max(gaps) for gaps in found)], [max(max(gaps) for gaps in empty)], target=TARGET),
        row_of("page: p99 gap between frames, scrolling : empty page", "ms", [*map(_p99, found)], [*map(_p99, empty)]),
        row_of("page: longest task of the main thread, scrolling, its processor time : empty page", "ms", tasks, empty_tasks, target=TASK),
    ]


def _p99(gaps: list[float]) -> float:
    return sorted(gaps)[int(0.99 * len(gaps))]


def _scrolled(page: "Page") -> list[float]:
    """Scroll down, up, and by the keys of a keyboard; return the times between frames in ms."""
    hand = page.context.new_cdp_session(page)
    far_px = page.evaluate("document.documentElement.scrollHeight")
    page.evaluate("scrollTo(0, 0)")
    page.evaluate(RECORD)
    for distance in (-far_px, far_px):
        where = {"x": 600, "y": 500, "yDistance": distance, "speed": SPEED_PX_PER_S, "gestureSourceType": "mouse"}
        hand.send("Input.synthesizeScrollGesture", where)
    for key in ("End", "Home", *["PageDown"] * 10):
        page.keyboard.press(key)
        page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    gaps: list[float] = page.evaluate("() => window.gaps.splice(0).slice(1)")
    return gaps
