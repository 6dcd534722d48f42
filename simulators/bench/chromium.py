"""A Chromium without a GPU for the benchmarks of the page, and what it says of itself.

Owns how it is found and started, and the figures of one page: processor time of its main thread, heap, nodes. Used by scrolling.py,
painting.py and soaking.py.
"""

import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from simulators.bench.errors import BenchError

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

TIMEOUT_MS: Final = 60_000
LOOKS: Final = 5
_TRACED: Final = ["toplevel", "devtools.timeline"]
_NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS: Final = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update")


@contextmanager
def running_browser() -> "Iterator[Browser]":
    """Run Chromium; it is gone when the block is left. Raises BenchError where it or playwright is not installed."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise BenchError("playwright is not installed", "pip install playwright", is_usage=True) from None
    executable = next(filter(None, map(shutil.which, _NAMES)), None)
    if executable is None:
        raise BenchError("Chromium is not installed", "install it: apt install chromium", is_usage=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=_ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@dataclass(frozen=True, slots=True)
class Spent:
    """What the main thread of a page has used since it began: `cpu_s` of processor time, by a clock in seconds."""

    cpu_s: float
    at_s: float

    def share_since(self, before: "Spent") -> float:
        """Return the processor time since then, % of the time that went by."""
        return 100 * (self.cpu_s - before.cpu_s) / (self.at_s - before.at_s)


class PageFigures:
    """What Chromium says of a page, by the DevTools protocol."""

    def __init__(self, page: "Page") -> None:
        self._devtools = page.context.new_cdp_session(page)
        self._devtools.send("Performance.enable")

    def spent(self) -> Spent:
        """Return the main thread's own processor time: script, style, layout, paint and all else that the kernel counts for it.

        It is not the time that tasks took: while other programs have the processor it stands still.
        """
        said = self._metrics()
        return Spent(said["ThreadTime"], said["Timestamp"])

    def held(self) -> dict[str, float]:
        """Return what the page holds once its garbage is collected: `heap_kb`, `nodes`, `listeners`.

        The least of a few looks: what the page makes anew all the time is there in one and gone in the next.
        """
        looks = [self._look() for _ in range(LOOKS)]
        return {
            "heap_kb": min(look["JSHeapUsedSize"] for look in looks) / 1024,
            "nodes": min(look["Nodes"] for look in looks),
            "listeners": min(look["JSEventListeners"] for look in looks),
        }

    def _look(self) -> dict[str, float]:
        for _ in range(2):  # what the first run finds weakly held goes with the second
            self._devtools.send("HeapProfiler.collectGarbage")
        return self._metrics()

    def _metrics(self) -> dict[str, float]:
        return {each["name"]: each["value"] for each in self._devtools.send("Performance.getMetrics")["metrics"]}


def longest_task_ms(page: "Page", work: Callable[[], object]) -> float:
    """Return how much processor time the longest task of a page's main thread used while this was done, ms.

    What else the machine does lengthens the time between two frames, but hardly this. Raises BenchError where Chromium says nothing.
    """
    browser = page.context.browser
    assert browser is not None
    devtools = browser.new_browser_cdp_session()
    events: list[dict[str, Any]] = []
    ended: list[object] = []
    devtools.on("Tracing.dataCollected", lambda said: events.extend(said["value"]))
    devtools.on("Tracing.tracingComplete", lambda said: ended.append(said))
    devtools.send("Tracing.start", {"traceConfig": {"includedCategories": _TRACED, "excludedCategories": ["*"]}})
    work()
    devtools.send("Tracing.end")
    for _ in range(TIMEOUT_MS // 100):
        if ended:
            break
        page.wait_for_timeout(100)
    return _longest_ms(events)


def _longest_ms(events: Sequence[Mapping[str, Any]]) -> float:
    threads = Counter((each["pid"], each["tid"]) for each in events if each["name"] == "FireAnimationFrame")
    if not threads:
        raise BenchError("the trace has no animation frame", "report this, with the version of Chromium")
    main, _ = threads.most_common(1)[0]  # a browser has processes in reserve, which draw nothing
    tasks = [each for each in events if (each["pid"], each["tid"]) == main and "RunTask" in each["name"]]
    longest_us: float = max(each.get("tdur", 0) for each in tasks)
    return longest_us / 1000
