"""`python -m simulators.pictures [DIRECTORY]`: take the pictures of README and docs anew, on a hub and a plant of their own.

Owns which pages are taken and how large; what they show is plant.py's. Needs Chromium and playwright. Some two minutes.
"""

import base64
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import trio

from hub.client import HubClient
from hub.client.commands import send_once
from simulators.bench.chromium import running_browser
from simulators.hub_process import HubProcess
from simulators.pictures.plant import MEMBERS, build, live

if TYPE_CHECKING:
    from playwright.sync_api import Browser

Scheme = Literal["dark", "light"]
_SIZE: Final = (1280, 820)
_PHONE: Final = (390, 820)
_QUALITY: Final = 0.82
_SETTLE_MS: Final = 6_000  # charts have their lines, and each device has said something since
_PAGES: Final = {
    "overview": "#/?channel=temperature",
    "device": "#/devices/boiler-2?range=1h",
    "dashboard": "#/dashboards/plant-north",
    "alerts": "#/alerts?state=all",
}
# A picture as the page itself would keep it: Chromium is the one encoder that is there anyway.
_ENCODE: Final = """async ([png, quality]) => {
  const image = new Image();
  image.src = `data:image/png;base64,${png}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.width, image.height];
  canvas.getContext("2d").drawImage(image, 0, 0);
  return canvas.toDataURL("image/webp", quality).split(",")[1];
}"""


def take(browser: "Browser", url: str, state: Path, target: Path) -> None:
    """Take every page in both themes, and the dashboard on a phone."""
    for scheme in ("dark", "light"):
        for name, place in _PAGES.items():
            _shot(browser, f"{url}/{place}", state, target / f"{name}-{scheme}.webp", scheme, _SIZE)
    _shot(browser, f"{url}/{_PAGES['dashboard']}", state, target / "phone-dark.webp", "dark", _PHONE)


def _shot(browser: "Browser", address: str, state: Path, file: Path, scheme: str, size: tuple[int, int]) -> None:
    width, height = size
    shown: Scheme = "dark" if scheme == "dark" else "light"
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=shown, storage_state=state, reduced_motion="reduce"
    )
    try:
        page = context.new_page()
        page.goto(address)
        page.locator("#connection[data-state=open]").wait_for()
        page.wait_for_timeout(_SETTLE_MS)
        png = base64.b64encode(page.screenshot()).decode()
        blank = context.new_page()
        file.write_bytes(base64.b64decode(blank.evaluate(_ENCODE, [png, _QUALITY])))
        print(f"{file}  {file.stat().st_size / 1024:.0f} KiB", flush=True)
    finally:
        context.close()


def photograph(hub: HubProcess, login: str, target: Path) -> None:
    """Log in once, then take all pictures."""
    target.mkdir(parents=True, exist_ok=True)
    with running_browser() as browser:
        context = browser.new_context()
        page = context.new_page()
        page.goto(login)
        page.locator("#connection").wait_for()
        state = hub.data_dir.with_name("state.json")
        context.storage_state(path=state)
        context.close()
        take(browser, hub.url, state, target)


async def main(target: Path) -> None:
    """Run a hub with the plant, and take the pictures."""
    with tempfile.TemporaryDirectory() as directory:
        hub = HubProcess(Path(directory) / "data")
        await trio.to_thread.run_sync(hub.start)
        try:
            async with HubClient.local(hub.data_dir) as client, trio.open_nursery() as nursery:
                tokens = await build(client)
                for member in MEMBERS:
                    await nursery.start(partial(live, member, hub.url, tokens[member.name], time.time()))
                await send_once(client, "boiler-2", "set_target", {"temperature": 70}, key="pictures")
                login = await client.new_login()
                await trio.to_thread.run_sync(photograph, hub, login, target)
                nursery.cancel_scope.cancel()
        finally:
            hub.kill()


if __name__ == "__main__":
    trio.run(main, Path(sys.argv[1] if len(sys.argv) > 1 else "docs/images"))
