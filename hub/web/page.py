"""Routes of the page: the app and its files, logging in by a one-time link, logging out.

Owns cookies and caching; the files are the dashboard's, and plotly's out of its installed wheel. Made into the app by api.py.
"""

import hashlib
import mimetypes
from collections.abc import Callable
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Final, Literal

import trio
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.background import BackgroundTask

from hub.auth import SESSION_S
from hub.core.errors import Refusal
from hub.web.access import Access, Action, is_encrypted
from hub.web.envelope import LOGIN_PATH

PLOTLY: Final = "plotly.min.js"
_PLOTLY_VERSION: Final = version("plotly")
_PAGE: Final = "index.html"
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_THREAD: Final = trio.CapacityLimiter(1)  # each file is read once
_TYPES: Final = {".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".html": "text/html"}
# Not a redirect: a browser that came by a link on another site would follow it without the new cookie, which is SameSite=Strict.
_WELCOME: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="refresh" content="0; url=/">
<title>Logged in - Tributary</title>
<p>You are logged in. <a href="/">Go to the dashboard</a></p>
</html>
"""


def _printable(name: str) -> str:
    """Refuse control characters, and half a surrogate pair, which JSON can spell."""
    if not name.isprintable():
        raise ValueError("a name is made of printable characters")
    return name


class NewLogin(BaseModel):
    """Whom a login link lets in, and as what."""

    model_config = ConfigDict(extra="forbid")
    name: Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_printable)] = "admin"
    role: Literal["viewer", "operator", "admin"] = "admin"


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


def page_routes(access: Access, base_url: Callable[[], str], folder: Path) -> APIRouter:
    """Return the routes."""
    router = APIRouter()
    files = Files(folder)
    auth = access.auth

    @router.get("/", include_in_schema=False)
    async def page(request: Request) -> Response:
        """Return the page, or how to log in."""
        is_in = await auth.principal(request.headers) is not None
        content, kind, _ = await files.get(_PAGE if is_in else "login.html")
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

    _login_routes(router, access, base_url, files)
    return router


def _login_routes(router: APIRouter, access: Access, base_url: Callable[[], str], files: Files) -> None:
    auth = access.auth

    @router.get(LOGIN_PATH, include_in_schema=False)
    async def login(request: Request, token: str = "") -> Response:
        """Use up a one-time link."""
        session = await auth.use_login(token)
        if session is None:
            if await auth.principal(request.headers) is not None:
                return HTMLResponse(_WELCOME)  # a link that was used up, by this browser say: it is where it wants to be
            content, kind, _ = await files.get("login.html")
            return Response(content, 401, media_type=kind)
        before = auth.session_of(request.headers)
        # The cookie of the one before is replaced: nobody could end it any more. Only then, so that its tabs find the new one.
        response = HTMLResponse(_WELCOME, background=BackgroundTask(auth.logout, before) if before is not None else None)
        is_secure = is_encrypted(request)
        response.set_cookie(auth.cookie, session, max_age=SESSION_S, path="/", httponly=True, samesite="strict", secure=is_secure)
        return response

    @router.head(LOGIN_PATH, include_in_schema=False)
    async def preview() -> Response:
        """Answer who only looks, such as a link preview, without using the link up."""
        return Response()

    @router.post("/logout", include_in_schema=False)
    async def logout(request: Request) -> Response:
        """End the session."""
        access.check_origin(request)
        session = auth.session_of(request.headers)
        if session is not None:
            await auth.logout(session)
        response = Response(status_code=204)
        response.delete_cookie(auth.cookie, path="/")
        return response

    @router.post("/api/v1/logins", status_code=201, dependencies=[Depends(access.may(Action.MANAGE))])
    async def new_login(new: NewLogin | None = None) -> dict[str, str]:
        """Return a new one-time login link, for an administrator unless the body says otherwise."""
        new = new or NewLogin()
        return {"url": f"{base_url()}{LOGIN_PATH}?token={await auth.new_login(new.name, new.role)}"}
