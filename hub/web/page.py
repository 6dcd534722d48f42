"""Routes of the page: the app and its files.

Owns caching and compression; the files are the dashboard's, and plotly's out of its installed wheel. Pages name files by a hash over all
of them, so that a browser asks once for each version. Made into the app by api.py; login.py has the way in.
"""

import hashlib
import mimetypes
import re
import zlib
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from typing import Final, NamedTuple

import trio
from fastapi import APIRouter, Request, Response

from hub.core.errors import Refusal
from hub.web.access import Access

PLOTLY: Final = "plotly.min.js"
_PLOTLY_VERSION: Final = version("plotly")
_PAGE: Final = "index.html"
LOGIN_PAGE: Final = "login.html"
_SHARED_PAGE: Final = "shared.html"
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_THREAD: Final = trio.CapacityLimiter(1)  # each file is read once
_TYPES: Final = {".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".html": "text/html"}
_NAMED: Final = re.compile(rb'((?:src|href)="[^"]*/?static/)([^"]+)"')


class File(NamedTuple):
    """A file as it is given: whole, and compressed where that makes it smaller."""

    content: bytes
    kind: str
    tag: str
    packed: bytes | None


class Files:
    """The files that pages are made of: looked up among those the folder has, and read once, as they change with an upgrade only."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._paths: dict[str, Path] = {}
        self._release = ""  # a hash over all of the folder
        self._held: dict[str, File] = {}

    async def get(self, name: str) -> tuple[bytes, str, str]:
        """Return a file's content, type and ETag. Raises Refusal 404."""
        return (await self.file(name))[:3]

    async def file(self, name: str) -> File:
        """Return a file. Raises Refusal 404."""
        if name not in self._held:
            self._held[name] = await trio.to_thread.run_sync(self._made, name, limiter=_THREAD)
        return self._held[name]

    def meant(self, name: str) -> tuple[str, bool]:
        """Return which file a path below static/ means, and whether the path says the present version of all of them."""
        if not name.startswith("@"):
            return name, False
        said, _, rest = name.partition("/")
        return rest, bool(self._release) and said == f"@{self._release}"

    def _made(self, name: str) -> File:
        content = self._read(name)
        suffix = Path(name).suffix
        kind = _TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
        charset = "; charset=utf-8" if kind.startswith("text/") else ""
        # The same for everybody and without secrets: how long it is when it is compressed tells nobody anything.
        packed = _gzipped(content) if suffix in _TYPES else None
        tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        return File(content, kind + charset, tag, packed if packed is not None and len(packed) < len(content) else None)

    def _read(self, name: str) -> bytes:
        if name == PLOTLY:
            return (resources.files("plotly") / "package_data" / PLOTLY).read_bytes()
        content = self._file(name)
        return _NAMED.sub(self._versioned, content) if name in (_PAGE, LOGIN_PAGE, _SHARED_PAGE) else content

    def _versioned(self, found: re.Match[bytes]) -> bytes:
        before, name = found.groups()
        if name == PLOTLY.encode():
            return b'%b%b?v=%b"' % (before, name, _PLOTLY_VERSION.encode())
        return b'%b@%b/%b"' % (before, self._release.encode(), name)  # modules import each other by paths below the same

    def _file(self, name: str) -> bytes:
        if not self._paths:
            # A request only ever picks one of these names: it cannot leave the folder, nor have one file held under many names.
            paths = {path.relative_to(self._folder).as_posix(): path for path in self._folder.rglob("*") if path.is_file()}
            contents = hashlib.sha256()
            for each in sorted(paths):
                contents.update(b"%b\0%b" % (each.encode(), hashlib.sha256(paths[each].read_bytes()).digest()))
            self._release = contents.hexdigest()[:16]
            self._paths = paths
        if name not in self._paths:
            raise Refusal("not_found", f"there is no file {name[:64]!r}", "the page is at /", 404)
        return self._paths[name].read_bytes()


def _gzipped(content: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)  # 16: a header of gzip, without a time
    return packer.compress(content) + packer.flush()


def _takes_gzip(said: str) -> bool:
    """Tell whether an Accept-Encoding allows gzip."""
    for each in said.lower().split(","):
        name, _, quality = each.partition(";")
        if name.strip() == "gzip":
            return not re.fullmatch(r"\s*q\s*=\s*0(\.0*)?\s*", quality)
    return False


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

    @router.get("/shared", include_in_schema=False)
    async def shared() -> Response:
        """Return the page of a shared dashboard, which is told by its address which link it has: the door takes that off (head.py)."""
        content, kind, _ = await files.get(_SHARED_PAGE)
        return Response(content, media_type=kind)

    @router.get("/static/{name:path}", include_in_schema=False)
    async def static(name: str, request: Request) -> Response:
        """Return a file. What is named with its version, as pages do, is kept by browsers; else they ask whether it is still the same."""
        name, is_present = files.meant(name)
        file = await files.file(name)
        is_versioned = is_present or (name == PLOTLY and request.query_params.get("v") == _PLOTLY_VERSION)
        is_packed = file.packed is not None and _takes_gzip(request.headers.get("accept-encoding", ""))
        tag = f'{file.tag[:-1]}-gzip"' if is_packed else file.tag
        headers = {"ETag": tag, "Cache-Control": _FOR_EVER if is_versioned else "no-cache", "Vary": "Accept-Encoding"}
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        if is_packed:
            headers["Content-Encoding"] = "gzip"
        return Response(file.packed if is_packed else file.content, media_type=file.kind, headers=headers)

    @router.get("/favicon.ico", include_in_schema=False)
    async def icon() -> Response:
        """Return the icon, which browsers ask for here on pages that name none."""
        content, kind, _ = await files.get("mark.svg")
        return Response(content, media_type=kind)

    return router
