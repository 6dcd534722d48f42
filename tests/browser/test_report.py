"""A report in a real browser: it draws, follows the theme, loads nothing, and what a device calls itself does nothing."""

from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from dashboard.figures import Hole
from dashboard.report import DeviceReport, ReportFile
from tests.support.browser import TIMEOUT_MS
from tests.support.lines import MINUTE, T, line

pytestmark = [pytest.mark.needs_server("chromium"), pytest.mark.slow]

PAYLOAD = "</script></title><script>window.done = 1</script><img src=x onerror='window.done = 2'><b onmouseover=alert(3)>x</b>%{y}"


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "report.html"
    nasty = line([0, 1, 2, 20, 21], [1, 2, 3, 4, 5], channel=PAYLOAD, unit=PAYLOAD, last=[PAYLOAD] * 5)
    state = line([0, 1, 2], [0, 1, 0], kind="state", channel="on", unit="", spread=0, last=[False, True, False])
    with path.open("w", encoding="utf-8") as out:
        file = ReportFile(out, PAYLOAD, T, T + 30 * MINUTE, UTC)
        file.begin([PAYLOAD])
        file.add(DeviceReport(PAYLOAD, [nasty, state], [Hole(T + 4 * MINUTE, T + 9 * MINUTE, PAYLOAD)], [PAYLOAD]))
        file.add(DeviceReport("plain", [line([0, 1], [1, 2]), line([0, 1], [3, 4], channel="second")]))
        file.end(T, PAYLOAD)
    return path


@pytest.mark.parametrize("size", [(1280, 900), (390, 844)])
def test_a_report_draws_loads_nothing_and_obeys_no_name(browser: Browser, report: Path, size: tuple[int, int]) -> None:
    complaints: list[str] = []
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme="dark")
    try:
        page = context.new_page()
        page.on("console", lambda said: complaints.append(said.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.on("request", lambda request: complaints.append(request.url) if not request.url.startswith("file:") else None)
        page.goto(report.as_uri())
        expect(page.locator("figure .main-svg").first).to_be_visible(timeout=TIMEOUT_MS)
        page.locator("footer").scroll_into_view_if_needed()
        expect(page.locator("figure.js-plotly-plot")).to_have_count(3)
        assert page.locator("h2").first.inner_text() == PAYLOAD
        expect(page.locator(".legendtext").first).to_have_text(PAYLOAD)
        page.locator(".nsewdrag").first.hover(position={"x": 50 * size[0] / 1280, "y": 90})
        page.wait_for_function("() => document.querySelector('.hoverlayer').textContent.length > 0")
        assert page.evaluate("window.done") is None
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
        dark = colours(page)
        page.emulate_media(color_scheme="light")
        page.wait_for_function("dark => getComputedStyle(document.querySelector('.js-line')).stroke !== dark", arg=dark[1])
        assert colours(page)[0] != dark[0]
    finally:
        context.close()
    assert complaints == []


def colours(page: Any) -> list[str]:
    """Return the colours of the ground and of the first line."""
    found: list[str] = page.evaluate(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.querySelector('.js-line')).stroke]"
    )
    return found
