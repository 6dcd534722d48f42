"""Routes of files: stored readings out as CSV, Parquet or line protocol, readings of a file in.

Owns parameters, headers, and how an answer that breaks off shows: an export is sent in chunks, and without the last of them it is no whole
answer to any client. exporting.py and importing.py do the work. Made into the app by api.py.
"""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import structlog
import trio
from fastapi import APIRouter, Depends, Request, Response
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from hub.auth import Principal
from hub.core.errors import Refusal
from hub.core.exchange.csv_output import CsvOutput
from hub.core.exchange.lines_output import LinesOutput
from hub.core.exchange.options import ImportOptions
from hub.core.exchange.parquet_output import ParquetOutput
from hub.core.registry import Registry
from hub.ports import HistoryStore, StoreRefused, StoreUnavailable
from hub.web.access import Access, Action
from hub.web.chosen import chosen
from hub.web.envelope import Answer
from hub.web.exporting import Exporter, Output, Wanted
from hub.web.importing import Importer
from hub.web.jobs import Job
from hub.web.openapi import files
from hub.web.openapi.parameters import From, Span, To, Where, Width
from hub.web.shapes.readings import Imported
from hub.web.wanted import check_names, range_of, series_of

FORMATS: Final[dict[str, tuple[Callable[[], Output], str, str]]] = {
    "csv": (CsvOutput, "text/csv; charset=utf-8; header=present", "csv"),
    "parquet": (ParquetOutput, "application/vnd.apache.parquet", "parquet"),
    "lp": (LinesOutput, "text/plain; charset=utf-8", "lp"),
}
MAX_EXPORTS: Final = 4  # at once: each keeps a page of readings in memory
_TOLD_EVERY_S: Final = 0.5
_log: Final = structlog.get_logger(__name__)


def exchange_routes(history: HistoryStore, registry: Registry, access: Access, importer: Importer | None) -> APIRouter:
    """Return the routes; without an importer there is no import."""
    router = APIRouter(prefix="/api/v1")
    _add_export(router, history, registry, access)
    if importer is not None:
        _add_import(router, access, importer)
    return router


def _add_export(router: APIRouter, history: HistoryStore, registry: Registry, access: Access) -> None:
    exporter = Exporter(history)
    running = trio.CapacityLimiter(MAX_EXPORTS)

    @router.get(
        "/export",
        response_class=Response,
        responses=files.EXPORTED,
        dependencies=[Depends(access.may(Action.READ))],
    )
    async def export(
        request: Request,
        device: files.Names = [],  # noqa: B006  # FastAPI copies it
        where: Where = None,
        channel: files.Names = [],  # noqa: B006
        from_: From = None,
        to: To = None,
        span_s: Span = None,
        width: Width = "raw",
        format: files.Output = "csv",
    ) -> Response:
        """Return readings or buckets as a file, series by series, each oldest first; all devices, channels and times where none is said.

        Where a tag expression says the devices, X-Tributary-Devices in the answer is how many it means.
        """
        _check_way(request, format)
        if running.available_tokens < 1:
            raise Refusal("busy", f"{MAX_EXPORTS} exports run, the limit is {MAX_EXPORTS}", "try again when one is done", 503)
        devices = chosen(registry, device, where)
        wanted = Wanted(await series_of(history, registry, devices, set(channel)), *range_of(from_, to, span_s, width))
        make, media_type, suffix = FORMATS[format]
        if format == "lp":
            check_names(wanted.series)
        is_empty = not wanted.series or not await exporter.has_any(wanted)
        headers = _headers(device[0] if len(device) == 1 else "tributary", suffix, devices, is_empty=is_empty)
        return _Export(exporter, wanted, make(), running, media_type, headers)


def _check_way(request: Request, format: str) -> None:
    if format not in FORMATS:
        raise Refusal("bad_format", f"format is one of {', '.join(FORMATS)}, not {format[:20]!r}", "correct format", 422)
    if request.scope["http_version"] == "1.0":
        hint = "use HTTP/1.1; behind nginx set proxy_http_version 1.1"
        raise Refusal("bad_http", "an export is sent in chunks, which HTTP/1.0 lacks: a short file would not show", hint, 426)


