"""The HTTP half of a real hub in this process: the app over ASGI, on the real journal, stores, registry, desk and logins.

Owns their life in a test, and clients of each role; checks nothing. Used by tests/hub/web: `async with api_hub(tmp_path) as hub`.
"""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from hub.auth import Account, Auth
from hub.core.closed import ClosedAnswers
from hub.core.reach import Reaches
from hub.core.results import LedgerFollower
from hub.followers import run_follower
from hub.history import HistoryWriter
from hub.layers import layer
from hub.sessions.imports import Imports
from hub.store.duckdb import DuckDBStore
from hub.web.api import ApiParts, make_app
from hub.web.importing import Importer
from hub.web.shapes.hub import Hub
from hub.web.store import StoreFacts
from tests.support.cheap_passwords import cheap
from tests.support.described import Described
from tests.support.ingest_hub import DeviceEnd, IngestHub, ingest_hub
from tests.support.waiting import until

URL = "http://hub.example:8080"
CSP = "default-src 'self'; frame-ancestors 'none'"
ELSEWHERE = ("10.0.0.9", 40_000)


def now_us() -> int:
    """Return the wall clock."""
    return time.time_ns() // 1000


_DESCRIBED: list[Described] = []


def _described(app: FastAPI) -> Described:
    """Return what the API says of itself, which is the same for each app: to write it down is half of what a test's hub costs."""
    if not _DESCRIBED:
        _DESCRIBED.append(Described(app.openapi()))
    return _DESCRIBED[0]


class ApiHub:
    """The app, the parts under it, and who talks to it."""

    def __init__(
        self, parts: IngestHub, store: DuckDBStore, auth: Auth, importer: Importer, directory: Path, closed: ClosedAnswers
    ) -> None:
        self.parts = parts
        self.store = store
        self.closed = closed
        self.figures: dict[str, float] = {}  # of the store, as last sampled
        self.auth = auth
        self.unready: list[str] = []
        self.admin_token = (directory / "admin.token").read_text().strip()
        self.api = ApiParts(
            registry=parts.registry,
            desk=parts.desk,
            shadows=parts.shadows,
            history=store,
            journal=parts.journal,
            entities=parts.entities,
            auth=auth,
            reaches=Reaches(parts.registry.members),
            account=Account(auth, parts.state, now_us),
            metrics_text=parts.metrics.text,
            ready=lambda: self.unready,
            hub=lambda: dict(Hub.examples()[0]),
            base_url=lambda: URL,
            static_folder=directory / "static",
            csp=CSP,
            closed=closed,
            store=StoreFacts(figures=lambda: self.figures),
            importer=importer,
        )
        self.app: FastAPI = make_app(self.api)
        self.described = _described(self.app)

    def client(self, *, client: tuple[str, int] = ELSEWHERE, base_url: str = URL, **headers: str) -> httpx.AsyncClient:
        """Return somebody without a login; a header name is written with _ for -."""
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False, client=client)
        return httpx.AsyncClient(transport=transport, base_url=base_url, headers=fields, event_hooks={"response": [self._is_described]})

    async def _is_described(self, response: httpx.Response) -> None:
        """Hold every answer of every test against what the API says of itself."""
        if response.headers.get("content-type", "").startswith("application/json"):
            await response.aread()
            if wrong := self.described.wrong(response):
                raise AssertionError(f"{response.request.method} {response.request.url.path}: {wrong}; see hub/web/openapi/convention.py")

    def admin(self) -> httpx.AsyncClient:
        """Return a program with the administrator's token."""
        return self.client(Authorization=f"Bearer {self.admin_token}")

    async def browser(self, role: str) -> httpx.AsyncClient:
        """Return the hub's own page in the browser of somebody who is logged in."""
        session = await self.auth.use_login(await self.auth.new_login("ann", role))
        return self.client(Cookie=f"{self.auth.cookie}={session}", Origin=URL)

    async def device(self, name: str, epoch: int, **hello: Any) -> DeviceEnd:
        """Return a device that is online."""
        device = await self.parts.connect(name)
        await device.hello(epoch, **hello)
        await until(lambda: self.parts.registry.is_connected(name))
        return device

    async def is_stored(self) -> None:
        """Return when history and ledger have all that is committed."""
        journal = self.parts.journal
        await until(lambda: all(journal.cursor(name).applied == journal.position for name in ("history", "ledger")))


@asynccontextmanager
async def api_hub(directory: Path, files: Mapping[str, bytes] | None = None) -> AsyncIterator[ApiHub]:
    """Run the parts; `files` stand in the static folder. Leaving the block stops everything in order."""
    _write(directory / "static", {"index.html": b"the page", "login.html": b"say: tributary login", **(files or {})})
    async with ingest_hub(directory) as parts:
        store = DuckDBStore(directory / "history.duckdb")
        await store.start()
        try:
            auth = cheap(Auth(parts.state, directory / "admin.token", parts.registry.device_of, now_us))
            await auth.start()
            journal = parts.journal
            ledger = LedgerFollower(parts.desk, parts.shadows, parts.state, lambda: journal.id, lambda: journal.position, now_us)
            writer = HistoryWriter(parts.journal, store)
            closed = ClosedAnswers()
            writer.on_stored(closed.stored)
            imports = Imports(parts.journal, parts.registry, now_us)
            importer = Importer(imports, parts.registry, store, directory / "imports", 0, now_us)
            followers = (partial(run_follower, parts.journal, writer), partial(run_follower, parts.journal, ledger))
            async with layer(*followers), layer(importer.run):
                yield ApiHub(parts, store, auth, importer, directory, closed)
        finally:
            await store.aclose()


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def is_refusal(answer: httpx.Response, status: int, code: str) -> dict[str, str]:
    """Check that an answer is a refusal in the one shape, and return what it says."""
    assert answer.status_code == status, answer.text
    said: dict[str, str] = answer.json()
    assert set(said) == {"code", "message", "hint"}
    assert said["code"] == code, said
    assert all(said.values()), said
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    return said
