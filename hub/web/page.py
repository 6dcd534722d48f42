"""Routes of the page: the app and its files, logging in by a one-time link, logging out.

Owns cookies and caching; the files are the dashboard's, and plotly's out of its installed wheel. Made into the app by api.py.
"""

import hashlib
import mimetypes
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Final

import trio
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from hub.auth import COOKIE, SESSION_S, Auth, Principal, session_of
from hub.core.errors import Refusal
from hub.web.access import Action, check_origin, may

PLOTLY: Final = "plotly.min.js"
_TYPES: Final = {".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".html": "text/html"}


class Files:
    """The files that pages are made of, read once: they change with an upgrade only."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: dict[str, tuple[bytes, str, str]] = {}  # name -> content, type, ETag

    async def get(self, name: str) -> tuple[bytes, str, str]:
        """Return a file's content, type and ETag. Raises Refusal 404."""
        if name not in self._held:
            content = await trio.to_thread.run_sync(self._read, name)
            suffix = Path(name).suffix
            kind = _TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
            charset = "; charset=utf-8" if kind.startswith("text/") else ""
            self._held[name] = (content, kind + charset, f'"{hashlib.sha256(content).hexdigest()[:32]}"')
        return self._held[name]

    def _read(self, name: str) -> bytes:
        if name == PLOTLY:
            return (resources.files("plotly") / "package_data" / PLOTLY).read_bytes()
        path = (self._folder / name).resolve()
        if not path.is_relative_to(self._folder.resolve()) or not path.is_file():
            raise Refusal("not_found", f"there is no file {name[:64]!r}", "the page is at /", 404)
        return path.read_bytes()


def page_routes(auth: Auth, base_url: Callable[[], str], folder: Path) -> APIRouter:
    """Return the routes."""
    router = APIRouter()
    files = Files(folder)

    @router.get("/", include_in_schema=False)
    @router.head("/", include_in_schema=False)
    async def page(request: Request) -> Response:
        """Return the page, or how to log in."""
        is_in = await auth.principal(request.headers) is not None
        content, kind, _ = await files.get("index.html" if is_in else "login.html")
        return Response(content, 200 if is_in else 401, media_type=kind)

    @router.get("/static/{name:path}", include_in_schema=False)
    @router.head("/static/{name:path}", include_in_schema=False)
    async def static(name: str, request: Request) -> Response:
        """Return a file; browsers ask each time whether it is still the same."""
        content, kind, tag = await files.get(name)
        headers = {"ETag": tag, "Cache-Control": "no-cache"}
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(content, media_type=kind, headers=headers)

    _login_routes(router, auth, base_url, files)
    return router


def _login_routes(router: APIRouter, auth: Auth, base_url: Callable[[], str], files: Files) -> None:
    @router.get("/login", include_in_schema=False)
    async def login(request: Request, token: str = "") -> Response:
        """Use up a one-time link."""
        session = await auth.use_login(token)
        if session is None:
            content, kind, _ = await files.get("login.html")
            return Response(content, 401, media_type=kind)
        response = RedirectResponse("/", 303)
        is_secure = request.url.scheme == "https"
        response.set_cookie(COOKIE, session, max_age=SESSION_S, path="/", httponly=True, samesite="strict", secure=is_secure)
        return response

    @router.head("/login", include_in_schema=False)
    async def preview() -> Response:
        """Answer who only looks, such as a link preview, without using the link up."""
        return Response()

    @router.post("/logout", include_in_schema=False)
    async def logout(request: Request) -> Response:
        """End the session."""
        check_origin(request)
        session = session_of(request.headers)
        if session is not None:
            await auth.logout(session)
        response = Response(status_code=204)
        response.delete_cookie(COOKIE, path="/")
        return response

    @router.post("/api/v1/logins", status_code=201)
    async def new_login(by: Principal = Depends(may(auth, Action.MANAGE))) -> dict[str, str]:  # noqa: B008  # FastAPI's way
        """Return a new one-time login link."""
        return {"url": f"{base_url()}/login?token={await auth.new_login('admin', 'admin')}"}
