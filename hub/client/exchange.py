"""Files of readings out of a hub and into it.

Owns the parameters and how the answers are read; the hub makes and checks the files. Used by the command line and by programs.
"""

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import trio

from hub.client.errors import HubError
from hub.client.http import HubClient

_PIECE_BYTES: Final = 1 << 20
Told = Callable[[str, int, int], None]  # uploading (bytes), checking, importing (readings): so much is done, of so much (0: nobody knows)


class Export:
    """An export that comes: `async for piece in export`. `is_empty`: there are no readings, and the file has none.

    `devices` is how many were named or are meant, 0 also where all are.
    """

    def __init__(self, pieces: AsyncIterator[bytes], devices: int, *, is_empty: bool) -> None:
        self._pieces = pieces
        self.devices = devices
        self.is_empty = is_empty

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Give the pieces. Only what ended without an error is whole."""
        return self._pieces


@asynccontextmanager
async def exported(
    client: HubClient,
    devices: Sequence[str] = (),
    channels: Sequence[str] = (),
    *,
    from_us: int | None = None,
    to_us: int | None = None,
    span_s: float | None = None,
    width: str = "raw",
    format: str = "csv",
    where: str | None = None,
) -> AsyncIterator[Export]:
    """Begin an export (csv, parquet, lp) of [from_us, to_us), of all there is where nothing is said; leaving the block ends it.

    The devices are named, or those that the tag expression `where` means.

    Raises HubError, `broken_off` where the hub could not go on: what came until then is no whole file.
    """
    params: dict[str, Any] = {"device": list(devices), "channel": list(channels), "width": width, "format": format}
    params |= {"from": from_us, "to": to_us, "span_s": span_s, "where": where}
    params = {key: value for key, value in params.items() if value is not None}
    async with client.answered("GET", "/api/v1/export", params=params) as answer:
        is_empty = answer.headers.get("x-tributary-empty") == "true"
        yield Export(answer.aiter_raw(), int(answer.headers.get("x-tributary-devices", 0)), is_empty=is_empty)


async def export(client: HubClient, devices: Sequence[str] = (), channels: Sequence[str] = (), **other: Any) -> AsyncIterator[bytes]:
    """Yield an export piece by piece, with the options of `exported`. Raises HubError."""
    async with exported(client, devices, channels, **other) as pieces:
        async for piece in pieces:
            yield piece


async def import_file(client: HubClient, path: Path, told: Told | None = None, *, create: bool = False, **options: Any) -> dict[str, Any]:
    """Import a CSV or Parquet file and return what was done: `changed`, `readings`, `devices` and more (docs/exchange.md).

    `options` are the parameters of POST /api/v1/import. A cancelled call leaves nothing, unless the hub has begun to store the file, which
    it then does to the end. Raises HubError, OSError.
    """
    say = told or (lambda phase, done, total: None)
    params = {key: value for key, value in options.items() if value is not None}
    params |= {"create": "true" if create else "false", "progress": "true"}
    size = (await trio.Path(path).stat()).st_size
    headers = {"Content-Type": "application/octet-stream", **({"Content-Length": str(size)} if size else {})}  # a pipe has no size
    last: Mapping[str, Any] = {}
    async with client.answered("POST", "/api/v1/import", params=params, content=_pieces(path, size, say), headers=headers) as answer:
        async for line in answer.aiter_lines():
            last = json.loads(line)
            if "phase" in last:
                say(last["phase"], last["readings"], last["of_readings"])
    if (error := last.get("error")) is not None:
        raise HubError(str(error["code"]), str(error["message"]), str(error["hint"]), int(error["status"]))
    if "result" not in last:
        raise HubError("closed", "the hub ended the import without saying how", "look at its log, then import the same file again")
    result: dict[str, Any] = last["result"]
    return result


async def _pieces(path: Path, size: int, say: Told) -> AsyncIterator[bytes]:
    sent = 0
    async with await trio.open_file(path, "rb") as file:
        while piece := await file.read(_PIECE_BYTES):
            yield piece
            sent += len(piece)
            say("uploading", sent, size)
