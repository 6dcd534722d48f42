"""Routes of the page: the app and its files.

Owns caching; the files are the dashboard's, and plotly's out of its installed wheel. Made into the app by api.py; login.py has the way in.
"""

import hashlib
import mimetypes
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from typing import Final

import trio
from fastapi import APIRouter, Request, Response

from hub.core.errors import Refusal
from hub.web.access import Access

PLOTLY: Final = "plotly.min.js"
_PLOTLY_VERSION: Final = version("plotly")
_PAGE: Final = "index.html"
LOGIN_PAGE: Final = "login.html"
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_THREAD: Final = trio.CapacityLimiter(1)  # each file is read once
_TYPES: Final = {".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".html": "text/html"}


class Files:
    """The files that pages are made of: looked up among those the folder has, and read once, as they change with an upgrade only."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._paths: dict[str, Path] = {}
        self._held: dict[str, tuple[bytes, str, str]] = {}  # name -> content, type, ETag

    async def get(self, name: str) -> tuple[bytes, str, str]:
        """Return a file's content, type and ETag. Raises Refusal 404."""
        if name not in self._held:
            content = await trio.to_thread.run_sync(self._read, name, limiter=_THREAD)
            suffix = Path(name).suffix
            kind = _TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
            charset = "; charset=utf-8" if kind.startswith("text/") else ""
            self._held[name] = (content, kind + charset, f'"{hashlib.sha256(content).hexdigest()[:32]}"')
        return self._held[name]

    def _read(self, name: str) -> bytes:
        if name == PLOTLY:
            return (resources.files("plotly") / "package_data" / PLOTLY).read_bytes()
        if name == _PAGE:
            return self._file(name).replace(f"/static/{PLOTLY}".encode(), f"/static/{PLOTLY}?v={_PLOTLY_VERSION}".encode())
        return self._file(name)

    def _file(self, name: str) -> bytes:
        if not self._paths:
            # A request only ever picks one of these names: it cannot leave the folder, nor have one file held under many names.
            self._paths = {path.relative_to(self._folder).as_posix(): path for path in self._folder.rglob("*") if path.is_file()}
        if name not in self._paths:
            raise Refusal("not_found", f"there is no file {name[:64]!r}", "the page is at /", 404)
        return self._paths[name].read_bytes()


def page_routes(access: Access, files: Files) -> APIRouter:
    """Return the routes."""
    router = APIRouter()
    auth = access.auth

    @router.get("/", include_in_schema=False)
    async def page(request: Request) -> Response:
        """Return the page, or how to log in."""
        is_in = await auth.principal(request.headers) is not None
        content, kind, _ = await files.get(_PAGE if is_in else LOGIN_PAGE)
        return Response(content, 200 if is_in else 401, media_type=kind)

    @router.get("/static/{name:path}", include_in_schema=False)
    async def static(name: str, request: Request) -> Response:
        """Return a file; browsers ask each time whether it is still the same, but for plotly's 5 MB, whose address names its version."""
        content, kind, tag = await files.get(name)
        is_versioned = name == PLOTLY and request.query_params.get("v") == _PLOTLY_VERSION
        headers = {"ETag": tag, "Cache-Control": _FOR_EVER if is_versioned else "no-cache"}
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(content, media_type=kind, headers=headers)

    @router.get("/favicon.ico", include_in_schema=False)
    async def icon() -> Response:
        """Return the icon, which browsers ask for here on pages that name none."""
        content, kind, _ = await files.get("mark.svg")
        return Response(content, media_type=kind)

    return router
