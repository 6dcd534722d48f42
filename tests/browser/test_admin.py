"""The administration in a real browser: each section does what it says, and shows itself to those alone whose role may use it.

Needs Chromium. A secret is looked for in the whole page after its dialog is closed: it must be nowhere.
"""

import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.browser import TIMEOUT_MS
from tests.support.hub_process import RunningHub, running_hub
from tests.support.pages import page_of, streaming

pytestmark = [pytest.mark.needs_server("chromium"), pytest.mark.slow]

PASSWORD = "correct horse"
SECTIONS = {
    "viewer": ["My account", "Retention and disk", "Stores and lag"],
    "operator": ["My account", "Retention and disk", "Stores and lag", "Connections"],
    "admin": [
        *("Devices", "Provisioning keys", "Users", "API tokens", "My account", "Retention and disk", "Stores and lag"),
        *("Connections", "Audit log"),
    ],
}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    with running_hub(tmp_path_factory.mktemp("hub") / "data") as running, streaming(running, "pump"):
        for role in SECTIONS:
            running.api("POST", "/api/v1/users", {"name": role[:4], "role": role, "password": PASSWORD})
        yield running


@contextmanager
def page_as(browser: Browser, hub: RunningHub, name: str, at: str, allowed: tuple[str, ...] = ()) -> Iterator[Page]:
    """Log in by name and password."""
    said: list[str] = []
    with browser.new_context(viewport={"width": 1_100, "height": 800}) as context:
        page = context.new_page()
        page.set_default_timeout(TIMEOUT_MS)
        log_in(page, hub, name, PASSWORD)  # the form is a 401, which the console complains of
        page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.evaluate("at => { location.hash = at }", at)
        yield page
    assert [text for text in said if not any(part in text for part in allowed)] == []


def log_in(page: Page, hub: RunningHub, name: str, password: str) -> None:
    page.goto(hub.url)
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    expect(page.locator("#connection")).to_have_attribute("data-state", "open", timeout=TIMEOUT_MS)


def row(page: Page, text: str) -> Locator:
    return page.locator("table.rows tbody tr").filter(has_text=text)


def toast(page: Page, text: str) -> Locator:
    found = page.locator(".toast").filter(has_text=text)
    expect(found).to_be_visible(timeout=TIMEOUT_MS)
    return found


def is_nowhere(page: Page, secret: str) -> None:
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert len(secret) > 16
    # A dialog that is closed is taken out of the page in the next turn.
    page.wait_for_function("secret => !document.documentElement.outerHTML.includes(secret)", arg=secret)
    assert not page.evaluate("secret => JSON.stringify([{...localStorage}, {...sessionStorage}, history.state]).includes(secret)", secret)


@pytest.mark.parametrize("role", SECTIONS)
def test_each_role_is_shown_the_sections_it_may_use(browser: Browser, hub: RunningHub, role: str) -> None:
    with page_as(browser, hub, role[:4], "#/admin") as page:
        expect(page.locator(".admin-nav a")).to_have_text(SECTIONS[role])
        for section in SECTIONS[role]:
            page.locator(".admin-nav").get_by_role("link", name=section).click()
            expect(page.get_by_role("heading", level=1)).to_have_text(section)
            expect(page.locator(".admin-nav [aria-current=page]")).to_have_text(section)
            expect(page.locator(".admin-section .error:visible")).to_have_count(0)
        page.evaluate("location.hash = '#/admin/audit'")
        expect(page.get_by_role("heading", level=1)).to_have_text("Audit log" if role == "admin" else "Nothing for you here")
        if role != "admin":
            expect(page.locator(".admin-body")).to_contain_text(f"The role {role} may not see this")


