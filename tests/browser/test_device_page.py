"""The tabs of a device's page in a real browser, and what each role is offered there. Needs Chromium."""

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import pytest
import trio
from playwright.sync_api import Browser, Page, expect

from devices.client import Device
from devices.wire.messages import Channel
from tests.support.browser import TIMEOUT_MS
from tests.support.chance import Eager
from tests.support.hub_process import RunningHub, running_hub
from tests.support.pages import Wire, page_of

pytestmark = [pytest.mark.needs_server("chromium"), pytest.mark.slow]

AT = "#/devices/valve?tab="
LAMP_ON, LAMP_COLOUR = (f"lamp \u203a {name}" for name in ("on", "colour"))
TABS = ("readings", "commands", "shadow", "connections", "log", "about")
TEMP = Channel("temp", "Cel", min=-40, max=80)


class Valve:
    """A device in a thread of its own: it has a shadow, logs, and a command that waits until it is told to end."""

    def __init__(self) -> None:
        self.log: Callable[[str, str], None] = lambda level, text: None
        self.end = threading.Event()


@contextmanager
def working(hub: RunningHub, name: str) -> Iterator[Valve]:
    """Run the device until the block is left."""
    token, valve, started = hub.provision(name), Valve(), threading.Event()
    stop: list[Callable[[], None]] = []

    async def work() -> None:
        device = Device(hub.device_url, name, token, channels=(TEMP,), interval_s=5, firmware="valve 2.1", rng=Eager())

        @device.command("open", description="Open it so far", args={"percent": {"type": "number", "min": 0, "max": 100, "unit": "%"}})
        async def _open(percent: float) -> dict[str, float]:
            await device.progress(0.4)
            await trio.to_thread.run_sync(valve.end.wait, abandon_on_cancel=True)
            return {"percent": percent}

        @device.on_desired
        def _apply(desired: Mapping[str, Any], delta: Mapping[str, Any]) -> dict[str, Any]:
            return {"interval_s": desired.get("interval_s", 5)}

        with trio.CancelScope() as scope:
            portal = trio.lowlevel.current_trio_token()
            stop.append(lambda: trio.from_thread.run_sync(scope.cancel, trio_token=portal))
            valve.log = lambda level, text: trio.from_thread.run(device.log, level, text, trio_token=portal)
            async with device:
                await device.report({"serial": "A7", "lamp": {"on": True}})
                await device.send({"temp": 20})
                await device.drained(10)
                started.set()
                await trio.sleep_forever()

    thread = threading.Thread(target=trio.run, args=(work,))
    thread.start()
    started.wait(10)
    try:
        yield valve
    finally:
        valve.end.set()
        stop[0]()
        thread.join(20)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    with running_hub(tmp_path_factory.mktemp("hub") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def valve(hub: RunningHub) -> Iterator[Valve]:
    with working(hub, "valve") as found:
        yield found


def tab(page: Page, name: str) -> Any:
    return page.get_by_role("tab", name=name)


def desired(hub: RunningHub) -> dict[str, Any]:
    return dict(hub.api("GET", "/api/v1/devices/valve/shadow")["desired"])


def as_role(role: str) -> Wire:
    """Say to the page that its user has this role, as the hub does to others."""

    def change(message: dict[str, Any]) -> None:
        if message["op"] == "ready":
            message["role"] = role

    return Wire(change)


def test_tabs_are_gone_through_by_keyboard_and_stand_in_the_address(browser: Browser, hub: RunningHub, valve: Valve) -> None:
    with page_of(browser, hub, at="#/devices/valve") as page:
        expect(tab(page, "Readings")).to_have_attribute("aria-selected", "true", timeout=TIMEOUT_MS)
        tab(page, "Readings").focus()
        expect(page.get_by_label("Zoom in")).to_be_visible()
        page.keyboard.press("ArrowRight")
        expect(tab(page, "Commands")).to_be_focused()
        expect(page.get_by_label("Zoom in")).to_be_hidden()
        expect(page.get_by_role("tabpanel", name="Commands")).to_be_visible()
        page.keyboard.press("End")
        expect(tab(page, "About")).to_be_focused()
        assert page.evaluate("location.hash") == AT + "about"
        page.keyboard.press("ArrowRight")
        expect(tab(page, "Readings")).to_be_focused()
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.closest('[role=tabpanel]')?.id") == "panel-about"
        page.reload()
        expect(tab(page, "About")).to_have_attribute("aria-selected", "true", timeout=TIMEOUT_MS)
        expect(page.get_by_role("tabpanel")).to_have_count(1)


def test_a_command_shows_its_progress_its_result_and_when_each_state_was_reached(browser: Browser, hub: RunningHub, valve: Valve) -> None:
    valve.end.clear()
    with page_of(browser, hub, at=AT + "commands") as page:
        page.get_by_label("percent").fill("30")
        page.get_by_role("button", name="Send").click()
        first = page.locator("#command-history li[data-id]").first
        expect(first).to_have_attribute("data-state", "running", timeout=TIMEOUT_MS)
        expect(first.locator("progress")).to_have_attribute("value", "0.4", timeout=TIMEOUT_MS)
        valve.end.set()
        expect(first).to_have_attribute("data-state", "done", timeout=TIMEOUT_MS)
        expect(first.locator(".sent-value")).to_have_text('{"percent":30}')
        expect(first.locator(".reached li")).to_contain_text(["queued", "sent", "accepted", "running", "done"])
        expect(first.locator(".reached time").last).to_have_attribute("title", re.compile("UTC$"))


def test_older_commands_come_page_by_page_and_a_waiting_one_is_cancelled(browser: Browser, hub: RunningHub) -> None:
    with working(hub, "away"):
        pass
    wanted = {"name": "open", "args": {"percent": 5}, "ttl_s": 600}
    sent = [hub.api("POST", "/api/v1/devices/away/commands", wanted)["id"] for _ in range(23)]
    with page_of(browser, hub, at="#/devices/away?tab=commands") as page:
        entries = page.locator("#command-history li[data-id]")
        expect(entries).to_have_count(20, timeout=TIMEOUT_MS)
        page.get_by_role("button", name="Older commands").click()
        expect(entries).to_have_count(23)
        assert entries.evaluate_all("all => all.map(each => each.dataset.id)") == sent[::-1]
        entries.first.get_by_role("button", name="Cancel").click()
        expect(entries.first).to_have_attribute("data-state", "cancelled", timeout=TIMEOUT_MS)


PAGED: Final = """async () => {
  const { Paged } = await import(new URL("../parts/paged.js", document.querySelector("script[type=module]").src));
  const [asked, taken] = [[], []];
  const pages = new Paged("Older", {
    ask: (after) => new Promise((answer) => asked.push({ after, answer })),
    take: (said, isNewest) => taken.push([said.what, isNewest]),
    show: () => {},
  });
  const answer = async (at, what, next) => {
    asked[at].answer({ what, next });
    await new Promise((done) => setTimeout(done));
  };
  pages.newest();
  await answer(0, "newest", 20);
  pages.newest();
  pages.more.click(); // goes before
  await answer(1, "late", 99);
  pages.newest(); // waits for it
  await answer(2, "older", 40);
  await answer(3, "newest again", 21);
  pages.newest();
  const { next } = pages;
  pages.clear(); // nobody wants it any more
  await answer(4, "of another device", 7);
  return { asked: asked.map(({ after }) => after), taken, next, isDisabled: pages.more.disabled, isHidden: pages.more.hidden };
}"""


def test_a_click_for_an_older_page_is_not_lost_and_an_answer_that_is_not_wanted_any_more_is_none(browser: Browser, hub: RunningHub) -> None:
    with page_of(browser, hub, at="#/") as page:
        assert page.evaluate(PAGED) == {
            "asked": [None, None, 20, None, None],
            "taken": [["newest", True], ["older", False], ["newest again", True]],
            "next": 40,
            "isDisabled": False,
            "isHidden": True,
        }


def test_the_shadow_marks_what_differs_and_follows_live(browser: Browser, hub: RunningHub, valve: Valve) -> None:
    with page_of(browser, hub, at=AT + "shadow") as page:
        row = page.locator(".shadow-table tbody tr")
        expect(row.filter(has_text="serial")).to_contain_text("A7", timeout=TIMEOUT_MS)
        document = {"interval_s": 7, "lamp": {"on": False}}
        hub.api("PATCH", "/api/v1/devices/valve/shadow/desired", {"document": document})
        expect(row.filter(has_text=LAMP_ON)).to_have_attribute("data-apart", "true", timeout=TIMEOUT_MS)
        expect(row.filter(has_text=LAMP_ON)).to_contain_text("differs")
        expect(row.filter(has_text="interval_s")).to_have_attribute("data-apart", "false")
        expect(page.locator(".shadow-status")).to_contain_text("Not in step since")
        expect(tab(page, "Shadow")).to_have_accessible_description("Not in step")


def test_what_is_desired_is_edited_as_fields_and_as_json(browser: Browser, hub: RunningHub, valve: Valve) -> None:
    hub.api("PATCH", "/api/v1/devices/valve/shadow/desired", {"document": {"interval_s": 7, "lamp": {"on": False}}})
    with page_of(browser, hub, at=AT + "shadow") as page:
        page.get_by_role("button", name="Edit what is desired").click()
        page.get_by_label("interval_s", exact=True).fill("9")
        page.get_by_label(LAMP_ON, exact=True).check()
        page.get_by_label("Another value").fill("lamp.colour")
        page.get_by_label("Type").select_option("text")
        page.get_by_role("button", name="Add", exact=True).click()
        page.get_by_label(LAMP_COLOUR, exact=True).fill("red")
        page.get_by_role("button", name="Edit as JSON").click()
        text = page.get_by_label("The desired document as JSON")
        assert '"colour": "red"' in text.input_value()
        text.fill('{"interval_s": 9,')
        expect(page.get_by_role("alert")).to_contain_text("This is no JSON")
        page.get_by_role("button", name="Save").click()
        expect(text).to_be_focused()
        text.fill('{"interval_s": 9, "lamp": {"on": true}}')
        page.get_by_role("button", name="Save").click()
        expect(page.locator(".shadow-status")).to_contain_text("In step", timeout=TIMEOUT_MS)
        assert desired(hub)["document"] == {"interval_s": 9, "lamp": {"on": True}}


@pytest.mark.parametrize(("choice", "kept"), [("Keep theirs", 22), ("Put mine in its place", 11)])
def test_a_conflict_shows_both_versions_and_lets_the_person_choose(
    browser: Browser, hub: RunningHub, valve: Valve, choice: str, kept: int
) -> None:
    hub.api("PATCH", "/api/v1/devices/valve/shadow/desired", {"document": {"interval_s": 5}})
    with page_of(browser, hub, at=AT + "shadow", allowed=["409"]) as page:
        page.get_by_role("button", name="Edit what is desired").click()
        page.get_by_label("interval_s", exact=True).fill("11")
        hub.api("PATCH", "/api/v1/devices/valve/shadow/desired", {"document": {"interval_s": 22}})
        expect(page.get_by_text("has changed what is desired meanwhile")).to_be_visible(timeout=TIMEOUT_MS)
        page.get_by_role("button", name="Save").click()
        row = page.locator(".conflict tbody tr").filter(has_text="interval_s")
        expect(row.locator("td")).to_have_text(["11", "22"], timeout=TIMEOUT_MS)
        page.get_by_role("button", name=choice).click()
        expect(page.locator(".conflict")).to_be_hidden()
        expect(page.locator(".shadow-table:visible tr").filter(has_text="interval_s").locator("td").first).to_have_text(str(kept))
        assert desired(hub)["document"]["interval_s"] == kept


def test_connections_are_listed_with_how_each_ended(browser: Browser, hub: RunningHub) -> None:
    with page_of(browser, hub, at="#/devices/guest?tab=connections") as page:
        with working(hub, "guest"):
            rows = page.locator(".connections tbody tr")
            expect(rows).to_have_count(1, timeout=TIMEOUT_MS)
            expect(rows.first).to_contain_text("it is connected", timeout=TIMEOUT_MS)
            expect(rows.first).to_contain_text("127.0.0.1")
        expect(rows.first).to_contain_text("(1000)", timeout=TIMEOUT_MS)
        expect(page.get_by_text("Came once in the last 24 hours")).to_be_visible()


def test_lines_of_the_log_come_while_it_is_shown_and_texts_stay_texts(browser: Browser, hub: RunningHub, valve: Valve) -> None:
    valve.log("info", "opened")
    with page_of(browser, hub, at=AT + "log") as page:
        lines = page.locator(".log li")
        expect(lines.first).to_contain_text("opened", timeout=TIMEOUT_MS)
        valve.log("error", "<img src=x onerror=alert(1)>")
        expect(lines.first.locator(".log-text")).to_have_text("<img src=x onerror=alert(1)>", timeout=TIMEOUT_MS)
        expect(lines.first).to_have_attribute("data-level", "error")
        page.get_by_label("Errors").check(force=True)
        expect(lines).to_have_count(1, timeout=TIMEOUT_MS)


def test_what_people_say_is_edited_undone_and_not_overwritten_unseen(browser: Browser, hub: RunningHub, valve: Valve) -> None:
    with page_of(browser, hub, at=AT + "about", allowed=["409"]) as page:
        page.get_by_role("button", name="Edit …").click()
        page.get_by_label("Title").fill("Valve <2>")
        page.get_by_label("Tags").fill("floor=2\noutdoor")
        page.get_by_role("button", name="Save").click()
        expect(page.locator("#device-name")).to_have_text("Valve <2>", timeout=TIMEOUT_MS)
        expect(page.locator(".device-tag")).to_have_text(["floor=2", "outdoor"])
        page.get_by_role("button", name="Undo").click()
        expect(page.locator("#device-name")).to_have_text("valve", timeout=TIMEOUT_MS)
        page.get_by_role("button", name="Edit …").click()
        page.get_by_label("Notes").fill("mine")
        hub.api("PATCH", "/api/v1/devices/valve", {"notes": "theirs"})
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("theirs", timeout=TIMEOUT_MS)
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("dialog")).to_have_count(0)
        assert hub.api("GET", "/api/v1/devices/valve")["notes"] == "mine"


