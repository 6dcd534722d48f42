"""The page of alerts in a real browser: what is wrong is counted, listed and seen to; rules are made, tried on the past, switched off,
deleted and brought back; silences and targets; what each role may. Needs Chromium."""

import re
import time
from collections.abc import Iterator
from typing import Literal

import pytest
import trio
from playwright.sync_api import Browser, Page, expect

from devices.client import Device
from devices.wire.messages import Channel
from tests.support.browser import TIMEOUT_MS
from tests.support.hub_process import RunningHub, running_hub
from tests.support.pages import page_of

pytestmark = [pytest.mark.needs_server("chromium"), pytest.mark.slow]
HOT = {"rule": "hot", "kind": "above", "channels": ["temp"], "limit": 60, "severity": "critical"}
WARM = {"rule": "warm", "kind": "above", "channels": ["temp"], "limit": 30}


@pytest.fixture(scope="module")
def token(hub: RunningHub) -> str:
    return hub.provision("pump")


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    with running_hub(tmp_path_factory.mktemp("hub") / "data") as running:
        yield running


@pytest.fixture(autouse=True)
def clean(hub: RunningHub) -> Iterator[None]:
    yield
    for rule in hub.api("GET", "/api/v1/rules")["rules"]:
        hub.api("DELETE", f"/api/v1/rules/{rule['rule']}")
    for silence in hub.api("GET", "/api/v1/silences")["silences"]:
        hub.api("DELETE", f"/api/v1/silences/{silence['id']}")


def says(hub: RunningHub, token: str, *temps: float) -> None:
    """Have the device say values."""

    async def say() -> None:
        async with Device(hub.url, "pump", token, channels=[Channel("temp", "Cel")]) as pump:
            for temp in temps:
                await pump.send({"temp": temp})
            with trio.fail_after(10):
                await pump.drained()

    trio.run(say)


def is_stored(hub: RunningHub, value: float) -> None:
    """Return when the store's newest reading is this one."""
    deadline = time.monotonic() + 10
    while True:
        series = hub.api("GET", "/api/v1/query?device=pump&channel=temp&span_s=600")["series"]
        if series and series[0]["points"][-1][2] == value:
            return
        assert time.monotonic() < deadline


def may(hub: RunningHub, *rules: dict[str, object]) -> None:
    for rule in rules:
        hub.api("POST", "/api/v1/rules", rule)


def fits(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize(("scheme", "size"), [("dark", (1_100, 800)), ("light", (390, 800))])
def test_alerts_are_counted_listed_acknowledged_and_past_when_they_are_over(
    browser: Browser, hub: RunningHub, token: str, scheme: Literal["dark", "light"], size: tuple[int, int]
) -> None:
    may(hub, HOT, WARM)
    with page_of(browser, hub, at="#/", size=size, scheme=scheme) as page:
        expect(page.locator("#alerts")).to_have_attribute("title", "No open alerts", timeout=TIMEOUT_MS)
        says(hub, token, 70.0)
        expect(page.locator("#alerts .count")).to_have_text("2")
        expect(page.locator("#alerts")).to_have_attribute("data-severity", "critical")
        page.locator("#alerts").click()
        rows = page.locator(".alerts > li")
        expect(rows.first).to_contain_text("pump temp is 70, above 60")
        page.get_by_role("button", name="Acknowledge: pump temp is 70, above 60").click()
        expect(rows.first).to_contain_text("acknowledged by")
        expect(page.locator("#alerts .count")).to_have_text("1")
        link = page.get_by_role("link", name="Chart of pump temp is 70, above 60").get_attribute("href")
        assert link is not None
        assert link.startswith("#/devices/pump?from=")
        fits(page)
        says(hub, token, 20.0)
        expect(page.get_by_text("Nothing is wrong")).to_be_visible()
        page.get_by_label("State").select_option("past")
        expect(rows).not_to_have_count(0)
        expect(rows.first).to_contain_text("it is as it should be again")
        fits(page)


def test_several_are_acknowledged_at_once_and_the_filter_stands_in_the_address(browser: Browser, hub: RunningHub, token: str) -> None:
    may(hub, HOT, WARM, WARM | {"rule": "mild", "limit": 25})
    with page_of(browser, hub, at="#/alerts?severity=warning") as page:
        says(hub, token, 70.0)
        expect(page.locator(".alerts > li")).to_have_count(2)
        page.get_by_label("All 2 open").check()
        page.get_by_role("button", name="Acknowledge 2").click()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url) if request.method == "POST" else None)
        expect(page.get_by_role("dialog")).to_contain_text("2 warnings")
        page.get_by_role("dialog").get_by_role("button", name="Acknowledge").click()
        expect(page.locator(".toast")).to_contain_text("2 alerts acknowledged.")
        assert [url.rsplit("/api/v1/", 1)[1] for url in asked] == ["alerts/acknowledge"]
        expect(page.locator(".alerts > li").last).to_contain_text("acknowledged by")
        page.get_by_label("Rule").fill("mild")
        page.get_by_label("Rule").press("Enter")
        expect(page.locator(".alerts > li")).to_have_count(1)
        assert "rule=mild" in page.url
        page.reload()
        expect(page.locator(".alerts > li")).to_have_count(1)
        expect(page.get_by_label("Severity")).to_have_value("warning")
        says(hub, token, 20.0)


