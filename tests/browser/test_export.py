"""The export dialog in a real browser: what it asks for is what is downloaded, on wide and narrow screens, with nothing to complain of."""

import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.hub_process import RunningHub, running_hub
from tests.support.pages import from_menu, page_of

pytestmark = [pytest.mark.needs_server("chromium"), pytest.mark.slow]

T = 1_700_000_000  # 2023-11-14T22:13:20Z
NAMES = ("boiler", "greenhouse-1", "greenhouse-2", "pump-7")


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    rows = [f"{T + at},{name},{20 + at % 5}.5,{at},{'idle' if at % 2 else 'run'}" for name in NAMES for at in range(50)]
    content = "\n".join(["ts,device,temperature,level,mode", *rows, ""]).encode()
    with running_hub(tmp_path_factory.mktemp("hub") / "data") as running:
        headers = {"Authorization": f"Bearer {running.admin_token}"}
        address = f"{running.url}/api/v1/import?create=true&time_format=s"
        with urllib.request.urlopen(urllib.request.Request(address, content, headers, method="POST"), timeout=30) as answer:
            assert answer.status == 200
        deadline_s = time.monotonic() + 20
        while running.api("GET", "/api/v1/hub")["store_lag"]:
            assert time.monotonic() < deadline_s
            time.sleep(0.02)  # between two looks at another process
        yield running


@contextmanager
def dialog_of(browser: Browser, hub: RunningHub, size: tuple[int, int] = (1280, 800)) -> Iterator[Page]:
    """Log in and open the dialog; afterwards nothing may have been complained of."""
    with page_of(browser, hub, size=size, at="#/devices/boiler") as page:
        expect(page.locator("#device-name")).to_have_text("boiler")
        from_menu(page, "Export")
        expect(page.get_by_role("checkbox", name="temperature")).to_be_visible()
        yield page


def downloaded(page: Page, folder: Path) -> str:
    with page.expect_download() as found:
        page.get_by_role("link", name="Download").click()
    found.value.save_as(folder / found.value.suggested_filename)
    return (folder / found.value.suggested_filename).read_text()


def test_what_is_chosen_is_downloaded(browser: Browser, hub: RunningHub, tmp_path: Path) -> None:
    with dialog_of(browser, hub) as page:
        expect(page.get_by_role("checkbox", name="boiler")).to_be_checked()
        page.get_by_role("radio", name="All").check()
        rows = downloaded(page, tmp_path).splitlines()
        assert len(rows) == 151
        assert {row.split(",")[1] for row in rows[1:]} == {"boiler"}
        page.get_by_role("checkbox", name="pump-7").check()
        page.get_by_role("checkbox", name="temperature").check()
        page.get_by_label("One row for").select_option("1 minute")
        expect(page.locator(".export-summary")).to_have_text("2 devices, temperature, all of time")
        rows = downloaded(page, tmp_path).splitlines()
        assert rows[0].split(",")[5:8] == ["count", "min", "mean"]
        assert sum(int(row.split(",")[5]) for row in rows[1:]) == 100
        page.get_by_role("radio", name="Line protocol").check()
        assert downloaded(page, tmp_path).startswith("buckets,channel=temperature,device=boiler")
        page.get_by_role("checkbox", name="All devices").check()
        page.get_by_role("radio", name="Parquet").check()
        with page.expect_download() as found:
            page.get_by_role("link", name="Download").click()
        assert found.value.suggested_filename.endswith(".parquet")
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)


def test_times_that_make_no_range_give_no_link(browser: Browser, hub: RunningHub) -> None:
    with dialog_of(browser, hub) as page:
        page.get_by_role("radio", name="From").check()
        page.get_by_label("From", exact=True).fill("2024-03-02T08:00:00")
        page.get_by_label("To", exact=True).fill("2024-03-01T08:00:00")
        expect(page.locator(".export-summary")).to_have_text("The first time must be before the second.")
        assert page.locator(".export-link").get_attribute("href") is None
        page.get_by_label("To", exact=True).fill("2024-03-03T08:00:00")
        href = page.get_by_role("link", name="Download").get_attribute("href") or ""
        assert "from=2024-03-02T" in href
        assert "device=boiler" in href


@pytest.mark.parametrize("size", [(1280, 800), (390, 844)], ids=["wide", "phone"])
def test_the_dialog_fits_its_screen(browser: Browser, hub: RunningHub, size: tuple[int, int]) -> None:
    with dialog_of(browser, hub, size) as page:
        dialog = page.get_by_role("dialog").bounding_box()
        assert dialog is not None
        assert 0 <= dialog["x"] <= dialog["x"] + dialog["width"] <= size[0]
        assert 0 <= dialog["y"] <= dialog["y"] + dialog["height"] <= size[1]
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        body = page.locator(".export-body")
        assert body.evaluate("e => e.scrollWidth <= e.clientWidth")