def test_a_token_is_shown_once_and_a_device_is_removed_by_its_typed_name(browser: Browser, hub: RunningHub) -> None:
    hub.provision("old")
    with page_of(browser, hub, at="#/devices/old?tab=about") as page:
        page.get_by_role("button", name="New token …").click()
        page.get_by_role("button", name="Make a token").click()
        dialog = page.get_by_role("dialog", name="Token of old")
        expect(dialog.locator(".secret")).to_have_text(re.compile(r"^\S{20,}$"), timeout=TIMEOUT_MS)
        dialog.get_by_role("button", name="Close").click()
        expect(page.get_by_text("replaced; the old one is good until")).to_be_visible()
        page.get_by_role("button", name="Withdraw token …").click()
        page.get_by_role("button", name="Withdraw", exact=True).click()
        expect(page.get_by_text("withdrawn: it needs a new one")).to_be_visible(timeout=TIMEOUT_MS)
        page.get_by_role("button", name="Keep it out").click()
        page.get_by_role("button", name="Undo").click()
        expect(page.get_by_role("button", name="Keep it out")).to_be_visible(timeout=TIMEOUT_MS)
        page.get_by_role("button", name="Remove device …").click()
        page.get_by_role("button", name="Remove", exact=True).click()
        expect(page.get_by_role("alert").filter(has_text="not its name")).to_be_visible()
        page.get_by_label("Type old to confirm").fill("old")
        page.get_by_role("button", name="Remove", exact=True).click()
        expect(page.get_by_text("old is removed; its readings stay")).to_be_visible(timeout=TIMEOUT_MS)
        assert page.evaluate("location.hash") == "#/"


