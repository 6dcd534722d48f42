"""Alerts on the page, in a real browser: their number, the list worst first, acknowledged by a person; nothing on the console."""

from collections.abc import Iterator

import pytest
import trio
from playwright.sync_api import Browser, expect

from devices.client import Device
from devices.wire.messages import Channel
from tests.support.browser import TIMEOUT_MS
from tests.support.hub_process import RunningHub, running_hub

pytestmark = [pytest.mark.needs_server("chromium"), pytest.mark.slow]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    with running_hub(tmp_path_factory.mktemp("hub") / "data") as running:
        yield running


def breaks(hub: RunningHub, token: str, temp: float) -> None:
    """Have the device say a value."""

    async def say() -> None:
        async with Device(hub.url, "pump", token, channels=[Channel("temp", "Cel")]) as pump:
            await pump.send({"temp": temp})
            with trio.fail_after(10):
                await pump.drained()

    trio.run(say)


@pytest.mark.parametrize(("scheme", "width"), [("dark", 1_100), ("light", 390)])
def test_alerts_are_counted_listed_acknowledged_and_go_when_they_are_over(
    browser: Browser, hub: RunningHub, scheme: str, width: int
) -> None:
    if scheme == "dark":
        hub.api("POST", "/api/v1/rules", {"rule": "warm", "kind": "above", "limit": 30})
        hub.api("POST", "/api/v1/rules", {"rule": "hot", "kind": "above", "limit": 60, "severity": "critical"})
    token = hub.provision("pump")
    with browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 800}) as context:  # type: ignore[arg-type]
        page = context.new_page()
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.goto(hub.login_url())
        expect(page.locator("#alerts")).to_have_attribute("title", "No open alerts", timeout=TIMEOUT_MS)
        breaks(hub, token, 70.0)
        expect(page.locator("#alerts .count")).to_have_text("2", timeout=TIMEOUT_MS)
        expect(page.locator("#alerts")).to_have_attribute("data-severity", "critical")
        page.locator("#alerts").click()
        rows = page.locator("#alerts-dialog li")
        expect(rows.first).to_contain_text("pump temp is 70, above 60")
        page.get_by_role("button", name="Acknowledge: pump temp is 70, above 60").click()
        expect(rows.first).to_contain_text("acknowledged by")
        expect(page.locator("#alerts .count")).to_have_text("1")
        breaks(hub, token, 20.0)
        expect(page.locator("#alerts-dialog")).to_contain_text("Nothing is wrong", timeout=TIMEOUT_MS)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert said == []
    hub.api("DELETE", "/api/v1/devices/pump")