def test_a_device_is_added_its_token_shown_once_and_its_first_connection_seen(browser: Browser, hub: RunningHub, tmp_path: Path) -> None:
    with page_of(browser, hub, at="#/admin/devices", allowed=("422", "409")) as page:
        page.get_by_role("button", name="Add a device").click()
        name = page.get_by_label("Name", exact=True)
        for wrong, words in (("no good", "1 to 64 of"), ("pump", "Device pump exists")):
            name.fill(wrong)
            page.get_by_role("button", name="Add", exact=True).click()
            expect(page.locator(".field", has=name).get_by_role("alert")).to_contain_text(words)
            expect(name).to_be_focused()
        name.fill("fan-1")
        page.get_by_label("Tags", exact=True).fill("floor=2, outdoor")
        page.get_by_role("button", name="Add", exact=True).click()
        token = page.get_by_label("Token", exact=True).inner_text()
        expect(page.locator(".waiting")).to_contain_text("Waiting for its first connection")
        page.mouse.click(5, 400)  # beside the dialog, by mistake
        expect(page.get_by_label("Token", exact=True)).to_be_visible()
        page.get_by_text("curl", exact=True).click()
        program = page.get_by_label("curl", exact=True).inner_text()
        assert token in program
        done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, timeout=30)
        assert (done.returncode, done.stdout) == (0, "sent\n"), done.stderr
        expect(page.locator(".waiting")).to_contain_text("It is connected", timeout=TIMEOUT_MS)
        expect(page.locator(".waiting")).to_have_attribute("data-state", "there")
        python = page.get_by_label("Python", exact=True).inner_text()
        compile(python, "snippet", "exec")
        is_nowhere(page, token)
        expect(row(page, "fan-1")).to_contain_text("outdoor")
    assert [each["value"] for each in hub.api("GET", "/api/v1/latest?device=fan-1")["readings"]] == [21.5]  # also what is not stored yet


def test_the_python_program_that_is_given_connects(browser: Browser, hub: RunningHub, tmp_path: Path) -> None:
    hub.provision("fan-2")
    with page_of(browser, hub, at="#/admin/devices?q=fan-2") as page:
        page.get_by_role("button", name="New token for fan-2").click()
        page.get_by_role("button", name="Make it").click()
        program = page.get_by_label("Python", exact=True).inner_text()
        running = subprocess.Popen([sys.executable, "-c", program], cwd=tmp_path)
        try:
            expect(page.locator(".waiting")).to_contain_text("It is connected", timeout=TIMEOUT_MS)
        finally:
            running.kill()
            running.wait()


def test_a_device_is_edited_and_the_edit_undone(browser: Browser, hub: RunningHub) -> None:
    hub.api("POST", "/api/v1/devices", {"devices": [{"name": "valve", "title": "Old", "tags": ["a"]}]})
    with page_of(browser, hub, at="#/admin/devices?q=valve") as page:
        page.get_by_role("button", name="Edit valve").click()
        page.get_by_label("Title").fill("<img src=x onerror=alert(1)>")
        page.get_by_role("button", name="Save").click()
        expect(row(page, "valve")).to_contain_text("<img src=x onerror=alert(1)>")
        toast(page, "valve is saved").get_by_role("button", name="Undo").click()
        expect(row(page, "valve")).to_contain_text("Old")
    assert hub.api("GET", "/api/v1/devices/valve")["tags"] == ["a"]


def test_many_devices_are_found_paged_and_sorted_and_the_address_keeps_it(browser: Browser, hub: RunningHub) -> None:
    hub.api("POST", "/api/v1/devices", {"devices": [{"name": f"lamp-{at}", "tags": [f"floor={at % 3}"]} for at in range(1, 121)]})
    with page_of(browser, hub, at="#/admin/devices") as page:
        page.get_by_role("searchbox", name="Search devices").fill("lamp")
        expect(page.locator(".pager:visible")).to_contain_text("1 to 50 of 120")
        page.get_by_role("button", name="Name").click()
        expect(page.locator("tbody tr").first).to_contain_text("lamp-120")
        page.get_by_role("button", name="Next").click()
        expect(page.locator(".pager:visible")).to_contain_text("51 to 100 of 120")
        expect(page.locator("th[data-column=name]")).to_have_attribute("aria-sort", "descending")
        address = page.url
        page.reload()
        expect(page.locator(".pager:visible")).to_contain_text("51 to 100 of 120")
        expect(page.get_by_role("searchbox", name="Search devices")).to_have_value("lamp")
        assert page.url == address
        assert "sort=-name" in address


