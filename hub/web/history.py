"""Routes of stored readings: which series there are, and a range of one or several of them.

Owns the reading of times and widths and the JSON shape; the history store answers. Made into the app by api.py.
"""

import math
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any, Final

import numpy as np
import trio
from fastapi import APIRouter, Depends, Query, Response

from hub.core.errors import Refusal
from hub.core.records import Buckets, RangeAnswer, Reading, Series
from hub.ports import HistoryStore
from hub.web.access import Access, Action
from hub.web.envelope import Answer

WIDTHS_US: Final = {
    "raw": 0, "100ms": 100_000, "1s": 1_000_000, "10s": 10_000_000, "1min": 60_000_000, "10min": 600_000_000, "1h": 3_600_000_000,
    "1d": 86_400_000_000,
}  # fmt: skip
MAX_POINTS: Final = 100_000  # one answer: some 5 MB of JSON
MAX_SERIES: Final = 1_000
MAX_TIME_US: Final = 2**63 // 1_000 - 1


def history_routes(history: HistoryStore, access: Access) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/api/v1", dependencies=[Depends(access.may(Action.READ))])
    shaping = trio.CapacityLimiter(1)  # one answer at a time, so that queries never have more than a core

    @router.get("/series")
    async def series(device: str | None = None) -> dict[str, Any]:
        """Return every series that has a reading."""
        return {"series": [_named(each) for each in await history.list_series() if device is None or each.device == device]}

    @router.get("/query")
    async def query(
        device: Annotated[list[str], Query(min_length=1, max_length=100)],
        channel: Annotated[list[str], Query(max_length=MAX_SERIES)] = [],  # noqa: B006  # FastAPI copies it
        from_: Annotated[str | None, Query(alias="from")] = None,
        to: str | None = None,
        span_s: Annotated[float | None, Query(gt=0, le=1e10)] = None,
        width: str = "raw",
        limit: Annotated[int, Query(ge=1, le=MAX_POINTS)] = 10_000,
    ) -> Response:
        """Return readings or buckets of a range, oldest first; cut short to the newest where there are more than `limit`."""
        width_us = _width_us(width)
        begin_us, end_us = _range_us(from_, to, span_s)
        wanted = [each for each in await history.list_series() if each.device in device and (not channel or each.channel in channel)]
        if len(wanted) > MAX_SERIES:
            raise Refusal("too_much", f"{len(wanted)} series match, the limit is {MAX_SERIES}", "name fewer devices or channels", 422)
        answer = await history.query(wanted, begin_us, end_us, width_us, limit)
        shape = partial(_shaped, answer, wanted, begin_us, end_us)
        return await trio.to_thread.run_sync(shape, limiter=shaping)

    return router


def _shaped(answer: RangeAnswer, wanted: Sequence[Series], begin_us: int, end_us: int) -> Response:
    """Write an answer as JSON; in a thread, as 100,000 points take a tenth of a second in which no device would be acked."""
    cursor = None if answer.cursor is None else {"journal": answer.cursor.journal, "position": answer.cursor.position}
    found = [{**_named(each), "points": _points(answer.raw[each])} for each in wanted if each in answer.raw]
    found += [{**_named(each), "buckets": _buckets(answer.buckets[each])} for each in wanted if each in answer.buckets]
    return Answer({"cursor": cursor, "truncated": answer.is_truncated, "from_us": begin_us, "to_us": end_us, "series": found})


def _named(series: Series) -> dict[str, Any]:
    return {"device": series.device, "channel": series.channel, "unit": series.unit, "kind": series.kind.value}


def _points(readings: list[Reading]) -> list[list[Any]]:
    return [[t_ns // 1_000, t_ns % 1_000, value] for t_ns, value in readings]


def _buckets(buckets: Buckets) -> dict[str, Any]:
    columns = {name: _plain(getattr(buckets, name)) for name in ("min", "max", "sum")}
    times = {"t": buckets.start_us.tolist(), "last_t": (buckets.last_ns // 1_000).tolist()}
    return {"width_us": buckets.width_us, **times, **columns, "count": buckets.count.tolist(), "last": buckets.last}


def _plain(column: "np.ndarray[Any, np.dtype[np.float64]]") -> list[float | None]:
    """Return floats with None for NaN, which JSON does not have."""
    return [None if math.isnan(value) or math.isinf(value) else value for value in column.tolist()]


def _width_us(width: str) -> int:
    if width not in WIDTHS_US:
        raise Refusal("bad_width", f"width is one of {', '.join(WIDTHS_US)}, not {width[:20]!r}", "correct width", 422)
    return WIDTHS_US[width]


def _range_us(begin: str | None, end: str | None, span_s: float | None) -> tuple[int, int]:
    """Return [begin, end) in µs; without an end it is one second ahead, so that nothing just stored is missing."""
    if begin is not None and span_s is not None:
        raise Refusal("bad_range", "from and span_s are both given", "give one of them", 422)
    end_us = _time_us("to", end) if end is not None else time.time_ns() // 1_000 + 1_000_000
    begin_us = _time_us("from", begin) if begin is not None else end_us - int((span_s or 3_600.0) * 1e6)
    if begin_us < -MAX_TIME_US:
        raise Refusal("bad_range", f"span_s = {span_s:g} reaches beyond -{MAX_TIME_US} µs", "ask for less history", 422)
    if begin_us >= end_us:
        raise Refusal("bad_range", f"from ({begin_us}) is not before to ({end_us})", "swap or widen them", 422)
    return begin_us, end_us


def _time_us(name: str, text: str) -> int:
    try:
        time_us = int(text)
    except ValueError:
        try:
            moment = datetime.fromisoformat(text.replace(" ", "+"))  # a + that was not escaped in the URL
        except ValueError:
            hint = "write 2026-11-21T08:00:00Z, or µs since 1970"
            raise Refusal("bad_time", f"{name} = {text[:40]!r} is neither RFC 3339 nor µs since 1970", hint, 422) from None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        since = moment - datetime(1970, 1, 1, tzinfo=UTC)
        time_us = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    if abs(time_us) > MAX_TIME_US:
        raise Refusal("bad_time", f"{name} is beyond ±{MAX_TIME_US} µs", "choose a time within 292 years of 1970", 422)
    return time_us
