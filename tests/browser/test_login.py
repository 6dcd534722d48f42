"""Logging in with a real browser: a login link works from wherever it is followed, and another site can change nothing.

The other site is this machine under its other name: the hub is at 127.0.0.1, the site at localhost. Needs Chromium.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import TIMEOUT_MS
from tests.support.hub_process import RunningHub, running_hub
from tests.support.pages import from_menu

pytestmark = [pytest.mark.needs_server("chromium"), pytest.mark.slow]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    with running_hub(tmp_path_factory.mktemp("hub") / "data") as running:
        yield running


@contextmanager
def other_site(page: str) -> Iterator[str]:
    """Serve one page at another site than the hub's; give its address."""

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://localhost:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join(10)


def test_a_link_on_another_site_logs_in(browser: Browser, hub: RunningHub) -> None:
    link = hub.login_url()
    with other_site(f"<a href='{link}'>the dashboard</a>") as site, browser.new_context() as context:
        page = context.new_page()
        page.goto(site)
        page.get_by_text("the dashboard").click()
        page.wait_for_url(f"{hub.url}/", timeout=TIMEOUT_MS)
        expect(page.locator("#menu-button")).to_be_visible(timeout=TIMEOUT_MS)
        page.goto(link)  # used, and this browser is in
        page.wait_for_url(f"{hub.url}/", timeout=TIMEOUT_MS)
        expect(page.locator("#menu-button")).to_be_visible(timeout=TIMEOUT_MS)


def test_the_link_does_not_stay_in_the_way_back(browser: Browser, hub: RunningHub) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{hub.url}/healthz")
        page.goto(hub.login_url())
        page.wait_for_url(f"{hub.url}/", timeout=TIMEOUT_MS)
        page.go_back()
        page.wait_for_url(f"{hub.url}/healthz", timeout=TIMEOUT_MS)


def test_logging_out_in_one_tab_ends_the_others(browser: Browser, hub: RunningHub) -> None:
    with browser.new_context() as context, browser.new_context() as elsewhere:
        tabs = [context.new_page(), context.new_page(), elsewhere.new_page()]
        for tab, address in zip(tabs, (hub.login_url(), hub.url, hub.login_url()), strict=True):
            tab.goto(address)
            expect(tab.locator("#connection")).to_have_attribute("data-state", "open", timeout=TIMEOUT_MS)
        from_menu(tabs[0], "Log out")
        # A context that is closed while a tab is on its way hangs now and then.
        expect(tabs[0].locator("#connection")).to_have_count(0, timeout=TIMEOUT_MS)
        expect(tabs[1].locator("#connection")).to_have_attribute("data-state", "ended", timeout=TIMEOUT_MS)
        expect(tabs[1].locator(".banner")).to_contain_text("Your login has ended", timeout=TIMEOUT_MS)
        expect(tabs[2].locator("#connection")).to_have_attribute("data-state", "open", timeout=TIMEOUT_MS)


def test_a_login_in_another_tab_carries_the_open_ones_over(browser: Browser, hub: RunningHub) -> None:
    with browser.new_context() as context:
        tab, other = context.new_page(), context.new_page()
        tab.goto(hub.login_url())
        expect(tab.locator("#connection")).to_have_attribute("data-state", "open", timeout=TIMEOUT_MS)
        with tab.expect_websocket() as opened:
            other.goto(hub.login_url())
        assert opened.value.url.endswith("/v1/live")
        expect(tab.locator("#connection")).to_have_attribute("data-state", "open", timeout=TIMEOUT_MS)


def test_the_page_of_another_site_can_change_nothing_and_read_nothing(browser: Browser, hub: RunningHub) -> None:
    form = f"<form method='post' action='{hub.url}/logout'><button>free cookies</button></form>"
    with other_site(form) as site, browser.new_context() as context:
        page = context.new_page()
        page.goto(hub.login_url())
        page.wait_for_url(f"{hub.url}/", timeout=TIMEOUT_MS)
        page.goto(site)
        read = "async url => { try { return await (await fetch(url, {credentials: 'include'})).text() } catch (e) { return 'refused' } }"
        assert page.evaluate(read, f"{hub.url}/api/v1/devices") == "refused"
        page.get_by_role("button").click()
        expect(page.locator("body")).to_contain_text("foreign_origin", timeout=TIMEOUT_MS)
        page.goto(hub.url)
        expect(page.locator("#menu-button")).to_be_visible(timeout=TIMEOUT_MS)