def test_chosen_devices_are_tagged_disabled_and_removed_together(browser: Browser, hub: RunningHub) -> None:
    hub.api("POST", "/api/v1/devices", {"devices": [{"name": f"door-{at}", "tags": ["floor=1", "old"]} for at in range(60)]})

    def have(expression: str, count: int) -> None:
        address = f"/api/v1/devices?where={urllib.parse.quote('name=door-* and ' + expression)}"
        assert len(hub.api("GET", address)["devices"]) == count

    with page_of(browser, hub, at="#/admin/devices?q=door-") as page:
        page.get_by_label("Choose all on this page").check()
        bar = page.get_by_role("group", name="The chosen devices")
        expect(bar).to_contain_text("50 chosen")
        bar.get_by_role("button", name="All 60 that match").click()
        expect(bar).to_contain_text("60 chosen")
        bar.get_by_role("button", name="Tags").click()
        page.get_by_label("Give them").fill("floor=2, new")
        page.get_by_label("Take from them").fill("old")
        page.get_by_role("button", name="Change", exact=True).click()
        undo = toast(page, "60 devices are retagged").get_by_role("button", name="Undo")
        have("floor=2 and new and not old", 60)
        undo.click()
        toast(page, "60 devices are as before")
        have("floor=1 and old and not new", 60)
        bar.get_by_role("button", name="Disable").click()
        toast(page, "60 devices are disabled")
        have("disabled", 60)
        bar.get_by_role("button", name="Remove").click()
        page.get_by_label("Type 60 to go on").fill("6")
        page.get_by_role("button", name="Remove", exact=True).click()
        expect(page.get_by_role("dialog").get_by_role("alert").first).to_contain_text("This is not 60")
        page.get_by_label("Type 60 to go on").fill("60")
        page.get_by_role("button", name="Remove", exact=True).click()
        toast(page, "60 devices are removed")
        expect(page.locator(".admin-section > .table-part .empty-note")).to_be_visible()
        have("not never", 0)


def test_a_fleet_is_imported_once_every_row_is_right(browser: Browser, hub: RunningHub, tmp_path: Path) -> None:
    file = tmp_path / "fleet.csv"
    rows = [f"gate-{at},Gate {at},floor={at % 3};new" for at in range(40)]
    file.write_text("\n".join(["name,title,tags", *rows[:10], "pump,,", *rows[10:], "gate 99,,", "gate-100,,a b c", "gate-3,,"]))
    with page_of(browser, hub, at="#/admin/devices", allowed=("422", "409")) as page:
        page.get_by_role("button", name="Import CSV").click()
        page.get_by_label("CSV file").set_input_files(file)
        wrong = page.get_by_role("table", name="Rows that are wrong").locator("tbody tr")
        expect(wrong).to_have_count(4, timeout=TIMEOUT_MS)
        expect(wrong.nth(0)).to_contain_text("Device pump exists")
        expect(wrong.nth(1)).to_contain_text("43")
        expect(wrong.nth(3)).to_contain_text("in line 5 already")
        file.write_text("\n".join(["name,title,tags", *rows]))
        page.get_by_label("CSV file").set_input_files(file)
        page.get_by_role("button", name="Add 40 devices").click()
        with page.expect_download() as saved:
            page.get_by_role("button", name="Save the tokens as a file").click()
        saved.value.save_as(tmp_path / "tokens.csv")
        lines = (tmp_path / "tokens.csv").read_text().split()
        assert (len(lines), lines[0]) == (41, "name,token")
        is_nowhere(page, lines[7].partition(",")[2])
    assert hub.api("GET", "/api/v1/devices/gate-7")["tags"] == ["floor=1", "new"]


