"""Routes of stored readings: which series there are, and a range of one or several of them.

Owns the reading of times and widths, the JSON shape, and what a browser may keep of an answer; the history store answers, or what is
kept of its answers about the past (hub/core/closed.py). Made into the app by api.py.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any, Final

import numpy as np
import trio
from fastapi import APIRouter, Depends, Query, Request, Response

from hub.core.closed import ClosedAnswers, Kept, Question
from hub.core.errors import Refusal
from hub.core.joint import folded
from hub.core.records import Buckets, RangeAnswer, Reading, Series
from hub.core.registry import Registry
from hub.ports import HistoryStore
from hub.web.access import Access, Action
from hub.web.chosen import chosen
from hub.web.envelope import Answer
from hub.web.openapi.convention import refuses
from hub.web.openapi.parameters import From, OfDevice, Span, To, Where, Width
from hub.web.shapes.readings import AllSeries
from hub.web.shapes.readings import Found as Answered
from hub.web.turns import Turns

Figures = Callable[[], Mapping[str, float]]
WIDTHS_US: Final = {
    "raw": 0, "100ms": 100_000, "1s": 1_000_000, "10s": 10_000_000, "1min": 60_000_000, "10min": 600_000_000, "1h": 3_600_000_000,
    "1d": 86_400_000_000,
}  # fmt: skip
MAX_POINTS: Final = 100_000  # one answer: some 5 MB of JSON
MAX_SERIES: Final = 1_000
MAX_DEVICES: Final = 100
GIVEN_UP: Final = ("evicted_files", "expired_files", "damaged_files")  # figures of a store in the data directory
_JSON: Final = "application/json"
MAX_TIME_US: Final = 2**63 // 1_000 - 1
MAX_LISTED: Final = 10_000  # series, some 1 MB
_After = Annotated[
    str, Query(description="Go on after this place, the `next` of the page before", examples=["greenhouse\ttemperature\tCel\tgauge"])
]
_Limit = Annotated[int, Query(ge=1, le=MAX_LISTED, description="The most series to return", examples=[1_000])]
_DEVICES: Final = "Devices to ask for; repeatable"
_CHANNELS: Final = "Channels to ask for, all without; repeatable"
_REFUSED: Final = refuses(busy=503, query_timeout=504, store_refused=502)
_UNCHANGED: Final = {304: {"description": "What If-None-Match names is still right"}}
_REFUSED_RANGE: Final = _REFUSED | refuses(bad_where=422, bad_width=422, bad_range=422, bad_time=422, too_much=422) | _UNCHANGED


def history_routes(history: HistoryStore, registry: Registry, access: Access, closed: ClosedAnswers, figures: Figures = dict) -> APIRouter:
    """Return the routes; `figures` are the store's as last sampled."""
    router = APIRouter(prefix="/api/v1")
    turns = Turns()
    answering = Answering(history, closed, turns, figures)

    reader, watcher = [Depends(access.may(Action.READ))], [Depends(access.may(Action.SEE))]

    @router.get("/series", response_model=AllSeries, responses=_REFUSED | refuses(bad_where=422), dependencies=reader)
    async def series(device: OfDevice = None, where: Where = None, after: _After = "", limit: _Limit = MAX_LISTED) -> Response:
        """Return series that have readings, of all devices or those meant; go on with `after` = `next` of the answer, null at the end."""
        devices = chosen(registry, [] if device is None else [device], where)
        found = {_place(each): each for each in await turns.take(history.list_series) if devices is None or each.device in devices}
        places = sorted(place for place in found if place > after)
        page = places[:limit]
        return Answer({"series": [_named(found[place]) for place in page], "next": page[-1] if len(places) > limit else None})

    @router.get("/query", response_model=Answered, responses=_REFUSED_RANGE, dependencies=watcher)
    async def query(
        request: Request,
        device: Annotated[list[str], Query(max_length=MAX_DEVICES, description=_DEVICES, examples=[["greenhouse"]])] = [],  # noqa: B006  # FastAPI copies it
        where: Where = None,
        channel: Annotated[list[str], Query(max_length=MAX_SERIES, description=_CHANNELS, examples=[["temperature"]])] = [],  # noqa: B006
        from_: From = None,
        to: To = None,
        span_s: Span = None,
        width: Width = "raw",
        limit: Annotated[int, Query(ge=1, le=MAX_POINTS, description="The most points or buckets", examples=[10_000])] = 10_000,
    ) -> Response:
        """Return readings or buckets of a range, oldest first; cut short to the newest where there are more than `limit`.

        `device` or `where` says of which devices; `devices` in the answer is how many were named or are meant.
        Buckets are whole: `from` is rounded down and `to` up. Where the range is past, the answer has an ETag.
        """
        if (devices := chosen(registry, device, where)) is None:
            raise Refusal("bad_request", "neither device nor where is given", "say of which devices", 422)
        width_us = _width_us(width)
        begin_us, end_us = _whole(*_range_us(from_, to, span_s), width_us)
        question = Question(devices, frozenset(channel), begin_us, end_us, width_us, limit)
        return await answering.answer(question, request.headers.get("if-none-match", ""))

    return router