def test_a_rule_is_made_in_the_form_tried_on_the_past_switched_off_deleted_and_brought_back(
    browser: Browser, hub: RunningHub, token: str
) -> None:
    says(hub, token, 20.0, 70.0, 20.0, 80.0, 20.5)
    is_stored(hub, 20.5)
    with page_of(browser, hub, allowed=["422"], at="#/alerts/rules") as page:
        page.get_by_role("link", name="Add a rule").click()
        page.get_by_role("button", name="Save").click()
        expect(page.locator("#wrong-limit")).to_have_text("Give a number.")
        page.get_by_label("Limit", exact=True).fill("60")
        page.get_by_label("Channels").fill("temp")
        expect(page.locator(".sentence")).to_have_text("When temp of any device is above 60 °C: raise a warning.")
        page.get_by_role("button", name="Save").click()
        expect(page.locator("#wrong-rule")).to_contain_text("Give it a name")
        page.get_by_label("Name", exact=True).fill("too hot")
        page.get_by_role("button", name="Save").click()
        expect(page.locator("#wrong-rule")).to_contain_text("A-Z a-z 0-9")
        page.get_by_label("Name", exact=True).fill("too-hot")
        page.get_by_role("button", name="Look back").click()
        expect(page.locator(".found")).to_have_text(re.compile(r"Would have fired \d+ times in the last week\."))
        expect(page.locator(".would li").first).to_contain_text("pump temp is 80, above 60")
        expect(page.locator("canvas.strip")).to_be_visible()
        page.get_by_role("button", name="Save").click()
        row = page.locator(".rule")
        expect(row).to_contain_text("When temp of any device is above 60 °C: raise a warning.")
        page.get_by_role("button", name="Switch off: too-hot").click()
        expect(row.locator(".chip")).to_have_text("off")
        page.get_by_role("button", name="Delete: too-hot").click()
        expect(page.get_by_text("Nothing is watched yet.")).to_be_visible()
        page.get_by_role("button", name="Undo").click()
        expect(row.locator(".chip")).to_have_text("off")
        assert hub.api("GET", "/api/v1/rules/too-hot")["limit"] == 60


def test_an_alert_is_silenced_for_an_hour_and_the_silence_is_lifted_and_brought_back(browser: Browser, hub: RunningHub, token: str) -> None:
    may(hub, HOT)
    with page_of(browser, hub, at="#/alerts") as page:
        says(hub, token, 70.0)
        page.get_by_role("button", name="Silence: pump temp is 70, above 60").click()
        page.get_by_label("Reason").fill("the kiln is hot on purpose")
        page.get_by_role("dialog").get_by_role("button", name="Silence", exact=True).click()
        expect(page.locator(".alerts .chip")).to_have_text("silenced")
        page.get_by_role("link", name="Silences").click()
        card = page.locator(".cards > .card")
        expect(card).to_contain_text("the rule hot, pump")
        page.get_by_role("button", name=re.compile("^Lift the silence")).click()
        expect(page.get_by_text("Nothing is silenced.")).to_be_visible()
        page.get_by_role("button", name="Undo").click()
        expect(card).to_contain_text("the kiln is hot on purpose")
        says(hub, token, 20.0)