def test_a_user_is_added_given_a_password_and_another_role_and_removed(browser: Browser, hub: RunningHub) -> None:
    with page_of(browser, hub, at="#/admin/users", allowed=("409",)) as page:
        page.get_by_role("button", name="Add a user").click()
        page.get_by_label("Name", exact=True).fill("oper")
        page.get_by_label("Password", exact=True).fill("short")
        page.get_by_role("button", name="Add", exact=True).click()
        expect(page.get_by_role("dialog").get_by_role("alert").filter(has_text="at least 10 characters")).to_be_visible()
        page.get_by_role("button", name="Draw one").click()
        password = page.get_by_role("dialog").locator(".copied code").inner_text()
        page.get_by_role("button", name="Add", exact=True).click()
        expect(page.get_by_role("dialog").get_by_role("alert").filter(has_text="there is a user oper already")).to_be_visible()
        page.get_by_label("Name", exact=True).fill("zoe")
        page.get_by_role("button", name="Add", exact=True).click()
        toast(page, "zoe can log in as viewer")
        is_nowhere(page, password)
        page.get_by_label("Role of zoe").select_option("operator")
        toast(page, "zoe is now operator").get_by_role("button", name="Undo").click()
        toast(page, "zoe is viewer again")
        expect(page.get_by_label("Role of zoe")).to_have_value("viewer")
        page.get_by_role("button", name="Login link for zoe").click()
        page.get_by_role("button", name="Make a link").click()
        link = page.get_by_label("Login link", exact=True).inner_text()
        is_nowhere(page, link)
        with browser.new_context() as other:
            tab = other.new_page()
            log_in(tab, hub, "zoe", password)
            page.get_by_role("button", name="Log zoe out everywhere").click()
            expect(tab.locator("#connection")).to_have_attribute("data-state", "ended", timeout=TIMEOUT_MS)
        page.get_by_role("button", name="Remove zoe").click()
        page.get_by_label("Type zoe to go on").fill("zoe")
        page.get_by_role("button", name="Remove", exact=True).click()
        toast(page, "zoe is removed")
        expect(row(page, "zoe")).to_have_count(0)


def test_a_user_is_disabled_and_enabled_again_by_undoing_it(browser: Browser, hub: RunningHub) -> None:
    hub.api("POST", "/api/v1/users", {"name": "pat", "role": "viewer", "password": PASSWORD})
    with page_of(browser, hub, at="#/admin/users") as page, browser.new_context() as other:
        tab = other.new_page()
        log_in(tab, hub, "pat", PASSWORD)
        expect(tab.locator("#connection")).to_have_attribute("data-state", "open", timeout=TIMEOUT_MS)
        page.get_by_role("button", name="Disable pat").click()
        told = toast(page, "pat is disabled")
        expect(row(page, "pat")).to_contain_text("disabled")
        expect(tab.locator("#connection")).to_have_attribute("data-state", "ended", timeout=TIMEOUT_MS)
        told.get_by_role("button", name="Undo").click()
        toast(page, "pat can log in again")
        expect(page.get_by_role("button", name="Disable pat")).to_be_visible()
        page.get_by_role("button", name="Disable pat").click()
        page.get_by_role("button", name="Enable pat").click()
        expect(row(page, "pat")).not_to_contain_text("disabled")
    hub.api("DELETE", "/api/v1/users/pat")


def test_who_is_locked_out_is_let_in_again(browser: Browser, hub: RunningHub) -> None:
    hub.api("POST", "/api/v1/users", {"name": "lou", "role": "viewer", "password": PASSWORD})
    with page_of(browser, hub, at="#/admin/users") as page:
        expect(page.get_by_text("Nobody has to wait.")).to_be_visible()
        until_s = time.monotonic() + 60
        while not (locked := hub.api("GET", "/api/v1/locked")["locked"]) or locked[0]["left_s"] < 3:
            assert time.monotonic() < until_s
            time.sleep(0.02)  # between two looks at another process
            if not locked:  # who must wait is not counted
                guess(hub, "lou")
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        page.get_by_role("button", name="Let lou try again").click()
        toast(page, "lou may try again")
        expect(page.get_by_role("button", name="Let lou try again")).to_have_count(0)
    hub.api("DELETE", "/api/v1/users/lou")


