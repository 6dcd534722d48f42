"""The whole hub in this process, on a real port, and clients of its HTTP API; used where single parts would not show it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import trio

from hub.config import Settings
from hub.main import serve


class WholeHub:
    """A hub that listens."""

    def __init__(self, url: str, directory: Path) -> None:
        self.url = url
        self.admin_token = (directory / "admin.token").read_text().strip()

    def client(self, token: str | None = None) -> httpx.AsyncClient:
        """Return a program with a token: the administrator's, or another."""
        headers = {"Authorization": f"Bearer {token or self.admin_token}"}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=40, verify=False)  # no TLS: certificates take 20 ms to read

    async def add_device(self, name: str) -> str:
        """Add a device and return its token."""
        async with self.client() as admin:
            answer = await admin.post("/api/v1/devices", json={"name": name})
            return str(answer.raise_for_status().json()["token"])


@asynccontextmanager
async def whole_hub(directory: Path) -> AsyncIterator[WholeHub]:
    """Run a hub until the block is left."""
    async with trio.open_nursery() as nursery:
        url = await nursery.start(serve, Settings(port=0, data_dir=directory))
        yield WholeHub(url, directory)
        nursery.cancel_scope.cancel()
