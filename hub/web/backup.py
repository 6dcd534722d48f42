"""The route that takes a backup: how far it is, line by line, and at the end where it is or why there is none.

Owns the stream of JSON lines; what a backup is, hub/backup knows. Made into the app by api.py.
"""

import errno
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final, Protocol

import trio
from fastapi import APIRouter, Depends, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.types import Receive, Scope, Send

from hub.auth import Principal
from hub.core.errors import Refusal
from hub.ports import StoreUnavailable
from hub.web.access import Access, Action
from hub.web.envelope import refusal_answer
from hub.web.openapi.convention import example, refuses, text_content

_LINES: Final = 64  # of progress on their way to the client; more are left out, as each says how far it is by itself
Line = Mapping[str, Any]
_LINE: Final = '{"step": "journal", "done_bytes": 1048576, "all_bytes": 4194304}\n{"backup": "/var/backups/tributary-2026-11-21"}'
_REFUSED: Final = refuses(busy=409, bad_folder=422, not_written=500, no_room=507)


class Backup(Protocol):
    """What takes a backup."""

    async def take(self, folder: Path, said: Callable[[Line], None]) -> Line:
        """Take one and return what it is; `said` is told of progress. Raises Refusal, StoreUnavailable, OSError."""


def _path(text: str) -> str:
    """Refuse what JSON can spell and no file system can: NUL, half a surrogate pair."""
    if "\0" in text or text != text.encode(errors="replace").decode():
        raise ValueError("this is no path")
    return text


class NewBackup(BaseModel, json_schema_extra=example({"folder": "/var/backups/tributary-2026-11-21"})):
    """Where to: a folder on the hub's machine, made where it is missing."""

    model_config = ConfigDict(extra="forbid")
    folder: Annotated[str, Field(min_length=1, max_length=4_096, description="An absolute path"), AfterValidator(_path)]


def backup_routes(access: Access, backup: Backup) -> APIRouter:
    """Return the route."""
    router = APIRouter(prefix="/api/v1")
    what = "JSON lines: {step, done_bytes, all_bytes} as it goes on, and last {backup, ...} or {error: {code, message, hint}}"

    @router.post(
        "/backup",
        response_class=Response,
        responses={200: {"description": what, "content": {"application/x-ndjson": text_content(_LINE)}}, **_REFUSED},
    )
    async def take(new: NewBackup, by: Annotated[Principal, Depends(access.may(Action.MANAGE))]) -> Response:
        """Write a backup into a folder on the hub's machine while the hub goes on. A client that leaves ends it, and nothing is left."""
        await access.auth.audit.note(by.name, "back up", f"folder {new.folder[:200]}")
        return _Lines(partial(backup.take, Path(new.folder)))

    return router


class _Lines(Response):
    """An answer that grows while the work is done, in the task that does it. What is refused before the first line has its own status."""

    media_type = "application/x-ndjson"

    def __init__(self, work: Callable[[Callable[[Line], None]], Awaitable[Line]]) -> None:
        super().__init__()
        del self.headers["content-length"]
        self._work = work
        self._has_begun = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Work and tell; a client that leaves cancels the work."""
        sending, waiting = trio.open_memory_channel[Line](_LINES)
        async with trio.open_nursery() as watched:
            watched.start_soon(_cancel_when_left, receive, watched.cancel_scope)
            async with trio.open_nursery() as told:
                told.start_soon(self._tell, waiting, send)
                with sending:
                    last = await _worked(self._work, sending)
            if isinstance(last, Refusal) and not self._has_begun:
                await refusal_answer(last.status, last.code, last.message, last.hint)(scope, receive, send)
            else:
                await self._send_line(last, send, is_last=True)
            watched.cancel_scope.cancel()

    async def _tell(self, waiting: trio.MemoryReceiveChannel[Line], send: Send) -> None:
        async for line in waiting:
            await self._send_line(line, send)

    async def _send_line(self, line: Line | Refusal, send: Send, *, is_last: bool = False) -> None:
        if not self._has_begun:
            self._has_begun = True
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        if isinstance(line, Refusal):
            line = {"error": {"code": line.code, "message": line.message, "hint": line.hint}}
        await send({"type": "http.response.body", "body": json.dumps(line).encode() + b"\n", "more_body": not is_last})


async def _cancel_when_left(receive: Receive, scope: trio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


async def _worked(work: Callable[[Callable[[Line], None]], Awaitable[Line]], sending: trio.MemorySendChannel[Line]) -> Line | Refusal:
    def said(line: Line) -> None:
        with suppress(trio.WouldBlock):
            sending.send_nowait(line)

    try:
        return await work(said)
    except Refusal as refusal:
        return refusal
    except StoreUnavailable as error:
        return Refusal("store_unavailable", str(error), "try again; the hub's log says more", 503)
    except OSError as error:
        place = f": {error.filename}" if error.filename else ""
        status = 507 if error.errno == errno.ENOSPC else 500
        return Refusal("not_written", f"{error.strerror or error}{place}", "check the folder, its owner and its disk", status)