def guess(hub: RunningHub, name: str) -> None:
    """Try to log in by a wrong password."""
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": hub.url}
    request = urllib.request.Request(f"{hub.url}/login", f"name={name}&password=wrong+horse".encode(), headers)
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(request, timeout=10)


def test_a_token_and_a_provisioning_key_are_shown_once_and_revoked(browser: Browser, hub: RunningHub) -> None:
    with page_of(browser, hub, at="#/admin/tokens", allowed=("422",)) as page:
        page.get_by_role("button", name="Make a token").click()
        page.get_by_label("Name", exact=True).fill("grafana")
        page.get_by_label("Only for devices").fill("floor=")
        page.get_by_role("button", name="Make it").click()
        expect(page.get_by_role("dialog").get_by_role("alert").filter(has_text="character")).to_be_visible()
        page.get_by_label("Only for devices").fill("floor=2")
        page.get_by_role("button", name="Make it").click()
        token = page.get_by_label("Token", exact=True).inner_text()
        is_nowhere(page, token)
        expect(row(page, "grafana")).to_contain_text("floor=2")
        page.get_by_role("button", name="Revoke grafana").click()
        page.get_by_label("Type grafana to go on").fill("grafana")
        page.get_by_role("button", name="Revoke", exact=True).click()
        toast(page, "grafana is revoked")
        page.evaluate("location.hash = '#/admin/keys'")
        page.get_by_role("button", name="Make a key").click()
        page.get_by_label("Name", exact=True).fill("pumps")
        page.get_by_label("Names of its devices begin with").fill("pump-")
        page.get_by_role("button", name="Make it").click()
        key = page.get_by_label("Provisioning key", exact=True).inner_text()
        is_nowhere(page, key)
        expect(row(page, "pumps")).to_contain_text("0 of 100")
        page.get_by_role("button", name="Revoke pumps").click()
        page.get_by_label("Type pumps to go on").fill("pumps")
        page.get_by_role("button", name="Revoke", exact=True).click()
        toast(page, "pumps is revoked")


def test_a_user_changes_their_password_and_ends_their_other_logins(browser: Browser, hub: RunningHub) -> None:
    hub.api("POST", "/api/v1/users", {"name": "kim", "role": "viewer", "password": PASSWORD})
    with page_as(browser, hub, "kim", "#/admin/account", allowed=("401",)) as page, browser.new_context() as other:
        tab = other.new_page()
        log_in(tab, hub, "kim", PASSWORD)
        page.reload()
        expect(page.locator("table[aria-label='My logins'] tbody tr")).to_have_count(2)
        page.get_by_role("button", name="End this login").click()
        expect(tab.locator("#connection")).to_have_attribute("data-state", "ended", timeout=TIMEOUT_MS)
        page.get_by_label("New password", exact=True).fill("another horse")
        page.get_by_label("New password again").fill("another horse")
        page.get_by_label("Password so far").fill("wrong horse")
        page.get_by_role("button", name="Change the password").click()
        expect(page.get_by_label("Password so far")).to_have_attribute("aria-invalid", "true")
        page.get_by_label("Password so far").fill(PASSWORD)
        page.get_by_role("button", name="Change the password").click()
        toast(page, "Your password is changed")
        expect(page.locator("#connection")).to_have_attribute("data-state", "open", timeout=TIMEOUT_MS)
        expect(page.get_by_label("New password", exact=True)).to_have_value("")
        page.get_by_role("button", name="Log out everywhere").click()
        expect(page.get_by_role("button", name="Log in")).to_be_visible()
    hub.api("DELETE", "/api/v1/users/kim")