class Answering:
    """Answers questions, from what is kept where that is right."""

    def __init__(self, history: HistoryStore, closed: ClosedAnswers, turns: Turns, figures: Figures) -> None:
        self._history = history
        self._figures = figures
        self._closed = closed
        self._turns = turns
        self._shaping = trio.CapacityLimiter(1)  # one answer at a time, so that queries never have more than a core

    async def answer(self, question: Question, known_tags: str) -> Response:
        """Return the answer; 304 where it is past and the asker has it. Raises Refusal, StoreUnavailable."""
        now_us = time.time_ns() // 1_000
        if not self._closed.is_closed(question, now_us):
            body, _ = await self._ask(question)
            return Response(body, media_type=_JSON)
        self._closed.given_up(sum(self._figures().get(name, 0) for name in GIVEN_UP))
        kept = self._closed.get(question, now_us) or await self._ask_and_keep(question, now_us)
        headers = {"ETag": kept.tag, "Cache-Control": "private, no-cache"}
        if is_known(kept.tag, known_tags):
            self._closed.unchanged()
            return Response(status_code=304, headers=headers)
        return Response(kept.body, media_type=_JSON, headers=headers)

    async def _ask_and_keep(self, question: Question, now_us: int) -> Kept:
        asking, lasting = self._closed.begin(question, now_us), None
        try:
            body, is_whole = await self._ask(question)
            kept = Kept.of(body, now_us)
            lasting = kept if is_whole else None
        finally:
            self._closed.end(asking, lasting)
        return kept

    async def _ask(self, question: Question) -> tuple[bytes, bool]:
        """Ask the store, write what it says as JSON, and tell whether nothing in the range is given up by retention.

        JSON is written in a thread, as 100,000 points take a tenth of a second without an ack.
        """
        wanted, answer = await self._turns.take(partial(self._ask_store, question))
        body = await trio.to_thread.run_sync(_shaped, answer, wanted, question, limiter=self._shaping)
        return body, answer.kept_from_us is None or answer.kept_from_us <= question.from_us

    async def _ask_store(self, question: Question) -> tuple[list[Series], RangeAnswer]:
        def is_wanted(series: Series) -> bool:
            return series.device in question.devices and (not question.channels or series.channel in question.channels)

        wanted = [each for each in await self._history.list_series() if is_wanted(each)]
        if len(wanted) > MAX_SERIES:
            raise Refusal("too_much", f"{len(wanted):,} series match, the limit is {MAX_SERIES:,}", "name fewer devices or channels", 422)
        return wanted, await self._history.query(wanted, question.from_us, question.to_us, question.width_us, question.limit)


def is_known(tag: str, known: str) -> bool:
    """Tell whether If-None-Match names a tag (RFC 9110 section 13.1.2: weakly compared, * names all)."""
    return known.strip() == "*" or tag in [each.strip().removeprefix("W/") for each in known.split(",")]


def _shaped(answer: RangeAnswer, wanted: Sequence[Series], question: Question) -> bytes:
    """Write an answer as JSON."""
    answer = folded(answer, question.width_us)
    cursor = None if answer.cursor is None else {"journal": answer.cursor.journal, "position": answer.cursor.position}
    found = [{**_named(each), "points": _points(answer.raw[each])} for each in wanted if each in answer.raw]
    found += [{**_named(each), "buckets": _buckets(answer.buckets[each])} for each in wanted if each in answer.buckets]
    said = {"cursor": cursor, "truncated": answer.is_truncated, "from_us": question.from_us, "to_us": question.to_us}
    said["devices"] = len(question.devices)
    if answer.kept_from_us is not None and answer.kept_from_us > question.from_us:
        said["kept_from_us"] = min(answer.kept_from_us, question.to_us)
    return bytes(Answer({**said, "series": found}).body)


def _named(series: Series) -> dict[str, Any]:
    return {"device": series.device, "channel": series.channel, "unit": series.unit, "kind": series.kind.value}


def _place(series: Series) -> str:
    """Return where a series stands in the list: opaque to clients, and in order."""
    return "\t".join((series.device, series.channel, series.unit, series.kind.value))


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


def _whole(begin_us: int, end_us: int, width_us: int) -> tuple[int, int]:
    """Return a range rounded to whole buckets, as far as there is time; raw is as asked."""
    if not width_us:
        return begin_us, end_us
    return max(begin_us - begin_us % width_us, -MAX_TIME_US), min(end_us + -end_us % width_us, MAX_TIME_US)


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
