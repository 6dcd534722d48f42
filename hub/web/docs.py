"""Routes of the API's description: the document, and the page made of it.

Owns neither: the document is openapi/document.py's, the page the dashboard's. Both are the same for everybody and say nothing of this hub.
Making the document takes up to a second, so it is made in a thread, when it is first asked for. Made into the app by api.py.
"""

import json
from collections.abc import Callable
from typing import Any, Final

import trio
from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse

from hub.web.openapi.convention import text_content
from hub.web.page import Files

_PAGE: Final = "api.html"
_HTML: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The page", "content": {"text/html": text_content("<!doctype html>")}}
}
_JSON: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "OpenAPI 3.1",
        "content": {"application/json": {"schema": {"type": "object"}, "example": {"openapi": "3.1.0", "paths": {}}}},
    }
}


def docs_routes(document: Callable[[], dict[str, Any]], files: Files) -> APIRouter:
    """Return the routes; `document` gives the OpenAPI document and is called once, in a thread."""
    router = APIRouter(prefix="/api/v1")
    written: list[bytes] = []
    writing = trio.CapacityLimiter(1)  # who asks meanwhile waits here, and finds it written

    def write() -> None:
        if not written:
            written.append(json.dumps(document()).encode())

    @router.get("/openapi.json", responses=_JSON, response_class=Response)
    async def openapi() -> Response:
        """Return the OpenAPI document of this API."""
        if not written:
            await trio.to_thread.run_sync(write, limiter=writing)
        return Response(written[0], media_type="application/json", headers={"Cache-Control": "no-cache"})

    @router.get("/docs", response_class=HTMLResponse, responses=_HTML)
    async def docs() -> Response:
        """Return the page that shows the OpenAPI document; it needs nothing from elsewhere."""
        content, kind, _ = await files.get(_PAGE)
        return Response(content, media_type=kind, headers={"Cache-Control": "no-cache"})

    return router