def test_stores_tell_their_lag_and_a_backup_is_taken(browser: Browser, hub: RunningHub, tmp_path: Path) -> None:
    with page_of(browser, hub, at="#/admin/stores", allowed=("422",)) as page:
        for follower in ("history", "ledger", "rules"):
            expect(row(page, follower)).to_be_visible()
        expect(page.locator("section[aria-label=Journal]")).to_contain_text("Free on the disk")
        folder = page.get_by_label("Folder on the hub's machine")
        folder.fill("backup")
        page.get_by_role("button", name="Take a backup").click()
        expect(page.locator(".field", has=folder).get_by_role("alert")).to_contain_text("is no absolute path")
        folder.fill(str(tmp_path / "backup"))
        page.get_by_role("button", name="Take a backup").click()
        toast(page, "The backup is taken")
        expect(page.get_by_text(f"The backup is in {tmp_path / 'backup'}")).to_be_visible()
    assert any((tmp_path / "backup").iterdir())


def test_retention_tells_what_is_kept_and_what_to_set(browser: Browser, hub: RunningHub) -> None:
    with page_of(browser, hub, at="#/admin/retention") as page:
        expect(page.get_by_role("table", name="What is kept")).to_contain_text("30 days")
        expect(row(page, "keep_minutes_days")).to_contain_text("365 days")
        expect(page.get_by_label("settings", exact=True)).to_contain_text("keep_raw_days = 30")


def test_connections_are_listed_and_filtered(browser: Browser, hub: RunningHub) -> None:
    with page_of(browser, hub, at="#/admin/connections?kind=viewer") as page:
        expect(page.locator("tbody tr").first).to_contain_text("viewer")
        expect(row(page, "pump")).to_have_count(0)
        page.get_by_label("Kind").select_option("device")
        expect(row(page, "pump")).to_contain_text("device")
        assert "kind=device" in page.url
        page.get_by_role("button", name="Received").click()
        expect(page.locator("th[data-column=in]")).to_have_attribute("aria-sort", "ascending")


def test_the_audit_log_is_filtered_paged_and_downloaded(browser: Browser, hub: RunningHub, tmp_path: Path) -> None:
    for at in range(105):
        hub.api("PATCH", "/api/v1/devices/pump", {"notes": f"note {at}"})
    with page_of(browser, hub, at="#/admin/audit") as page:
        row(page, "edit device").first.get_by_role("button", name="edit device").click()
        expect(page.get_by_label("Action")).to_have_value("edit device")
        page.get_by_label("To what").fill("pump")
        page.get_by_role("button", name="Show").click()
        expect(page.locator("tbody tr")).to_have_count(100)
        newest = page.locator("tbody tr").first.inner_text()
        page.get_by_role("button", name="Older").click()
        expect(page.locator("tbody tr")).to_have_count(5)
        page.go_back()
        expect(page.locator("tbody tr")).to_have_count(100)
        assert page.locator("tbody tr").first.inner_text() == newest
        with page.expect_download() as saved:
            page.get_by_role("button", name="Download as CSV").click()
        saved.value.save_as(tmp_path / "audit.csv")
        lines = (tmp_path / "audit.csv").read_text().strip().splitlines()
        assert (len(lines), lines[0]) == (106, "number,time_utc,who,action,what,detail")


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_no_section_needs_sideways_scrolling_on_a_phone(browser: Browser, hub: RunningHub, scheme: Literal["dark", "light"]) -> None:
    with page_of(browser, hub, at="#/admin/devices", size=(390, 844), scheme=scheme) as page:
        for section in SECTIONS["admin"]:
            page.locator(".admin-nav").get_by_role("link", name=section).click()
            expect(page.get_by_role("heading", level=1)).to_have_text(section)
            expect(page.locator(".admin-section")).to_be_visible()
            expect(page.locator(".admin-nav [aria-current=page]")).to_be_in_viewport(ratio=0.9)
            assert page.evaluate("document.documentElement.scrollWidth") == 390, section