def test_a_target_is_added_its_secret_shown_once_tried_and_deleted_unless_undone(browser: Browser, hub: RunningHub) -> None:
    with page_of(browser, hub, allowed=["422"], at="#/alerts/targets") as page:
        expect(page.get_by_text("Nobody is told of alerts yet")).to_be_visible()
        page.get_by_role("button", name="Add a target").click()
        form = page.get_by_role("dialog")
        form.get_by_label("Name").fill("on-call")
        form.get_by_label("Address", exact=True).fill("nonsense")
        form.get_by_role("button", name="Save").click()
        expect(form.get_by_role("alert")).to_contain_text("Url must begin with http")
        form.get_by_label("Address", exact=True).fill("https://hook.invalid/")
        form.get_by_role("button", name="Save").click()
        expect(page.get_by_label("What its notices are signed with")).to_have_value(re.compile("^whsec_"))
        page.get_by_role("dialog").get_by_role("button", name="Close").click()
        page.get_by_role("button", name="Test: on-call").click()
        expect(page.locator("tbody tr").first).to_contain_text("given up")
        page.get_by_role("button", name="Delete: on-call").click()
        expect(page.get_by_text("Nobody is told of alerts yet")).to_be_visible()
        page.get_by_role("button", name="Undo").click()
        expect(page.locator(".cards > .card")).to_contain_text("on-call")
        page.get_by_role("button", name="Delete: on-call").click()
        page.locator(".toast", has_text="on-call is deleted").get_by_role("button", name="Dismiss").click()
        expect(page.get_by_text("Nobody is told of alerts yet")).to_be_visible()
        page.reload()
        expect(page.get_by_text("Nobody is told of alerts yet")).to_be_visible()


def test_hostile_texts_are_only_texts(browser: Browser, hub: RunningHub, token: str) -> None:
    hostile = "<img src=x onerror=alert(1)>\u202e\"'>{{7*7}}</script><script>alert(2)</script>"
    may(hub, HOT | {"note": hostile}, {"rule": "says", "kind": "text", "text": hostile[:200]})
    hub.api("POST", "/api/v1/silences", {"rule": hostile, "for_s": 3600, "reason": hostile})
    with page_of(browser, hub, at="#/alerts/rules") as page:
        expect(page.locator(".rule p.muted").first).to_have_text(hostile)
        page.evaluate("location.hash = '#/alerts/silences'")
        expect(page.locator(".cards > .card")).to_contain_text(hostile)
        page.evaluate("text => { location.hash = '#/alerts?device=' + encodeURIComponent(text) }", hostile)
        expect(page.get_by_label("Device")).to_have_value(hostile)
        page.evaluate("text => { location.hash = '#/alerts/rules?new=above&channel=' + encodeURIComponent(text) }", hostile)
        expect(page.locator(".sentence")).to_contain_text(hostile)
        assert page.locator("main img, main script").count() == 0


def test_who_may_only_look_is_offered_nothing_else(browser: Browser, hub: RunningHub, token: str) -> None:
    may(hub, HOT)
    says(hub, token, 70.0)
    with page_of(browser, hub, at="#/alerts") as page:
        login = hub.api("POST", "/api/v1/logins", {"name": "vera", "role": "viewer"})["url"]
        page.goto(login)
        page.locator("#connection").wait_for()
        page.evaluate("location.hash = '#/alerts'")
        expect(page.locator(".alerts > li")).to_have_count(1)
        expect(page.get_by_role("link", name="Chart of")).to_be_visible()
        expect(page.get_by_role("button", name="Acknowledge")).to_have_count(0)
        page.get_by_role("link", name="Rules").click()
        expect(page.locator(".rule")).to_contain_text("above 60")
        expect(page.get_by_role("link", name="Add a rule")).to_have_count(0)
        page.get_by_role("link", name="Targets").click()
        expect(page.get_by_text("Administrators see and set who is told.")).to_be_visible()
    says(hub, token, 20.0)