@pytest.mark.parametrize(("role", "offered"), [("viewer", []), ("operator", ["Send", "Edit what is desired"])])
def test_nobody_is_offered_what_the_hub_would_refuse(
    browser: Browser, hub: RunningHub, valve: Valve, role: str, offered: list[str]
) -> None:
    buttons = ("Send", "Edit what is desired", "Edit …", "New token …", "Withdraw token …", "Keep it out", "Remove device …")
    with page_of(browser, hub, at=AT + "about", wire=as_role(role)) as page:
        expect(page.get_by_role("heading", name="Channels")).to_be_visible(timeout=TIMEOUT_MS)
        found = []
        for name in ("About", "Commands", "Shadow"):
            tab(page, name).click()
            expect(page.get_by_text("Asking the hub …").locator("visible=true")).to_have_count(0, timeout=TIMEOUT_MS)
            found += [each for each in buttons if page.get_by_role("button", name=each, exact=True).is_visible()]
        assert sorted(found) == sorted(offered)
        assert tab(page, "Connections").is_visible() == (role == "operator")
        page.evaluate("at => { location.hash = at }", AT + "connections")
        expect(page.get_by_text("operators and administrators").locator("visible=true")).to_have_count(int(role == "viewer"))


@pytest.mark.parametrize("name", TABS)
def test_no_tab_is_wider_than_a_phone(browser: Browser, hub: RunningHub, valve: Valve, name: str) -> None:
    with page_of(browser, hub, at=AT + name, size=(390, 844)) as page:
        expect(page.get_by_role("tab", selected=True)).to_be_in_viewport(timeout=TIMEOUT_MS)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
