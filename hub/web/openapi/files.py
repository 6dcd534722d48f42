"""How exports and imports describe themselves: parameters, the file, refusals (docs/exchange.md has the story).

Owns words and examples; core/exchange/options.py owns what the options of an import may be. Used by exchange.py.
"""

from typing import Annotated, Any, Final

from fastapi import Query

from hub.web.openapi.convention import refuses, text_content

MAX_NAMES: Final = 10_000  # in one export
_CSV: Final = "time,device,channel,value,unit,kind\n2026-11-21T08:00:00.000000Z,greenhouse,temperature,21.5,Cel,gauge\n"
_LINE: Final = "temperature,device=greenhouse value=21.5 1795248000000000000\n"
_FILE: Final = {
    "text/csv": text_content(_CSV),
    "application/vnd.apache.parquet": text_content("PAR1..."),
    "text/plain": text_content(_LINE),
}
_EMPTY: Final = {
    "X-Tributary-Empty": {"description": "true: there is nothing to export", "schema": {"type": "string"}, "example": "false"},
    "X-Tributary-Devices": {"description": "How many devices `where` means", "schema": {"type": "string"}, "example": "12"},
}
_CHUNKS: Final = "The file, in chunks. Where the last chunk is missing something went wrong, and the file is not whole"
EXPORTED: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": _CHUNKS, "content": _FILE, "headers": _EMPTY},
    **refuses(
        no_device=404, no_channel=404, bad_format=422, bad_width=422, bad_range=422, bad_time=422, bad_name=422, bad_where=422, too_much=422
    ),
    **refuses(bad_http=426, store_refused=502, busy=503),
}
BODY: Final[dict[str, Any]] = {
    "requestBody": {"required": True, "description": "The file, to 4 GiB", "content": {"application/octet-stream": text_content(_CSV)}}
}
_LINES: Final = {"application/x-ndjson": text_content('{"phase": "checking", "readings": 2, "of_readings": 0}')}
IMPORTED: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "What was done; with `progress` JSON lines", "content": _LINES},
    **refuses(
        no_device=404,
        import_running=409,
        import_differs=409,
        too_many_series=409,
        being_deleted=409,
        too_large=413,
        bad_file=422,
        bad_options=422,
        bad_zone=422,
        bad_name=422,
    ),
    **refuses(store_refused=502, cut_off=503, no_room=507),
}

Names = Annotated[list[str], Query(max_length=MAX_NAMES, description="Only of these, all without; repeatable", examples=[["greenhouse"]])]
Output = Annotated[str, Query(description="csv, parquet or lp (line protocol)", examples=["csv"])]

Format = Annotated[str | None, Query(description="csv or parquet; seen by the file's first bytes without it", examples=["csv"])]
Device = Annotated[str | None, Query(description="The device that all readings are of", examples=["greenhouse"])]
DeviceColumn = Annotated[str | None, Query(description="The column with the device", examples=["device"])]
Channel = Annotated[str | None, Query(description="The channel that all readings are of", examples=["temperature"])]
ChannelColumn = Annotated[str | None, Query(description="The column with the channel", examples=["channel"])]
ValueColumn = Annotated[str | None, Query(description="The column with the value", examples=["value"])]
Unit = Annotated[str | None, Query(description="The unit of all channels, a UCUM code", examples=["Cel"])]
Kind = Annotated[str | None, Query(description="The kind of all channels", examples=["gauge"])]
TimeColumn = Annotated[str | None, Query(description="The column with the time", examples=["time"])]
TimeFormat = Annotated[
    str, Query(description="How times are written: rfc3339, s, ms, us, ns, or a pattern of strptime", examples=["rfc3339"])
]
Zone = Annotated[str | None, Query(description="The zone of times that name none", examples=["Europe/Berlin"])]
Delimiter = Annotated[str, Query(description="comma, semicolon or tab", examples=["comma"])]
Decimal = Annotated[str, Query(description="point or comma", examples=["point"])]
Skip = Annotated[list[str], Query(max_length=20, description="Columns to leave out; repeatable", examples=[["note"]])]
Create = Annotated[bool, Query(description="Add devices that are not known", examples=[True])]
Progress = Annotated[bool, Query(description="Answer with JSON lines, as it goes on", examples=[True])]
