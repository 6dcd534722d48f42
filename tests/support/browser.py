"""How the browser tests start Chromium, and how long a page may take to show something."""

from typing import Final

EXECUTABLE: Final = "/usr/bin/chromium"
ARGUMENTS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
)
TIMEOUT_MS: Final = 20_000
