"""The report of a simulation in a real browser: its figures are drawn, it loads nothing, and fits a phone."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from dashboard.fleet_report import fleet_page
from tests.support.browser import TIMEOUT_MS
from tests.support.fleet_report import report_said

pytestmark = [pytest.mark.needs_server("chromium"), pytest.mark.slow]


@pytest.mark.parametrize("size", [(1280, 900), (390, 844)])
def test_every_figure_is_drawn_and_nothing_is_loaded(browser: Browser, tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "report.html"
    path.write_text(fleet_page(report_said()), encoding="utf-8")
    complaints: list[str] = []
    context = browser.new_context(viewport={"width": size[0], "height": size[1]})
    try:
        page = context.new_page()
        page.on("console", lambda said: complaints.append(said.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: complaints.append(request.url) if not request.url.startswith("file:") else None)
        page.goto(path.as_uri())
        figures = page.locator("figure")
        for at in range(figures.count()):
            figures.nth(at).scroll_into_view_if_needed()
            expect(figures.nth(at).locator(".main-svg").first).to_be_visible(timeout=TIMEOUT_MS)
        assert figures.count() == 5
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    finally:
        context.close()
    assert complaints == []