def test_a_user_logs_in_by_the_form_on_a_phone_and_a_change_of_role_ends_the_page_at_once(browser: Browser, hub: RunningHub) -> None:
    hub.api("POST", "/api/v1/users", {"name": "ann", "role": "operator", "password": "correct horse"})
    with browser.new_context(viewport={"width": 390, "height": 844}, color_scheme="dark") as context:
        page = context.new_page()
        violations: list[str] = []
        page.on("console", lambda message: violations.append(message.text) if "Content Security Policy" in message.text else None)
        page.goto(hub.url)
        for password in ("wrong horse", "correct horse"):
            page.get_by_label("Name").fill("ann")
            page.get_by_label("Password").fill(password)
            page.get_by_role("button", name="Log in").click()
            if password == "wrong horse":
                expect(page.get_by_role("alert")).to_contain_text("Name or password is wrong", timeout=TIMEOUT_MS)
                assert page.evaluate("document.documentElement.scrollWidth") == 390
        expect(page.locator("#connection")).to_have_attribute("data-state", "open", timeout=TIMEOUT_MS)
        assert page.url == f"{hub.url}/"
        hub.api("PATCH", "/api/v1/users/ann", {"role": "viewer"})
        expect(page.locator("#connection")).to_have_attribute("data-state", "ended", timeout=TIMEOUT_MS)
        page.reload()
        expect(page.locator(".login h1")).to_be_visible(timeout=TIMEOUT_MS)
        assert violations == []


def log_in(page: Page, name: str, password: str = "correct horse") -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def test_a_link_to_a_place_leads_there_after_the_login_and_after_an_end_of_the_login(browser: Browser, hub: RunningHub) -> None:
    hub.api("POST", "/api/v1/users", {"name": "lea", "role": "viewer", "password": "correct horse"})
    place = f"{hub.url}/#/alerts?state=closed&q=a%20b"
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(place)
        log_in(page, "lea", "wrong horse")
        expect(page.get_by_role("alert")).to_contain_text("Name or password is wrong", timeout=TIMEOUT_MS)
        log_in(page, "lea")
        expect(page.locator("#connection")).to_have_attribute("data-state", "open", timeout=TIMEOUT_MS)
        expect(page.locator("#nav").get_by_role("link", name="Dashboards")).not_to_have_attribute("aria-current", "page")
        assert page.url.startswith(f"{hub.url}/#/alerts?state=closed")
        page.evaluate("location.hash = '#/devices/nobody?range=1h'")
        expect(page.get_by_text("No device is called")).to_be_visible()
        hub.api("DELETE", "/api/v1/users/lea/sessions")
        page.get_by_role("status").get_by_role("button", name="Log in").click(timeout=TIMEOUT_MS)
        page.locator(".login").wait_for()
        log_in(page, "lea")
        expect(page.get_by_text("No device is called")).to_be_visible(timeout=TIMEOUT_MS)
        assert page.url == f"{hub.url}/#/devices/nobody?range=1h"


@pytest.mark.parametrize(
    "odd", ["#//evil.example", "#https://evil.example/", "#javascript:alert(1)", "#/\\evil.example", "#?next=//evil.example"]
)
def test_no_address_leads_to_another_site_by_the_login(browser: Browser, hub: RunningHub, odd: str) -> None:
    with suppress(AssertionError):  # there since another of these
        hub.api("POST", "/api/v1/users", {"name": "kai", "role": "viewer", "password": "correct horse"})
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{hub.url}/login{odd}")
        log_in(page, "kai")
        expect(page.locator("#connection")).to_have_attribute("data-state", "open", timeout=TIMEOUT_MS)
        assert page.url.startswith(f"{hub.url}/#")


def test_the_form_of_another_site_logs_nobody_in(browser: Browser, hub: RunningHub) -> None:
    hub.api("POST", "/api/v1/users", {"name": "eve", "role": "viewer", "password": "correct horse"})
    form = f"<form method='post' action='{hub.url}/login'><input name='name' value='eve'><input name='password' value='correct horse'>"
    with other_site(f"{form}<button>look</button></form>") as site, browser.new_context() as context:
        page = context.new_page()
        page.goto(site)
        page.get_by_role("button").click()
        expect(page.locator("body")).to_contain_text("foreign_origin", timeout=TIMEOUT_MS)
        assert context.cookies() == []


def test_who_is_locked_out_reads_for_how_long(browser: Browser, hub: RunningHub) -> None:
    hub.api("POST", "/api/v1/users", {"name": "dora", "role": "viewer", "password": "correct horse"})
    with browser.new_context(viewport={"width": 390, "height": 844}) as context:
        page = context.new_page()
        page.goto(hub.url)
        alert = page.get_by_role("alert")
        for _ in range(12):  # a slow machine may wait the first seconds out
            page.get_by_label("Name").fill("dora")
            page.get_by_label("Password").fill("wrong horse")
            with page.expect_navigation(timeout=TIMEOUT_MS):
                page.get_by_role("button", name="Log in").click()
            if "too many" in alert.inner_text():
                break
        expect(alert).to_contain_text("too many wrong tries; try again in", timeout=TIMEOUT_MS)
        with suppress(AssertionError):  # a slow machine has waited it out by now
            hub.api("POST", "/api/v1/locked/lift", {"key": "dora"})
        page.get_by_label("Name").fill("dora")
        page.get_by_label("Password").fill("correct horse")
        page.get_by_role("button", name="Log in").click()
        expect(page.locator("#menu-button")).to_be_visible(timeout=TIMEOUT_MS)