def _headers(name: str, suffix: str, devices: frozenset[str] | None, *, is_empty: bool) -> dict[str, str]:
    file = f"{name}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.{suffix}".replace(":", "-")
    headers = {"Content-Disposition": f'attachment; filename="{file}"', "X-Tributary-Empty": str(is_empty).lower()}
    return headers | ({} if devices is None else {"X-Tributary-Devices": str(len(devices))})


class _Export(Response):
    """The chunks of an export."""

    def __init__(
        self, exporter: Exporter, wanted: Wanted, output: Output, running: trio.CapacityLimiter, media_type: str, headers: dict[str, str]
    ) -> None:
        super().__init__(media_type=media_type, headers=headers)
        del self.headers["content-length"]
        self._exporter = exporter
        self._wanted = wanted
        self._output = output
        self._running = running

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file; a client that leaves ends it with the next piece.

        What goes wrong is for the door, which ends the connection without the last chunk.
        """
        async with self._running, aclosing(self._exporter.pieces(self._wanted, self._output)) as pieces:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            try:
                async for piece in pieces:
                    if piece:
                        await send({"type": "http.response.body", "body": piece, "more_body": True})
            except (StoreUnavailable, StoreRefused) as error:
                _log.warning("export_broken_off", reason=str(error)[:300])
                raise RuntimeError(f"an export broke off: {error}") from error
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _add_import(router: APIRouter, access: Access, importer: Importer) -> None:
    @router.post(
        "/import",
        response_model=Imported,
        responses=files.IMPORTED,
        openapi_extra=files.BODY,
    )
    async def take(
        request: Request,
        by: Annotated[Principal, Depends(access.may(Action.MANAGE))],
        format: files.Format = None,
        device: files.Device = None,
        device_column: files.DeviceColumn = None,
        channel: files.Channel = None,
        channel_column: files.ChannelColumn = None,
        value_column: files.ValueColumn = None,
        unit: files.Unit = None,
        kind: files.Kind = None,
        time_column: files.TimeColumn = None,
        time_format: files.TimeFormat = "rfc3339",
        tz: files.Zone = None,
        delimiter: files.Delimiter = "comma",
        decimal: files.Decimal = "point",
        skip: files.Skip = [],  # noqa: B006
        create: files.Create = False,
        progress: files.Progress = False,
    ) -> Response:
        """Check a CSV or Parquet file wholly, then store its readings. The same file again changes nothing.

        With `progress` the answer is JSON lines: how far it is, and last {"result"} or {"error"}.
        """
        options = ImportOptions(
            format, device, device_column, channel, channel_column, value_column, unit, kind, time_column, time_format, tz,
            delimiter, decimal, tuple(skip),
        )  # fmt: skip
        await access.auth.audit.note(by.name, "import", "a file of readings", format=format or "", device=device or "", create=create)
        announced = request.headers.get("content-length", "0")
        try:
            job = await importer.begin(
                _pieces(request), options, may_create=create, announced_bytes=int(announced) if announced.isdecimal() else 0
            )
        except ClientDisconnect:
            return Response(status_code=400)  # nobody hears it
        return _Progress(job) if progress else Answer(await job.outcome())


async def _pieces(request: Request) -> AsyncIterator[bytes]:
    async for piece in request.stream():
        if piece:
            yield piece


class _Progress(Response):
    """How an import goes, line by line."""

    media_type = "application/x-ndjson"

    def __init__(self, job: Job) -> None:
        super().__init__()
        del self.headers["content-length"]
        self._job = job

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Tell until the import has ended; a client that leaves ends it as long as nothing is stored."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        try:
            while not self._job.ended.is_set():
                await _say(self._job.progress, send)
                with trio.move_on_after(_TOLD_EVERY_S):
                    await self._job.ended.wait()
        finally:
            self._job.abandon()
        try:
            last = {"result": await self._job.outcome()}
        except Refusal as refusal:
            error = {"code": refusal.code, "message": refusal.message, "hint": refusal.hint, "status": refusal.status}
            last = {"error": error}
        except StoreUnavailable:
            hint = "try again; the hub's log says why"
            last = {"error": {"code": "store_unavailable", "message": "the history cannot answer now", "hint": hint, "status": 503}}
        await _say(last, send)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _say(line: dict[str, Any], send: Send) -> None:
    await send({"type": "http.response.body", "body": json.dumps(line).encode() + b"\n", "more_body": True})
