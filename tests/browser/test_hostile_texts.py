"""Two hundred hostile names and texts through each place of the page that shows what devices and people say: text they are and stay.

A table of places: how the texts get there, where the page shows them. Each is looked at on a phone: whole, nothing run, no element made of
it, nothing that the browser complains of, nothing wider than the screen. What a field refuses the hub refuses; what it takes is shown.
Needs Chromium.
"""

import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from urllib.parse import quote

import pytest
import trio
from playwright.sync_api import Browser, Page, expect

from devices.client import Device
from devices.wire.messages import Channel, Kind
from tests.support.browser import TIMEOUT_MS
from tests.support.hostile import HOSTILE, TOGETHER, fitting, packed
from tests.support.hub_process import RunningHub, running_hub
from tests.support.in_thread import InThread

pytestmark = [pytest.mark.needs_server("chromium"), pytest.mark.slow]

WIDTH: Final = 390
NAMES: Final = fitting(size_bytes=64, without="\u2028\u2029")
# All that an element and those in it say; what somebody may type into stands for itself.
SAID: Final = """region =>
  [...document.querySelectorAll(region)].flatMap(element => [
  element.textContent, element.value, ...[...element.querySelectorAll('input, textarea, select')].map(each => each.value)]).join('\\n')"""
# What only a text that was taken for markup can have made.
MADE: Final = """() => [...document.querySelectorAll(
  'body script:not([src]), img[src="x"], iframe,' +
  ' svg[onload], math, main style, a[href^="javascript:"], a[href^="data:"], [onerror], [onload]')]
  .map(element => element.outerHTML)"""
# Go on to what is on another page, at once: a live list may have no other in the next moment.
MORE: Final = """() => {
  const more = [...document.querySelectorAll('main button')].find(each =>
    /^(Next|Older|Show older)/.test(each.textContent) && !each.disabled && each.checkVisibility({ checkVisibilityCSS: true }));
  more?.click();
  return more !== undefined;
}"""
WIDE: Final = """() => [...document.querySelectorAll('main *')].filter(each => each.getBoundingClientRect().right > innerWidth)
  .slice(-3).map(each => each.outerHTML.slice(0, 300))"""
GUARD: Final = """window.violations = []; window.pwned = () => violations.push('pwned');
addEventListener('securitypolicyviolation', event => violations.push(event.violatedDirective));"""

Fill = Callable[[RunningHub], Iterable[str]]


@dataclass(frozen=True)
class Place:
    """Where texts are shown: `fill` gives them to the hub and returns those it took, of which there are `least` or more."""

    name: str
    at: str
    region: str
    fill: Fill
    least: int = 150


class Visit:
    """The page of one person, who goes from place to place."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("console", lambda said: self.complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: self.complaints.append(dialog.message))

    def go(self, at: str) -> None:
        """Go to an address."""
        self.page.evaluate("at => { location.hash = at }", at)

    def is_unharmed(self) -> None:
        """See to it that nothing was run, made, complained of or pushed aside."""
        assert self.page.evaluate(MADE) == []
        assert self.page.evaluate("window.violations") == []
        # The hub refuses some of what it is asked, and Chromium says so.
        assert [text for text in self.complaints if "Failed to load resource" not in text] == []
        assert self.page.evaluate("document.documentElement.scrollWidth") <= WIDTH, self.page.evaluate(WIDE)

    def shown(self, place: Place, texts: list[str]) -> str:
        """Go to a place; return all that it says once it says one of the texts."""
        self.go("#/")
        self.go(place.at)
        self.page.locator(place.region).first.wait_for()
        if texts:
            self.page.wait_for_function(
                f"([region, texts]) => texts.some(each => ({SAID})(region).includes(each))", arg=[place.region, texts]
            )
        return self._said(place.region)

    def _said(self, region: str) -> str:
        said = [str(self.page.evaluate(SAID, region))]
        for _ in range(60):
            if not self.page.evaluate(MORE):
                break
            self.page.wait_for_function(f"([region, before]) => ({SAID})(region) !== before", arg=[region, said[-1]])
            said.append(str(self.page.evaluate(SAID, region)))
        return "\n".join(said)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    with running_hub(tmp_path_factory.mktemp("hub") / "data", environment={"TRIBUTARY_WEBHOOK_ALLOW": "127.0.0.1/32"}) as running:
        yield running


@pytest.fixture(scope="module")
def visit(browser: Browser, hub: RunningHub) -> Iterator[Visit]:
    with browser.new_context(viewport={"width": WIDTH, "height": 844}, reduced_motion="reduce") as context:
        page = context.new_page()
        page.set_default_timeout(TIMEOUT_MS)
        page.add_init_script(GUARD)
        page.goto(hub.login_url())
        expect(page.locator("#connection")).to_have_attribute("data-state", "open", timeout=TIMEOUT_MS)
        yield Visit(page)


def accepted(texts: Iterable[str], give: Callable[[int, str], object]) -> list[str]:
    """Give each text; return those that were not refused."""
    found, refused = [], []
    for number, text in enumerate(texts):
        try:
            give(number, text)
        except AssertionError as refusal:
            refused.append(str(refusal))
        else:
            found.append(text)
    assert found, refused[:3]
    assert [said for said in refused if ": 422 " not in said] == []
    return found


def devices(field: str, texts: list[str], hub: RunningHub) -> list[str]:
    """Add a device for each text that a field takes."""

    def give(number: int, text: str) -> None:
        said = [f"of={text}"] if field == "tags" else text
        hub.api("POST", "/api/v1/devices", {"devices": [{"name": f"{field}-{number}", field: said}]})

    return accepted(texts, give)


def posted(path: str, field: str, texts: list[str], more: Callable[[int], dict[str, Any]], hub: RunningHub) -> list[str]:
    """Make something of a kind for each text."""
    return accepted(texts, lambda number, text: hub.api("POST", f"/api/v1/{path}", more(number) | {field: text}))


def device(hub: RunningHub, name: str, run: Callable[[Device], Any], **more: Any) -> None:
    """Be a device until all that it says is on disk."""
    token = hub.provision(name)

    async def main() -> None:
        with trio.fail_after(30):
            async with Device(hub.device_url, name, token, **more) as made:
                await run(made)
                await made.drained(20)

    trio.run(main)


def channels(hub: RunningHub) -> list[str]:
    """Send readings of channels with such names and units."""
    made = [Channel(name, NAMES[-1 - number]) for number, name in enumerate(NAMES)]
    device(hub, "odd-channels", lambda each: each.send(dict.fromkeys(NAMES, 1.0)), channels=made, interval_s=60.0)
    return NAMES


def readings(hub: RunningHub) -> list[str]:
    """Send readings that are such texts, and states that are called so."""
    texts = fitting(size_bytes=256, may_have_controls=True, is_trimmed=False)
    made = {f"text-{number}": (Channel(f"text-{number}", "", kind=Kind.TEXT), text) for number, text in enumerate(texts)}
    made |= {f"state-{n}": (Channel(f"state-{n}", "", kind=Kind.STATE, values=(text,)), text) for n, text in enumerate(texts)}
    values = {name: text for name, (_, text) in made.items()}
    device(hub, "odd-readings", lambda each: each.send(values), channels=[channel for channel, _ in made.values()], interval_s=60.0)
    return texts


def firmware(hub: RunningHub) -> list[str]:
    """Connect devices whose programs are called so."""
    texts = list(packed(fitting(size_bytes=128), 128))
    for number, text in enumerate(texts):
        device(hub, f"program-{number}", lambda each: each.send({"a": 1.0}), channels=[Channel("a")], interval_s=60.0, firmware=text)
    return texts


def logs(hub: RunningHub) -> list[str]:
    """Log such lines."""
    texts = fitting(size_bytes=4_096, may_have_controls=True, is_trimmed=False)

    async def say(each: Device) -> None:
        for number, text in enumerate(texts):
            await each.log(("debug", "info", "warning", "error")[number % 4], text)

    device(hub, "odd-log", say, channels=[Channel("a")], interval_s=60.0)
    return texts


def reported(hub: RunningHub) -> list[str]:
    """Report and desire documents of such names and values."""
    texts = [text for text in fitting(size_bytes=64) if text.isprintable() or "\u200b" in text or "\u202e" in text]
    for at in range(0, len(texts), 20):
        some = texts[at : at + 20]
        mine, theirs = {text: some[-1 - n] for n, text in enumerate(some)}, {text: some[n - 1] for n, text in enumerate(some)}
        name = f"odd-shadow-{at // 20}"

        async def report(each: Device, document: dict[str, str] = mine) -> None:
            each.on_desired(lambda desired: None)
            await each.report(document)

        device(hub, name, report, channels=[Channel("a")], interval_s=60.0)
        hub.api("PATCH", f"/api/v1/devices/{name}/shadow/desired", {"document": theirs})
    return texts


def echoed(hub: RunningHub) -> list[str]:
    """Send commands with such arguments, which come back as results and as reasons."""
    texts = fitting(size_bytes=256, may_have_controls=True, is_trimmed=False)
    token = hub.provision("odd-echo")

    async def run(stop: trio.Event, started: Callable[[], None]) -> None:
        made = Device(hub.device_url, "odd-echo", token, channels=[Channel("a")], interval_s=60.0)

        @made.command("echo", args={"text": {"type": "text"}})
        def _echo(text: str) -> str:
            return text

        @made.command("refuse", args={"text": {"type": "text"}})
        def _refuse(text: str) -> None:
            raise RuntimeError(text)

        async with made:
            await made.send({"a": 1.0})
            started()
            await stop.wait()

    with InThread(run):
        deadline = time.monotonic() + 20
        while len(hub.api("GET", "/api/v1/devices/odd-echo").get("commands", [])) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.02)  # between two looks at another process
        for number, text in enumerate(texts):
            name = "refuse" if number % 2 else "echo"
            sent = hub.api("POST", "/api/v1/devices/odd-echo/commands", {"name": name, "args": {"text": text}})
            deadline = time.monotonic() + 20
            while hub.api("GET", f"/api/v1/commands/{sent['id']}")["state"] not in ("done", "failed"):
                assert time.monotonic() < deadline
                time.sleep(0.005)  # between two looks at another process
    return texts


def dashboard(name: str, hub: RunningHub, title: str = "Hall", **more: Any) -> None:
    """Save a dashboard."""
    document = {"title": title, "variables": [], "range": "5min", "tiles": [], **more}
    hub.api("PUT", f"/api/v1/dashboards/{name}", {"version": 0, "dashboard": document})


def titles(hub: RunningHub) -> list[str]:
    """Save dashboards that are called so."""
    return accepted(TITLES[:150], lambda number, text: dashboard(f"titled-{number}", hub, text))


def tiles(name: str, texts: list[str], of: Callable[[str], dict[str, Any]], hub: RunningHub) -> list[str]:
    """Save one dashboard with a tile for each of the first hundred texts."""
    made = [{"id": f"t{at}", "type": "text", "x": 0, "y": 3 * at, "w": 12, "h": 3, "title": ""} for at in range(len(texts))]
    dashboard(name, hub, tiles=[tile | of(text) for tile, text in zip(made, texts, strict=True)])
    return texts


def variables(hub: RunningHub) -> list[str]:
    """Save a dashboard whose variables have such values."""
    texts = list(packed(fitting(characters=200), 900))[:10]
    kept = [
        {"name": ("constructor", "tostring", "valueof")[n] if n < 3 else f"v{n}", "kind": "tags", "value": each}
        for n, each in enumerate(texts)
    ]
    dashboard("varied", hub, variables=kept)
    return texts


def alerts(hub: RunningHub) -> list[str]:
    """Raise an alert for each of such texts, which its message repeats."""
    hub.api("POST", "/api/v1/rules", {"rule": "says", "kind": "text", "text": "*", "devices": ["odd-alerts"], "severity": "info"})
    texts = fitting(size_bytes=60)
    made = [Channel(f"text-{number}", "", kind=Kind.TEXT) for number in range(len(texts))]
    values = {each.name: text for each, text in zip(made, texts, strict=True)}
    device(hub, "odd-alerts", lambda each: each.send(values), channels=made, interval_s=60.0)
    return [f"text-{number}" for number in range(len(texts))]


def rule(number: int) -> dict[str, Any]:
    """Return a rule that judges nothing that there is."""
    return {"rule": f"noted-{number}", "kind": "above", "limit": 1, "devices": ["nobody"]}


def pattern(number: int) -> dict[str, Any]:
    """Return one that looks for a text."""
    return {"rule": f"looks-{number}", "kind": "text", "devices": ["nobody"], "channels": [NAMES[number % len(NAMES)]]}


def target(number: int) -> dict[str, Any]:
    """Return a target that nobody listens at."""
    return {"target": f"target-{number}", "kind": "webhook", "url": "http://127.0.0.1:9/"}


TITLES: Final = fitting(characters=128)
WRITTEN: Final = fitting(characters=500, without="*`\ufeff")  # what the marks of a text tile mean nothing in
CHOSEN: Final = (TITLES[:100], TITLES[100:])
PLACES: Final = (
    Place("titles of devices", "#/admin/devices?q=title-", ".admin-body", partial(devices, "title", fitting(characters=128))),
    Place("kinds of devices", "#/admin/devices?q=kind-", ".admin-body", partial(devices, "kind", fitting(characters=64))),
    Place("tags of devices", "#/admin/devices?q=tags-", ".admin-body", partial(devices, "tags", fitting(characters=64)), least=100),
    Place("programs of devices", "#/admin/devices?q=program-", ".admin-body", firmware, least=20),
    Place(
        "notes on devices",
        "#/devices/notes-0?tab=about",
        "main",
        partial(devices, "notes", ["\n".join(filter(str.isprintable, HOSTILE))[:2_000]]),
        least=1,
    ),
    Place("channels and units", "#/devices/odd-channels", ".legend-name", channels),
    Place("units", "#/devices/odd-channels", ".legend-value", lambda _: [re.sub(r"[{}[\]]", "", name) for name in NAMES]),
    Place("texts and states", "#/devices/odd-readings", ".tiles", readings),
    Place("logs", "#/devices/odd-log?tab=log", ".log", logs),
    Place("commands", "#/devices/odd-echo?tab=commands", "#command-history", echoed),
    Place("shadows", "#/devices/odd-shadow-0?tab=shadow", ".shadow-table", lambda hub: reported(hub)[:20], least=20),
    Place("alerts", "#/alerts", "main", alerts),
    Place("notes on rules", "#/alerts/rules", "main", partial(posted, "rules", "note", fitting(characters=500), rule)),
    Place("patterns of rules", "#/alerts/rules", "main", partial(posted, "rules", "text", fitting(characters=64), pattern)),
    Place(
        "silences",
        "#/alerts/silences",
        "main",
        partial(posted, "silences", "reason", fitting(characters=500), lambda _: {"rule": "a", "for_s": 900}),
    ),
    Place("targets", "#/alerts/targets", "main", partial(posted, "targets", "note", list(packed(HOSTILE, 490)), target), least=5),
    Place("titles of dashboards", "#/dashboards", "main", titles),
    Place(
        "titles of tiles",
        "#/dashboards/tiles",
        ".board-tile h2",
        partial(tiles, "tiles", CHOSEN[0], lambda text: {"title": text, "config": {"text": "-"}}),
        least=90,
    ),
    Place(
        "more titles of tiles",
        "#/dashboards/tiles2",
        ".board-tile h2",
        partial(tiles, "tiles2", CHOSEN[1], lambda text: {"title": text, "config": {"text": "-"}}),
        least=90,
    ),
    Place(
        "texts of tiles",
        "#/dashboards/texts",
        ".text-tile",
        partial(tiles, "texts", WRITTEN[:100], lambda text: {"config": {"text": text}}),
        least=90,
    ),
    Place(
        "more texts of tiles",
        "#/dashboards/texts2",
        ".text-tile",
        partial(tiles, "texts2", WRITTEN[100:], lambda text: {"config": {"text": text}}),
        least=80,
    ),
    Place("variables", "#/dashboards/varied", "main", variables, least=8),
    Place("tokens", "#/admin/tokens", ".admin-body", partial(posted, "tokens", "name", NAMES, lambda _: {"role": "viewer"}), least=3),
    Place(
        "users",
        "#/admin/users",
        ".admin-body",
        partial(posted, "users", "name", NAMES, lambda _: {"role": "viewer", "password": "correct horse"}),
        least=3,
    ),
    Place("keys", "#/admin/keys", ".admin-body", partial(posted, "provisioning", "name", NAMES, lambda _: {}), least=3),
    Place("the audit log", "#/admin/audit", ".admin-body", lambda _: [], least=0),
)


def spoken(text: str) -> str:
    """Return a text without what people do not see the difference of: names are shown with blanks for underscores, titles trimmed."""
    return re.sub(r"\s+", " ", text.replace("_", " ")).strip()


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name.replace(" ", "-"))
def test_hostile_texts_are_shown_as_they_are(visit: Visit, hub: RunningHub, place: Place) -> None:
    texts = list(place.fill(hub))
    assert len(texts) >= place.least
    deadline = time.monotonic() + TIMEOUT_MS / 1_000
    while True:
        said = spoken(visit.shown(place, texts))
        missing = [text for text in texts if spoken(text) not in said]
        if not missing:
            break
        assert time.monotonic() < deadline, missing[:5]  # what was told last may have been on its way
    visit.is_unharmed()


# Addresses, with a text in the place of TEXT: searches, filters, ranges, names of what is not there.
ADDRESSES: Final = (
    "#/?q=TEXT",
    "#/?where=TEXT&sort=TEXT&state=TEXT&channel=TEXT",
    "#/TEXT",
    "#/devices/TEXT?tab=TEXT&range=TEXT",
    "#/dashboards/TEXT?edit=TEXT&var-a=TEXT",
    "#/alerts?device=TEXT&rule=TEXT&severity=TEXT",
    "#/alerts/TEXT?new=TEXT",
    "#/admin/audit?who=TEXT&what=TEXT&action=TEXT&after=TEXT",
    "#/admin/TEXT",
)
GO_TO_ALL: Final = """async ([address, texts]) => {
  for (const text of texts) {
    location.hash = address.replaceAll('TEXT', encodeURIComponent(text));
    await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
  }
}"""


@pytest.mark.parametrize("address", ADDRESSES)
def test_hostile_texts_in_an_address_do_no_harm(visit: Visit, address: str) -> None:
    visit.page.evaluate(GO_TO_ALL, [address, TOGETHER])
    visit.go(address.replace("TEXT", "constructor"))
    expect(visit.page.locator("main")).not_to_be_empty()
    visit.is_unharmed()


def test_what_is_searched_for_in_an_address_stands_in_the_field(visit: Visit, hub: RunningHub) -> None:
    hub.provision("searched")
    for text in fitting(is_trimmed=True, without="\u2028\u2029")[:60]:
        visit.go(f"#/?q={quote(text)}")
        expect(visit.page.get_by_label("Search devices").first).to_have_value(text)
    visit.is_unharmed()
